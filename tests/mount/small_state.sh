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
# a write that fitted again would hide the one that did not: the error stays with the file
/usr/bin/python3 - "$MNT/torn" <<'END'
import errno, os, sys
def full(call, *args):
    try:
        call(*args)
    except OSError as e:
        return e.errno == errno.ENOSPC
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
while not full(os.write, fd, bytes(1 << 20)):
    pass
assert full(os.pwrite, fd, b'x', 0), 'a write after the disk was full'
assert full(os.fsync, fd), 'fsync after the disk was full'
assert full(os.close, fd), 'close after the disk was full'
END
rm -f "$MNT/torn"
# somebody else fills the disk, and the half of a write still fits
/usr/bin/python3 - "$MNT/half" "$STATE/fill" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(fd, bytes(1 << 19))
fill = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
try:
    while True:
        os.write(fill, bytes(1 << 20))
except OSError as e:
    assert e.errno == errno.ENOSPC, e
os.ftruncate(fill, os.lseek(fill, 0, os.SEEK_CUR) - 40000)
for call in (lambda: os.write(fd, bytes(200000)), lambda: os.fsync(fd), lambda: os.close(fd)):
    try:
        call()
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
    else:
        sys.exit('no error')
END
rm -f "$MNT/half" "$STATE/fill"
echo small >"$MNT/small"
mkdir "$MNT/dir"
mv "$MNT/small" "$MNT/dir/small"
rm "$MNT/dir/small"
echo again >"$MNT/again"
assert_eq "$(find "$STATE/failed" -type f | wc -l)" 0 "torn bodies kept"
assert_eq "$(s3 count-versions a too-big)" 0
assert_eq "$(s3 count-versions a torn)" 0
# the log names the file and what to do, once for each
assert_match "$(line_of "$MOUNT_LOG" staging=failed)" "file=$STATE/staging/.*No space left.*remedy=\"free some space there"
# the queue's file itself
head -c 30000000 /dev/zero >"$STATE/fill" 2>"$T/err" || true
: >"$MOUNT_LOG"
assert_errno "No space left" mkdir "$MNT/no-room" "$MNT/no-room-2" "$MNT/no-room-3"
assert_match "$(line_of "$MOUNT_LOG" store=)" "file=$STATE/queue.db .*No space left.*remedy=\"free some space there"
rm "$STATE/fill"
kill9_crrfs
mount_crrfs
assert_eq "$(cat "$MNT/again")" again
wait_repl
umount_crrfs
# at the start
mount -o remount,ro "$STATE"
mount_fails any
one_clear_line "$STATE/.*Read-only.*mount that file system for writing"
mount -o remount,rw "$STATE"
head -c 30000000 /dev/zero >"$STATE/fill" 2>"$T/err" || true
mount_fails any
one_clear_line "$STATE/.*full.*free some space"
rm "$STATE/fill"
mount_crrfs
assert_eq "$(cat "$MNT/again")" again
umount_crrfs
umount "$STATE"
