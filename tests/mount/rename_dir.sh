#!/bin/bash
# rename(2) of a folder moves all that is below it; a folder that is not empty is not replaced.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
mkdir -p "$MNT/old/sub/deep" "$MNT/full/x" "$MNT/empty"
for i in $(seq 30); do echo "$i" >"$MNT/old/f$i"; done
echo deep >"$MNT/old/sub/deep/file"
ln -s sub/deep/file "$MNT/old/link"
set_xattr "$MNT/old/f1" user.s3.tag.class tax
mv "$MNT/old" "$MNT/new"
[ ! -e "$MNT/old" ] || fail "the old folder is still there"
assert_eq "$(cat "$MNT/new/f7" "$MNT/new/link" | tr '\n' ' ')" "7 deep "
assert_errno "not empty" mv -T "$MNT/new" "$MNT/full"
mv -T "$MNT/new" "$MNT/empty"
assert_errno "subdirectory of itself" mv "$MNT/empty" "$MNT/empty/sub/"
wait_repl
s3 compare
assert_eq "$(s3 keys b old/ , keys b new/)" "" "keys left under the old names"
assert_eq "$(s3 keys b empty/ | grep -vc '/$')" 32 "files at the destination"
assert_eq "$(s3 tags b empty/f1)" class=tax
remount_crrfs
assert_eq "$(cat "$MNT/empty/sub/deep/file")" deep
assert_eq "$(readlink "$MNT/empty/link")" sub/deep/file
