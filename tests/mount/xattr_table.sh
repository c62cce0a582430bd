#!/bin/bash
# The table of xattrs: tags one by one and all at once, metadata by both names; get, set, list, remove.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
f=$MNT/file
echo text >"$f"
assert_eq "$(list_xattrs "$f")" "" "a new file has none"
set_xattr "$f" user.s3.tag.class tax
set_xattr "$f" user.s3.tag.Class other
assert_eq "$(xattr "$f" user.s3.tag.class)" tax
assert_eq "$(xattr "$f" user.s3.tags)" "Class=other&class=tax"
assert_eq "$(s3 tags a file | tr '\n' ' ')" "Class=other class=tax "
set_xattr "$f" user.s3.tags 'k%20k=v%2Bv&empty=&plain=a b'
assert_eq "$(s3 tags a file | tr '\n' '|')" "empty=|k k=v+v|plain=a b|"
assert_eq "$(xattr "$f" 'user.s3.tag.k k')" v+v
assert_eq "$(xattr "$f" user.s3.tag.empty)" ""
assert_errno "No such attribute" xattr "$f" user.s3.tag.class
setfattr -x user.s3.tag.plain "$f"
assert_eq "$(s3 tags a file | tr '\n' '|')" "empty=|k k=v+v|"
setfattr -x user.s3.tags "$f"
assert_eq "$(s3 tags a file)" "" "tags after removing all"
assert_errno "No such attribute" setfattr -x user.s3.tag.plain "$f"
# the create and replace flags
/usr/bin/python3 - "$f" <<'END'
import errno, os, sys
f = sys.argv[1]
def fails(code, *args):
    try:
        os.setxattr(f, *args)
    except OSError as error:
        assert error.errno == code, error
    else:
        raise AssertionError(args)
for name in ('user.s3.tag.flag', 'user.flag'):
    fails(errno.ENODATA, name, b'1', os.XATTR_REPLACE)
    os.setxattr(f, name, b'1', os.XATTR_CREATE)
    fails(errno.EEXIST, name, b'2', os.XATTR_CREATE)
    os.setxattr(f, name, b'3', os.XATTR_REPLACE)
    assert os.getxattr(f, name) == b'3'
    os.removexattr(f, name)
END
# metadata
set_xattr "$f" user.s3.meta.one first
set_xattr "$f" user.two second
sync "$f"
assert_eq "$(s3 meta a file one , meta a file two | tr '\n' ' ')" "first second "
assert_eq "$(xattr "$f" user.one) $(xattr "$f" user.s3.meta.two)" "first second"
set_xattr "$f" user.s3.tag.class tax
assert_match "$(dump_xattrs "$f" | tr '\n' ' ')" 'user\.s3\.tag\.class="tax" '
assert_match "$(dump_xattrs "$f" | tr '\n' ' ')" 'user\.(s3\.meta\.)?two="second" '
setfattr -x user.one "$f"
sync "$f"
assert_eq "$(s3 meta a file one)" ""
wait_repl
s3 compare
remount_crrfs
assert_eq "$(xattr "$f" user.s3.tag.class) $(xattr "$f" user.two)" "tax second"
# what another program put there
s3 puttags a file 'other=program' , put a foreign "$T/credentials" colour=green --tags a=1
assert_eq "$(xattr "$MNT/foreign" user.colour) $(xattr "$MNT/foreign" user.s3.tag.a)" "green 1"
# folders have them as well, or say clearly that they do not
mkdir "$MNT/dir"
getfattr -d "$MNT/dir" >"$T/out"
assert_errno "No such attribute" xattr "$MNT/dir" user.nothing
