#!/bin/bash
# A prefix rule selects by the start of the key, byte for byte; nothing else leaves.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/
mount_crrfs
mkdir -p "$MNT/Tax/2026/deep" "$MNT/tax" "$MNT/Other"
for name in Tax/a Tax/2026/b Tax/2026/deep/c tax/no Other/no Taxi root; do
	echo "this is $name" >"$MNT/$name"
done
wait_repl
s3 compare --prefix Tax/
assert_eq "$(s3 keys b | grep -v '/$' | tr '\n' ' ')" "Tax/2026/b Tax/2026/deep/c Tax/a " "keys at the destination"
assert_eq "$(xattr "$MNT/Tax/a" user.s3.replication-status)" COMPLETED
