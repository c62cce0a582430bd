#!/bin/bash
# mv of a directory sends no body to any side.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
mkdir -p "$MNT/dir/sub"
for i in $(seq 12); do random_file "$MNT/dir/$i" 20000 "$i"; done
random_file "$T/big" $((12 * 1024 * 1024))
cp "$T/big" "$MNT/dir/sub/big"
wait_repl
mark_requests
mv "$MNT/dir" "$MNT/new"
wait_repl
for side in a b; do
	assert_eq "$(count_bodies $side)" 0 "bodies sent to $side"
	assert_requests $side GetObject '' 0
done
s3 get b new/sub/big "$T/got" , compare
assert_file_equal "$T/big" "$T/got"
assert_eq "$(s3 keys b dir/ | wc -l)" 0 "keys left at the destination"
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
