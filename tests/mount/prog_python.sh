#!/bin/bash
# Python's shutil, pathlib, tempfile, zipfile, mmap (written through MAP_SHARED), os.replace, scandir: as in a local folder.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
cat >"$T/work.py" <<'END_OF_PROGRAM'
import filecmp, json, mmap, os, pathlib, random, shutil, tempfile, zipfile
top = pathlib.Path('.').resolve()
dice = random.Random(3)
tree = top / 'tree'
(tree / 'a' / 'b').mkdir(parents=True)
(tree / 'text').write_text('grüße\n', encoding='utf-8')
(tree / 'a' / 'bytes').write_bytes(dice.randbytes(300000))
(tree / 'a' / 'b' / 'empty').touch(mode=0o640)
(tree / 'link').symlink_to('a/bytes')
os.utime(tree / 'text', ns=(10**18 + 7, 10**18 + 7))
os.chmod(tree / 'text', 0o604)
copied = shutil.copytree(tree, top / 'copy', symlinks=True)
assert filecmp.dircmp(tree, copied).diff_files == []
assert (copied / 'text').stat().st_mtime_ns == 10**18 + 7
shutil.copy2(tree / 'text', top / 'text2')
shutil.move(str(copied / 'a'), str(top / 'moved'))
shutil.rmtree(copied)
assert not copied.exists()
assert sorted(e.name for e in os.scandir(tree) if e.is_symlink()) == ['link']
assert sorted(p.relative_to(tree).as_posix() for p in tree.rglob('*')) == ['a', 'a/b', 'a/b/empty', 'a/bytes', 'link', 'text']
assert (tree / 'link').resolve() == tree / 'a' / 'bytes' and (tree / 'link').samefile(tree / 'a' / 'bytes')
# an atomic save
with tempfile.NamedTemporaryFile('w', dir=top, delete=False) as file:
    json.dump({'a': list(range(1000))}, file)
    file.flush()
    os.fsync(file.fileno())
os.replace(file.name, top / 'config.json')
assert json.loads((top / 'config.json').read_text())['a'][-1] == 999
with tempfile.TemporaryFile(dir=top) as file: # O_TMPFILE, or made and unlinked
    file.write(b'x' * 100000)
    file.seek(99999)
    assert file.read() == b'x'
with tempfile.TemporaryDirectory(dir=top) as name:
    pathlib.Path(name, 'inside').write_text('x')
archive = shutil.make_archive(str(top / 'archive'), 'zip', tree)
shutil.unpack_archive(archive, top / 'unpacked')
assert zipfile.ZipFile(archive).testzip() is None
os.unlink(archive)
for path in (top / 'unpacked').rglob('*'): # unpack_archive sets no times, and a default mode
    path.chmod(0o755 if path.is_dir() else 0o644)
# mmap: written through MAP_SHARED, seen by read(2) and by another mapping
with open(top / 'mapped', 'w+b') as file:
    file.truncate(1000000)
    with mmap.mmap(file.fileno(), 1000000) as one, mmap.mmap(file.fileno(), 1000000, prot=mmap.PROT_READ) as two:
        for i in range(300):
            at = dice.randrange(999000)
            one[at:at + 5] = b'%05d' % i
            assert two[at:at + 5] == b'%05d' % i
        one.flush()
        assert os.pread(file.fileno(), 1000000, 0) == one[:]
        one[0:4] = b'last'
with open(top / 'mapped', 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as area:
    assert area[0:4] == b'last' and area.find(b'00299') >= 0
with open(top / 'mapped', 'r+b') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as area:
    area[0:4] = b'priv'
with open(top / 'closed first', 'w+b') as file: # the mapping outlives its descriptor
    file.write(b'-' * 9000)
    file.flush()
    area = mmap.mmap(file.fileno(), 0)
area[4000:4005] = b'after'
area.close()
# copy_file_range and sendfile
with open(top / 'mapped', 'rb') as a, open(top / 'ranged', 'wb') as b, open(top / 'sent', 'wb') as c:
    left = 1000000
    while left:
        left -= os.copy_file_range(a.fileno(), b.fileno(), left)
    a.seek(0)
    at = 0
    while at < 1000000:
        at += os.sendfile(c.fileno(), a.fileno(), at, 1000000 - at)
with open(top / 'seek', 'w+b', buffering=0) as file:
    file.seek(50000)
    file.write(b'end')
    assert os.lseek(file.fileno(), 0, os.SEEK_END) == 50003
    assert os.lseek(file.fileno(), 50001, os.SEEK_DATA) == 50001
    assert os.lseek(file.fileno(), 50001, os.SEEK_HOLE) == 50003
    try:
        os.lseek(file.fileno(), 50003, os.SEEK_DATA)
        assert False
    except OSError as error:
        assert error.errno == 6
END_OF_PROGRAM
on_both /usr/bin/python3 -B "$T/work.py"
twins_last
