#!/bin/bash
# No secret on a command line, in a log (not even with -d), or in the state folder.
. "$(dirname "$0")/lib.sh"
begin
MOUNTS+=("$MNT")
"$CRRFS" "s3://$SRC" "$MNT" -d -o "$(base_options)" </dev/null >"$T/mount-d.log" 2>&1 &
MOUNT_PID=$!
CHILDREN+=("$MOUNT_PID")
mounted() { is_mounted "$MNT" && stat -f "$MNT"; }
retry_until "$LONG" mounted
echo text >"$MNT/file"
set_xattr "$MNT/file" user.s3.tag.class tax
wait_repl
tr '\0' ' ' <"/proc/$MOUNT_PID/cmdline" >"$T/cmdline"
ctl status --json "$MNT" >"$T/status"
ctl queue "$MNT" >>"$T/status"
umount_crrfs
mount_fails any profile=wrong
for secret in "$S3_A_SECRET" "$S3_B_SECRET" this-is-not-the-secret; do
	grep -rqaF -- "$secret" "$T/cmdline" "$T/mount-d.log" "$T/status" "$STATE" "$T/err" && fail "a secret was written"
done
# nor a signature that somebody could use again
if grep -aqE 'Signature=[0-9a-f]{64}' "$T/mount-d.log"; then fail "a signature in the log"; fi
