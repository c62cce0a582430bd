#!/bin/bash
# kill -9 after mkdir returned: the next mount makes the directory, once, as it was last, and none that was removed.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs settle=1000
mkdir -m 700 "$MNT/dir"
mkdir "$MNT/dir/in" "$MNT/dir/gone" "$MNT/old"
echo text >"$MNT/dir/in/file"
chmod 750 "$MNT/dir"
touch -d 2019-09-09T09:09:09Z "$MNT/dir"
setfattr -n user.colour -v blue "$MNT/dir"
set_xattr "$MNT/dir" user.s3.tag.class tax
rmdir "$MNT/dir/gone"
mv "$MNT/old" "$MNT/new"
kill9_crrfs
assert_eq "$(s3 count-versions a dir/ , count-versions a dir/in/ | tr '\n' ' ')" "0 0 "
# the answer is lost: did it happen?
if [ "$S3_SERVER" = s3d ]; then fault a 'op=PutObject key=dir/ action=reset-after'; fi
mount_crrfs settle=1000
facts() { stat -c '%n %F %a' "$MNT"/* "$MNT"/dir/*; }
expected="$MNT/dir directory 750
$MNT/new directory 755
$MNT/dir/in directory 755"
assert_eq "$(facts)" "$expected"
assert_eq "$(TZ=UTC stat -c %y "$MNT/dir")" "2019-09-09 09:09:09.000000000 +0000"
assert_eq "$(xattr "$MNT/dir" user.colour) $(xattr "$MNT/dir" user.s3.tags)" "blue class=tax"
assert_eq "$(cat "$MNT/dir/in/file")" text
wait_repl
for d in dir/ dir/in/ new/; do assert_versions "$d" 1; done
assert_versions dir/gone/ 0
s3 compare
# once and for all
remount_crrfs
wait_repl
assert_versions dir/ 1
assert_eq "$(facts)" "$expected"
