#!/bin/bash
# A directory of many pages is listed while names in it come and go: each name that stays is shown once, by one reader, by one
# who marks his place and comes back to it, and with `ls -l`; and the mount's memory does not grow with the directory.
# timeout: 600
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
keys=${LS_KEYS:-6000}
s3 fill a big/k "$keys"
mount_crrfs posix_meta=no
ls "$MNT" >/dev/null
cat >"$T/list.py" <<'END'
import ctypes, os, subprocess, sys
path, total = sys.argv[1], int(sys.argv[2])
s3 = ['/usr/bin/python3', os.environ['S3_PY']]
libc = ctypes.CDLL(None, use_errno=True)
class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64), ('reclen', ctypes.c_ushort),
                ('type', ctypes.c_ubyte), ('name', ctypes.c_char * 256)]
libc.opendir.restype = ctypes.c_void_p
libc.readdir.argtypes = libc.telldir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
def read(d, n=1 << 30):
    names = []
    while n:
        e = libc.readdir(d)
        if not e:
            break
        if e.contents.name not in (b'.', b'..'):
            names.append(e.contents.name.decode())
            n -= 1
    return names
def key(i):
    return 'k%04d' % i
d = libc.opendir(path.encode())
seen = read(d, 1500)
# before and behind the reader, in the page that it holds, and at a page's edge
gone = [1, 2, 1400, 1600, 1999, 2000, 2001, 3500, total]
new = ['a-first', 'k0100a', 'k1450a', 'k1700a', 'k2500a', 'z-last']
with open('/dev/null', 'rb') as f:
    commands = []
    for name in gone:
        commands += [',', 'rm', 'a', 'big/' + key(name)]
    for name in new:
        commands += [',', 'put', 'a', 'big/' + name, '/dev/null']
    subprocess.run(s3 + commands[1:], check=True)
place, at = libc.telldir(d), len(seen)
seen += read(d)
stay = [key(i) for i in range(1, total + 1) if i not in gone]
def check(names, what):
    assert len(names) == len(set(names)), '%s: shown twice: %s' % (what, sorted(n for n in names if names.count(n) > 1)[:5])
    missing = sorted(set(stay) - set(names))
    assert not missing, '%s: not shown: %s' % (what, missing[:5])
    unknown = set(names) - set(stay) - set(new) - set(key(i) for i in gone)
    assert not unknown, '%s: %s' % (what, unknown)
check(seen, 'straight on')
# nothing changes now: back to the mark, and to the start
libc.seekdir(d, place)
again = read(d)
check(seen[:at] + again, 'from the mark')
libc.seekdir(d, 0)
names = read(d)
check(names, 'from the start')
assert set(names) == set(stay) | set(new), set(names) ^ (set(stay) | set(new))
# small steps, each with a mark, back and forth
libc.rewinddir.argtypes = [ctypes.c_void_p]
libc.rewinddir(d)
names, marks = [], []
while True:
    marks.append(libc.telldir(d))
    part = read(d, 700)
    if not part:
        break
    names += part
for i in (3, 1, 5, 0, 2):
    libc.seekdir(d, marks[i])
    first = names[i * 700 - (0 if i else 0):i * 700 + 3]
    assert read(d, 3) == first, (i, first)
libc.closedir(d)
END
S3_PY=$TEST_DIR/s3.py /usr/bin/python3 "$T/list.py" "$MNT/big" "$keys"
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$MOUNT_PID/status"; }
mkdir "$MNT/small"
for i in $(seq 20); do echo "$i" >"$MNT/small/$i"; done
remount_crrfs posix_meta=no
ls -l "$MNT/small" >/dev/null
before=$(rss)
mark_requests
ls -lU "$MNT/big" >/dev/null
assert_requests a HeadObject '' 0
assert_requests a GetObject '' 0
after=$(rss)
say "resident: $before KiB before, $after KiB after $keys names"
# a page of names, and so many nodes and entries as the cache's bound allows
! shows_memory || [ $((after - before)) -lt 20000 ] || fail "the memory grew from $before to $after KiB"
