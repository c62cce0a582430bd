#!/bin/bash
# servers: s3d
# Who was told that a file has no room and has closed it leaves what was before, for everybody at once: who still reads it
# keeps no name from the others, who write, rename and read it as soon as the disk has room, and who opens it while the
# torn one is about to go sees nothing of that.
. "$(dirname "$0")/lib.sh"
begin
[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
mkdir -p "$STATE"
mount -t tmpfs -o size=16m,mode=700 tmpfs "$STATE" || skip "no tmpfs here"
mount_crrfs
MOUNTS+=("$STATE")

cat >"$T/torn.py" <<'END'
import errno, os, time
def refused(call, *args):
    try:
        call(*args)
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        return True
    return False
def save(path, data):
    with open(path, 'wb') as f:
        f.write(data)
def read(path):
    with open(path, 'rb') as f:
        return f.read()
def append(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
def fill(fd):
    while not refused(os.write, fd, b'x' * (1 << 20)):
        pass
END

# a log that somebody follows, and that is rotated
cat "$T/torn.py" - <<'END' >"$T/log.py"
import sys
log = sys.argv[1] + '/log'
save(log, b'line 1\n')
follows = os.open(log, os.O_RDONLY)
assert os.pread(follows, 100, 0) == b'line 1\n'
fd = os.open(log, os.O_WRONLY | os.O_APPEND)
fill(fd)
assert refused(os.close, fd)
assert read(log) == b'line 1\n', 'what was before'
append(log, b'line 2\n')
assert read(log) == b'line 1\nline 2\n'
os.rename(log, log + '.1')
save(log, b'line 3\n')
os.close(follows)
assert read(log + '.1') == b'line 1\nline 2\n'
# it is renamed before anybody opens it again; the release comes after the close has returned
moved = sys.argv[1] + '/moved'
save(moved, b'before')
follows = os.open(moved, os.O_RDONLY)
fd = os.open(moved, os.O_RDWR)
fill(fd)
assert refused(os.close, fd)
for tries in range(1000):
    if not refused(os.rename, moved, moved + '.1'):
        break
    time.sleep(0.02)
os.close(follows)
assert read(moved + '.1') == b'before'
# one that was never saved is not there
new = sys.argv[1] + '/new'
fd = os.open(new, os.O_WRONLY | os.O_CREAT)
follows = os.open(new, os.O_RDONLY)
fill(fd)
assert refused(os.close, fd)
try:
    read(new)
    assert False, 'a torn file is there'
except FileNotFoundError:
    pass
save(new, b'whole\n')
os.close(follows)
assert read(new) == b'whole\n'
END
/usr/bin/python3 "$T/log.py" "$MNT" || fail "a file that somebody reads"
wait_repl
assert_versions log.1 1
assert_versions moved.1 1
assert_versions new 1
s3 get b log.1 "$T/got"
assert_eq "$(cat "$T/got")" "line 1"$'\n'"line 2"

# the release comes after the close has returned
cat "$T/torn.py" - <<'END' >"$T/soon.py"
import sys
for i in range(100):
    path = '%s/soon-%d' % (sys.argv[1], i)
    save(path, b'before')
    fd = os.open(path, os.O_RDWR)
    fill(fd)
    assert refused(os.close, fd)
    got = read(path)
    assert got == b'before', (i, got[:10])
END
/usr/bin/python3 "$T/soon.py" "$MNT" || fail "right after the close"
wait_repl
umount_crrfs
umount "$STATE"
