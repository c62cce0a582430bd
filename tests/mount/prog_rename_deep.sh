#!/bin/bash
# Folders ten deep are renamed at every level while files in them are open: what is written then is in the new place.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
cat >"$T/work.py" <<'PYTHON'
import os
deep = 'd1/d2/d3/d4/d5/d6/d7/d8/d9/d10'
os.makedirs(deep)
open(deep + '/old', 'w').write('saved before\n')
files = []
for level in range(1, 11):
    path = '/'.join(deep.split('/')[:level]) + '/file'
    open(path, 'w').write('level %d\n' % level)
    files.append(os.open(path, os.O_RDWR | os.O_APPEND))
new = os.open(deep + '/new', os.O_RDWR | os.O_CREAT)
old = os.open(deep + '/old', os.O_RDONLY)
os.write(new, b'begun\n')
for level in range(10, 0, -1): # the deepest first
    parts = deep.split('/')[:level]
    os.rename('/'.join(parts), '/'.join(parts[:-1] + ['D%d' % level]))
    for fd in files:
        os.write(fd, b'after D%d\n' % level)
    os.write(new, b'after D%d\n' % level)
os.rename('D1', 'moved')
os.mkdir('elsewhere')
os.rename('moved/D2/D3', 'elsewhere/D3')
os.write(new, b'end\n')
assert os.pread(old, 100, 0) == b'saved before\n'
assert os.pread(new, 6, 0) == b'begun\n'
for fd in files + [new, old]:
    os.close(fd)
here = os.getcwd()
os.chdir('elsewhere/D3/D4')
os.rename(here + '/elsewhere/D3', here + '/elsewhere/3')
open('in the renamed folder', 'w').write('x')
assert os.getcwd() == here + '/elsewhere/3/D4'
PYTHON
on_both /usr/bin/python3 -B "$T/work.py"
twins_last
assert_eq "$(s3 keys a work/d , keys a work/D , keys a work/elsewhere/D)" "" "keys of the old names"
