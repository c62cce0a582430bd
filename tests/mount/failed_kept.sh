#!/bin/bash
# What is in failed/ is somebody's only copy: it is never removed, and each mount says how much it is until a person has
# looked.
. "$(dirname "$0")/lib.sh"
begin
mkdir -p "$STATE/failed"
chmod 700 "$STATE" "$STATE/failed"
printf 12345 >"$STATE/failed/body-1"
printf 678 >"$STATE/failed/body-2"
mount_crrfs
umount_crrfs
grep -q "warn: failed=$STATE/failed files=2 bytes=8 " "$MOUNT_LOG" || fail "nothing is said"
assert_eq "$(cat "$STATE/failed/body-1")" 12345
rm "$STATE"/failed/*
: >"$MOUNT_LOG"
mount_crrfs
umount_crrfs
if grep -q "failed=" "$MOUNT_LOG"; then fail "said without a reason"; fi
