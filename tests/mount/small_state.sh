#!/bin/bash
# A state disk that is too small for a file: the writer is told, and everything else goes on.
. "$(dirname "$0")/lib.sh"
begin
[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
mkdir -p "$STATE"
mount -t tmpfs -o size=24m,mode=700 tmpfs "$STATE" || skip "no tmpfs here"
mount_crrfs
MOUNTS+=("$STATE")
status=0
head -c 40000000 /dev/zero >"$MNT/too-big" 2>"$T/err" || status=$?
[ "$status" != 0 ] || fail "40 MB fit into 24"
rm -f "$MNT/too-big"
echo small >"$MNT/small"
mkdir "$MNT/dir"
mv "$MNT/small" "$MNT/dir/small"
rm "$MNT/dir/small"
echo again >"$MNT/again"
assert_eq "$(find "$STATE/failed" -type f | wc -l)" 0 "torn bodies kept"
assert_eq "$(s3 count-versions a too-big)" 0
kill9_crrfs
mount_crrfs
assert_eq "$(cat "$MNT/again")" again
wait_repl
umount_crrfs
umount "$STATE"
