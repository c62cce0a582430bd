#!/bin/bash
# A resync can be stopped: what it has queued is sent, the rest is not looked at. Without a mount it is kept for the next.
. "$(dirname "$0")/lib.sh"
begin
s3 fill a k 2300
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
proxy_down
ctl resync "$MNT" >"$T/out"
waits() { [ "$(ctl resync "$MNT" --list | awk '$2 == "resync" { print $6 }')" -ge 1000 ]; }
retry_until "$LONG" waits
ctl resync "$MNT" --stop 1 >"$T/out"
assert_match "$(cat "$T/out")" '^stopped'
assert_fails ctl resync "$MNT" --stop 1
proxy_up
wait_repl
n=$(s3 keys b | wc -l)
[[ $n -ge 1000 && $n -lt 2300 ]] || fail "$n objects at the destination"
umount_crrfs
assert_fails ctl resync --state "$STATE" --wait --prefix k2300
assert_match "$(cat "$T/err")" 'nothing is mounted'
ctl resync --state "$STATE" --prefix k2300 >"$T/out"
mount_crrfs
there() { s3 exists b k2300; }
retry_until "$LONG" there
