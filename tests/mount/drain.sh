#!/bin/bash
# An unmount drains the queue within drain_timeout; what is left is sent by the next mount.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs drain_timeout=60
for i in $(seq 50); do echo "$i" >"$MNT/f$i"; done
random_file "$T/big" 20000000
cp "$T/big" "$MNT/big"
umount_crrfs
s3 compare
# SIGTERM is an orderly end as well
mount_crrfs drain_timeout=60
echo term >"$MNT/term"
kill "$MOUNT_PID"
end_of_mount
if is_mounted "$MNT"; then fail "still mounted after SIGTERM"; fi
s3 compare
# a dead destination does not hold it up for ever
proxy_start
make_destinations "$PROXY_URL"
proxy_down
mount_crrfs drain_timeout=2
echo later >"$MNT/later"
umount_crrfs
if s3 exists b later; then fail "how did it get there?"; fi
s3 exists a later
proxy_up
mount_crrfs
wait_repl
s3 compare
