#!/bin/bash
# A rule with And needs the prefix and all of its tags.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,tag=class:tax,tag=year:2026
mount_crrfs
mkdir "$MNT/Tax" "$MNT/Other"
for name in Tax/both Tax/one Tax/none Tax/three Other/both; do
	echo "this is $name" >"$MNT/$name"
done
set_xattr "$MNT/Tax/both" user.s3.tags 'class=tax&year=2026'
set_xattr "$MNT/Other/both" user.s3.tags 'class=tax&year=2026'
set_xattr "$MNT/Tax/one" user.s3.tag.class tax
set_xattr "$MNT/Tax/three" user.s3.tags 'class=tax&year=2026&more=yes'
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "Tax/both Tax/three " "keys at the destination"
s3 compare --prefix Tax/both --prefix Tax/three
