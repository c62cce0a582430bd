#!/bin/bash
# What rename(2) may and may not replace, and its flags, for files and for directories.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
mount_crrfs
cat >"$T/rename.py" <<'END'
import ctypes, errno, os, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
def rename(old, new, flags=0):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) == 0:
        return 'ok'
    return errno.errorcode[ctypes.get_errno()]
def expect(want, old, new, flags=0):
    got = rename(old, new, flags)
    assert got == want, 'rename %s %s %d: %s, expected %s' % (old, new, flags, got, want)
def file(name):
    with open(name, 'w') as f:
        f.write(name)
for d in ('empty', 'full', 'full/sub', 'dir', 'other'):
    os.mkdir(d)
for name in ('file', 'second', 'full/file', 'dir/file'):
    file(name)
expect('ENOTEMPTY', 'dir', 'full')
expect('ENOTDIR', 'dir', 'file')
expect('EISDIR', 'file', 'empty')
expect('EISDIR', 'file', 'full')
expect('EINVAL', 'dir', 'dir/sub')
expect('EINVAL', 'full', 'full/sub/deep')
expect('ENOTEMPTY', 'full/sub', 'full')
expect('ENOENT', 'none', 'new')
expect('ENOENT', 'file', 'none/new')
for flags in (EXCHANGE, WHITEOUT, EXCHANGE | NOREPLACE):
    expect('EINVAL', 'file', 'second', flags)
    expect('EINVAL', 'dir', 'empty', flags)
for old, new in (('file', 'second'), ('file', 'empty'), ('dir', 'empty'), ('dir', 'file'), ('dir', 'full')):
    expect('EEXIST', old, new, NOREPLACE)
expect('ok', 'file', 'file')
expect('ok', 'dir', 'dir')
expect('ok', 'file', 'third', NOREPLACE)
expect('ok', 'dir', 'dir2', NOREPLACE)
expect('ok', 'third', 'second')
expect('ok', 'dir2', 'empty')
file('open')    # local only until it is closed
held = open('full/pending', 'w')
expect('EEXIST', 'open', 'full/pending', NOREPLACE)
os.rmdir('other')
os.mkdir('other')
held2 = open('other/pending', 'w')
expect('ENOTEMPTY', 'empty', 'other')
held.close()
held2.close()
assert open('second').read() == 'file' and open('empty/file').read() == 'dir/file'
assert sorted(os.listdir('.')) == ['.versions', 'empty', 'full', 'open', 'other', 'second'] or \
    sorted(os.listdir('.')) == ['empty', 'full', 'open', 'other', 'second'], os.listdir('.')
END
/usr/bin/python3 "$T/rename.py" "$MNT"
