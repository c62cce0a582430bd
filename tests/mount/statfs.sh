#!/bin/bash
# df works and shows room.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
df "$MNT" >"$T/out"
[ "$(stat -f -c %a "$MNT")" -gt 1000000 ] || fail "blocks: $(stat -f "$MNT")"
assert_eq "$(stat -f -c %l "$MNT")" 255 "longest name"
long=$(printf '%256s' '' | tr ' ' x)
assert_errno "File name too long" touch "$MNT/$long"
touch "$MNT/${long:1}"
grep -q " $MNT fuse" /proc/self/mounts || fail "not a fuse mount"
