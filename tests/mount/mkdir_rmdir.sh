#!/bin/bash
# Folders are marker objects "name/"; a folder without a marker is seen as well; rmdir refuses a full one.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
mkdir "$MNT/a" "$MNT/a/b"
assert_errno "File exists" mkdir "$MNT/a"
assert_errno "No such file" mkdir "$MNT/x/y"
echo text >"$MNT/a/b/file"
assert_errno "not empty" rmdir "$MNT/a/b"
assert_errno "Not a directory" rmdir "$MNT/a/b/file"
assert_errno "Is a directory" /usr/bin/python3 -c 'import os, sys; os.unlink(sys.argv[1])' "$MNT/a"
assert_eq "$(find "$MNT" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" "a a/b a/b/file "
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "a/ a/b/ a/b/file "
rm "$MNT/a/b/file"
rmdir "$MNT/a/b"
[ ! -e "$MNT/a/b" ] || fail "still there"
[ -d "$MNT/a" ] || fail "the parent has gone with it"
wait_repl
assert_eq "$(s3 keys a , keys b | tr '\n' ' ')" "a/ a/ "
# made by others, without a marker
echo x >"$T/x"
s3 put a implicit/deep/file "$T/x"
remount_crrfs
assert_eq "$(cat "$MNT/implicit/deep/file")" x
[ -d "$MNT/implicit" ] || fail "no folder"
rm "$MNT/implicit/deep/file"
assert_eq "$(ls "$MNT/implicit/deep" 2>/dev/null)" ""
