#!/bin/bash
# servers: s3d
# The disk of the state directory is full. Who cannot write hears ENOSPC, of write, fsync and close, and what is torn is
# never a version, neither here nor there, unless it is cut to what is whole. Others go on; and as long as something is
# about to leave the disk, who writes waits for that.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
mkdir -p "$STATE"
mount -t tmpfs -o size=32m,mode=700 tmpfs "$STATE" || skip "no tmpfs here"
mount_crrfs
MOUNTS+=("$STATE")
nothing_staged() { [ -z "$(find "$STATE/staging" -type f)" ]; }

# several files grow by turns until one does not fit
/usr/bin/python3 - "$MNT" <<'END' || fail "several writers"
import errno, os, sys
def error_of(call, *args):
    try:
        call(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return 'ok'
def write_all(fd, data): # a part of a write may have fitted
    while data:
        data = data[os.write(fd, data):]
mnt = sys.argv[1]
fds = {name: os.open('%s/%s' % (mnt, name), os.O_RDWR | os.O_CREAT) for name in ('w1', 'w2', 'w3', 'w4')}
torn = None
while not torn:
    for name, fd in fds.items():
        if error_of(write_all, fd, name.encode() * (1 << 19)) != 'ok':
            torn = name
            break
fd = fds.pop(torn)
for what, call in (('write', lambda: os.pwrite(fd, b'x', 0)), ('fsync', lambda: os.fsync(fd)), ('close', lambda: os.close(fd))):
    got = error_of(call)
    assert got == 'ENOSPC', '%s of %s: %s' % (what, torn, got)
for name, fd in fds.items():
    os.write(fd, b'the end')
    os.fsync(fd)
    os.close(fd)
print(torn, file=open(mnt + '/which', 'w'))
END
torn=$(cat "$MNT/which")
wait_repl
for name in w1 w2 w3 w4; do
	if [ $name = "$torn" ]; then assert_versions $name 0; else assert_versions $name 1; fi
done
s3 compare
retry_until "$LONG" nothing_staged

# what ends before the place that could not be written is whole again
/usr/bin/python3 - "$MNT" <<'END' || fail "made whole again"
import errno, os, sys
mnt = sys.argv[1]
def fill(name):
    fd = os.open('%s/%s' % (mnt, name), os.O_RDWR | os.O_CREAT)
    size = 0
    try:
        while True:
            size += os.write(fd, b'%07d\n' % (size >> 20) * (1 << 17))
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
    return fd, size
def refused(call, *args):
    try:
        call(*args)
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        return True
    return False
# cut to what was written
fd, size = fill('cut')
os.ftruncate(fd, size)
os.fsync(fd)
os.close(fd)
assert os.path.getsize(mnt + '/cut') == size
# cut in front of that
fd, size = fill('shorter')
assert refused(os.fsync, fd)
os.ftruncate(fd, 1 << 20)
os.pwrite(fd, b'0000001\n', 1 << 20)
os.close(fd)
assert os.path.getsize(mnt + '/shorter') == (1 << 20) + 8
# made longer is not whole
fd, size = fill('longer')
os.ftruncate(fd, 1 << 26)
assert refused(os.close, fd)
# emptied, after its close had failed, by somebody else who has it open; and by O_TRUNC
for name, empty in (('emptied', lambda fd: os.ftruncate(fd, 0)),
                    ('opened', lambda fd: os.close(os.open(mnt + '/opened', os.O_WRONLY | os.O_TRUNC)))):
    fd, size = fill(name)
    other = os.dup(fd)
    second = os.open('%s/%s' % (mnt, name), os.O_RDWR)
    assert refused(os.fsync, fd)
    empty(second)
    os.pwrite(second, b'anew\n', 0)
    for each in (fd, other, second):
        os.close(each)
    assert open('%s/%s' % (mnt, name)).read() == 'anew\n'
END
wait_repl
for name in cut shorter; do assert_versions $name 1; done
for name in emptied opened; do
	s3 get a $name "$T/got"
	assert_eq "$(cat "$T/got")" anew
done
assert_versions longer 0
s3 compare
retry_until "$LONG" nothing_staged

# what one closed is on its way: the other waits for it
random_file "$T/big" 20000000
fault a "op=UploadPart count=-1 action=latency:1500"
cp "$T/big" "$MNT/first" &
first=$!
on_its_way() { grep -q "1 being written" <<<"$(ctl status "$MNT")"; } # closed: an open one is not waited for
retry_until "$LONG" on_its_way
cp "$T/big" "$MNT/second"
wait $first || fail "the first one"
no_faults a
wait_repl
assert_versions first 1
assert_versions second 1
s3 compare

# another program fills the disk, and takes that back
/usr/bin/python3 - "$STATE/fill" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(fd, bytes(1 << 16))
except OSError as e:
    assert e.errno == errno.ENOSPC, e
END
assert_errno "No space left" cp "$T/big" "$MNT/third"
rm -f "$STATE/fill"
cp "$T/big" "$MNT/third"
wait_repl
assert_versions third 1

# bodies that wait for a dead destination give their room to who writes: the replicas come from the source
proxy_start
make_destinations "$PROXY_URL"
remount_crrfs
proxy_down
for i in $(seq 8); do
	random_file "$T/f$i" 7000000 "$i"
	cp "$T/f$i" "$MNT/f$i"
done
proxy_up
wait_repl
s3 compare
umount_crrfs
umount "$STATE"
