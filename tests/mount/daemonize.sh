#!/bin/bash
# Without -f the command returns when the mount works, and the daemon holds nothing of its caller's.
. "$(dirname "$0")/lib.sh"
begin
MOUNTS+=("$MNT")
# a command substitution ends only when nobody holds its pipe any more
out=$(cd "$T" && timeout "$LONG" "$CRRFS" "s3://$SRC" "$MNT" -o "$(base_options)" 2>&1) || fail "$out"
is_mounted "$MNT" || fail "not mounted when the command has returned"
echo text >"$MNT/file"
wait_repl
s3 compare
pid=$(pgrep -f -- "^$CRRFS s3://$SRC ")
DAEMONS+=("$pid")
assert_eq "$(readlink "/proc/$pid/cwd")" / "working folder of the daemon"
if [ "$(id -u)" = 0 ]; then umount "$MNT"; else fusermount3 -u "$MNT"; fi
ended() { ! running "$pid"; }
retry_until "$LONG" ended
