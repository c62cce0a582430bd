#!/bin/bash
# rename(2) of a file keeps bytes, metadata and tags; it may replace another; the old key gets a delete marker.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,markers
mount_crrfs
mkdir "$MNT/Tax"
echo one >"$MNT/Tax/one"
set_xattr "$MNT/Tax/one" user.s3.tag.class tax
set_xattr "$MNT/Tax/one" user.colour blue
chmod 600 "$MNT/Tax/one"
random_file "$T/big" 9000000
cp "$T/big" "$MNT/outside"
mv "$MNT/Tax/one" "$MNT/Tax/two"
[ ! -e "$MNT/Tax/one" ] || fail "the old name is still there"
assert_eq "$(cat "$MNT/Tax/two")" one
assert_eq "$(xattr "$MNT/Tax/two" user.s3.tag.class)" tax
assert_eq "$(xattr "$MNT/Tax/two" user.colour)" blue
assert_eq "$(stat -c %a "$MNT/Tax/two")" 600
# into the rule's reach, over an old file
echo victim >"$MNT/Tax/victim"
mv "$MNT/outside" "$MNT/Tax/victim"
assert_file_equal "$T/big" "$MNT/Tax/victim"
# out of its reach
mv "$MNT/Tax/two" "$MNT/out"
assert_errno "No such file" mv -T "$MNT/not there" "$MNT/x"
wait_repl
assert_eq "$(s3 keys b | grep -v '/$' | tr '\n' ' ')" "Tax/victim "
assert_eq "$(s3 keys a | grep -v '/$' | tr '\n' ' ')" "Tax/victim out "
s3 compare --prefix Tax/
assert_eq "$(s3 tags a out)" class=tax
assert_eq "$(s3 meta a out colour)" blue
remount_crrfs
assert_eq "$(cat "$MNT/out")" one
assert_file_equal "$T/big" "$MNT/Tax/victim"
# RENAME_NOREPLACE, as mv --no-clobber of newer coreutils and many programs use it
echo a >"$MNT/a"
echo b >"$MNT/b"
/usr/bin/python3 - "$MNT/a" "$MNT/b" <<'END'
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
status = libc.renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 1)
assert status == -1 and ctypes.get_errno() in (errno.EEXIST, errno.EINVAL), (status, ctypes.get_errno())
END
assert_eq "$(cat "$MNT/a" "$MNT/b" | tr '\n' ' ')" "a b "
