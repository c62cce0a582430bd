#!/bin/bash
# mv of a directory: of what was seen before a copy and a delete for each key where no rule looks at it; tags, which nobody
# asked for, go along. Where a rule may, its tags are asked for.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=copied/,tag=go:yes
mount_crrfs
mkdir "$MNT/dir"
for i in {1..30}; do echo "$i" >"$MNT/dir/f$i"; done
setfattr -n user.colour -v blue "$MNT/dir/f7"
wait_repl
echo tagged >"$T/t"
s3 put a dir/tagged "$T/t" --tags go=yes
ls -l "$MNT/dir" >/dev/null
remount_crrfs
[ -d "$MNT/dir" ]
mark_requests
mv "$MNT/dir" "$MNT/new"
assert_requests a DeleteObject dir/ 32
if [ "$S3_SERVER" = s3d ]; then # Ceph's copies lose tags, and it does not say which version one made
	assert_requests a CopyObject new/ 32
	assert_requests a 'HeadObject|GetObjectTagging' dir/ 0
	assert_requests a 'HeadObject|GetObjectTagging' new/ 0
	assert_requests a '.*' .crrfs-probe/ 5
fi
assert_eq "$(s3 tags a new/tagged)" go=yes
assert_eq "$(xattr "$MNT/new/tagged" user.s3.tags)" go=yes
assert_eq "$(xattr "$MNT/new/f7" user.colour) $(cat "$MNT/new/f30")" "blue 30"
assert_eq "$(s3 keys a dir/ , keys a .crrfs-probe/)" ""
assert_eq "$(s3 keys b)" ""
# where the rule looks
mv "$MNT/new" "$MNT/copied"
wait_repl
assert_eq "$(s3 keys b)" copied/tagged
assert_eq "$(s3 tags b copied/tagged)" go=yes
# the question is asked once, and the answer remembered by the next mount
remount_crrfs
mark_requests
mv "$MNT/copied" "$MNT/again"
mv "$MNT/again" "$MNT/last"
assert_requests a '.*' .crrfs-probe/ 0
assert_eq "$(s3 tags a last/tagged)" go=yes
