#!/bin/bash
# symlinks are objects in s3fs's way: the target is the body, the mode says what it is.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
mkdir "$MNT/dir"
echo text >"$MNT/dir/file"
ln -s dir/file "$MNT/link"
ln -s /nowhere/at/all "$MNT/broken"
ln -s "ünï cödé" "$MNT/unicode"
assert_eq "$(cat "$MNT/link")" text
assert_eq "$(readlink "$MNT/broken")" /nowhere/at/all
assert_eq "$(stat -c %F "$MNT/link")" "symbolic link"
assert_errno "File exists" ln -s x "$MNT/link"
wait_repl
s3 compare
s3 get a link "$T/got"
assert_eq "$(cat "$T/got")" dir/file "body of the symlink's object"
assert_eq "$((($(s3 meta a link mode) & 0170000) == 0120000))" 1 "type in x-amz-meta-mode"
remount_crrfs
assert_eq "$(readlink "$MNT/link")" dir/file
assert_eq "$(readlink "$MNT/unicode")" "ünï cödé"
assert_eq "$(stat -c %s "$MNT/link")" 8 "size of the symlink"
rm "$MNT/link"
assert_eq "$(cat "$MNT/dir/file")" text
mv "$MNT/broken" "$MNT/dir/broken"
assert_eq "$(readlink "$MNT/dir/broken")" /nowhere/at/all
