#!/bin/bash
# Tags and an ACL set through a mount that did not write the version: its replica, which another mount has made, gets them, and
# is not sent again.
. "$(dirname "$0")/lib.sh"
begin
make_rules all
mount_crrfs
second mount_crrfs
for name in t a; do echo text >"$MNT/$name"; done
wait_repl
seen() { [ -e "$SECOND/t" ] && [ -e "$SECOND/a" ]; }
retry_until "$LONG" seen
set_xattr "$SECOND/t" user.s3.tag.class tax
set_xattr "$SECOND/a" user.s3.acl public-read
second wait_repl
for name in t a; do assert_eq "$(s3 count-versions b $name)" 1 "replicas of $name"; done
s3 compare --acl
