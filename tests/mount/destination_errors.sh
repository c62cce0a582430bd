#!/bin/bash
# Permanent refusals of the destination park the row with S3's code; others go on; retry repairs.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
fault b 'op=PutObject key=bad count=-1 action=status:403:AccessDenied'
echo text >"$MNT/bad"
echo text >"$MNT/good"
failed() { [ "$(xattr "$MNT/bad" user.s3.replication-status)" = FAILED ]; }
retry_until "$LONG" failed
good() { [ "$(xattr "$MNT/good" user.s3.replication-status)" = COMPLETED ]; }
no_faults b
retry_until "$LONG" good
ctl queue "$MNT" | grep -q AccessDenied || fail "no reason in the queue: $(ctl queue "$MNT")"
ctl retry "$MNT"
wait_repl
s3 compare
