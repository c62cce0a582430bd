#!/bin/bash
# Another client replaces an object while it is read: who has read of it goes on with that version, or gets ESTALE where the
# bucket has no versions; who opens it then reads the new one. Nobody reads of both.
. "$(dirname "$0")/lib.sh"
[ -z "${UNVERSIONED:-}" ] || S3D_BUCKET_a=''
begin
make_rules prefix=nothing/
size=$((8 * 1024 * 1024))
random_file "$T/one" $size one
random_file "$T/two" $size two
s3 put a file "$T/one"
mount_crrfs "attr_timeout=0,cache=2M${UNVERSIONED:+,unversioned_ok}"
cat >"$T/read.py" <<'END'
# open the file, read a bit; have it replaced; read on with the old one, from the start with a new one, and on with the old
import errno, os, subprocess, sys
path, one, two = sys.argv[1:4]
replace = sys.argv[4:]
one, two = open(one, 'rb').read(), open(two, 'rb').read()
old = os.open(path, os.O_RDONLY)
assert os.pread(old, 100000, 0) == one[:100000], 'before'
subprocess.run(replace, check=True)
new = os.open(path, os.O_RDONLY)
for at in range(0, len(two), 1 << 20):
    assert os.pread(new, 1 << 20, at) == two[at:at + (1 << 20)], 'the new one at %d' % at
stale = 0
for at in list(range(0, len(one), 1 << 20)) * 2:
    got = b''
    try:
        # what the kernel had of it is given before an error is: a short read, with the error in the next one
        while len(got) < 1 << 20:
            more = os.pread(old, (1 << 20) - len(got), at + len(got))
            assert more, 'the old one ends at %d' % (at + len(got))
            got += more
    except OSError as e:
        assert e.errno == errno.ESTALE, e
        stale += 1
    assert got == one[at:at + len(got)], 'the old one at %d: %s' % (
        at, 'of the new one' if got == two[at:at + len(got)] else 'mixed')
assert os.fstat(old).st_ino != os.fstat(new).st_ino, 'one inode for both'
assert os.fstat(new).st_ino == os.stat(path).st_ino
print('stale' if stale else 'old')
END
got=$(/usr/bin/python3 "$T/read.py" "$MNT/file" "$T/one" "$T/two" /usr/bin/python3 "$TEST_DIR/s3.py" put a file "$T/two")
if [ -n "${UNVERSIONED:-}" ]; then expected=stale; else expected=old; fi
assert_eq "$got" "$expected" "a reader in the middle has"
# nobody has read of it: it is the one that was opened, or the new one; or an error, where the one before is gone and the
# kernel has pages of it
exec 7<"$MNT/file"
s3 put a file "$T/one"
if ! cat <&7 >"$T/got" 2>"$T/err"; then
	[ -n "${UNVERSIONED:-}" ] || fail "cat: $(cat "$T/err")"
	grep -q "Stale file handle" "$T/err" || fail "cat: $(cat "$T/err")"
	: >"$T/got"
	exec 7<&-
	exit 0
fi
cmp -s "$T/got" "$T/one" || cmp -s "$T/got" "$T/two" || fail "opened before, read after it was replaced: of both"
exec 7<&-
# mapped pages are of one version (where it is gone, who touches one that is not here yet gets SIGBUS)
[ -z "${UNVERSIONED:-}" ] || exit 0
/usr/bin/python3 - "$MNT/file" "$T/one" /usr/bin/python3 "$TEST_DIR/s3.py" put a file "$T/two" <<'END'
import mmap, subprocess, sys
one = open(sys.argv[2], 'rb').read()
with open(sys.argv[1], 'rb') as f:
    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
    assert m[:4096] == one[:4096]
    subprocess.run(sys.argv[3:], check=True)
    open(sys.argv[1], 'rb').read(4096)
    assert m[:100000] == one[:100000]
END
cmp "$MNT/file" "$T/two"
UNVERSIONED=yes "$0"
