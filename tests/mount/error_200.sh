#!/bin/bash
# servers: s3d
# An error in a 200 is an error, also where success has no body: tags and ACL that were not taken are sent again, or refused.
. "$(dirname "$0")/lib.sh"
begin
make_rules all
mount_crrfs retry_first=0.1,retry_max=1
echo text >"$MNT/f"
wait_repl
fault b 'op=PutObjectTagging count=1 action=error200'
set_xattr "$MNT/f" user.s3.tag.x 1
wait_repl
fault b 'op=PutObjectAcl count=1 action=error200'
set_xattr "$MNT/f" user.s3.acl public-read
wait_repl
s3 compare --acl
fault a 'op=PutObjectTagging count=1 action=error200'
set_xattr "$MNT/f" user.s3.tag.y 2 # tried again
wait_repl
s3 compare --acl
assert_eq "$(s3 tags a f | tr '\n' ' ')" "x=1 y=2 " "tags at the source"
