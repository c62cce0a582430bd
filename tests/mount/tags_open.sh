#!/bin/bash
# Tags that a file gets while it is open for writing stay when it is written to, though others open it meanwhile.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs attr_timeout=0
exec 5>"$MNT/file"
echo one >&5
sync "$MNT/file"
set_xattr "$MNT/file" user.s3.tag.class tax
assert_eq "$(cat "$MNT/file")" one
assert_eq "$(xattr "$MNT/file" user.s3.tag.class)" tax
echo two >&5
exec 5>&-
assert_eq "$(xattr "$MNT/file" user.s3.tag.class)" tax "tag after the write"
wait_repl
assert_eq "$(s3 tags a file , tags b file | tr '\n' ' ')" "class=tax class=tax "
s3 compare
