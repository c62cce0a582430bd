#!/bin/bash
# A bucket without Object Lock: retention and legal hold are not supported, and the log has the server's words.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
f=$MNT/file
echo text >"$f"
assert_errno "No such attribute" xattr "$f" user.s3.retention
assert_eq "$(xattr "$f" user.s3.legal-hold)" OFF
assert_errno "Operation not supported" set_xattr "$f" user.s3.retention "GOVERNANCE 2040-01-01T00:00:00Z"
assert_errno "Operation not supported" set_xattr "$f" user.s3.legal-hold ON
grep -q 'op=retention key="file".*InvalidRequest' "$MOUNT_LOG" || fail "no line in the log"
wait_repl
s3 compare
