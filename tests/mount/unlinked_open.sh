#!/bin/bash
# A file that is unlinked while open can be read and written until it is closed, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
# never saved before
/usr/bin/python3 - "$MNT/fresh" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(fd, b'hello')
os.unlink(sys.argv[1])
assert not os.path.exists(sys.argv[1])
os.write(fd, b' world')
assert os.pread(fd, 100, 0) == b'hello world'
assert os.fstat(fd).st_size == 11
os.close(fd)
END
# saved before, clean and dirty
echo saved >"$MNT/clean"
echo saved >"$MNT/dirty"
/usr/bin/python3 - "$MNT" <<'END'
import os, sys
clean = os.open(sys.argv[1] + '/clean', os.O_RDONLY)
dirty = os.open(sys.argv[1] + '/dirty', os.O_RDWR)
os.pwrite(dirty, b'S', 0)
os.unlink(sys.argv[1] + '/clean')
os.unlink(sys.argv[1] + '/dirty')
assert os.pread(clean, 100, 0) == b'saved\n'
assert os.pread(dirty, 100, 0) == b'Saved\n'
os.close(clean)
os.close(dirty)
END
assert_eq "$(find "$MNT" -mindepth 1 | wc -l)" 0 "files left"
wait_repl
assert_eq "$(s3 keys a , keys b)" "" "keys left"
assert_eq "$(s3 count-versions a fresh , count-versions a clean , count-versions a dirty | tr '\n' ' ')" "0 1 1 "
# a new file of the same name is another file
exec 5>"$MNT/again"
echo one >&5
rm "$MNT/again"
echo two >"$MNT/again"
exec 5>&-
assert_eq "$(cat "$MNT/again")" two
wait_repl
s3 get b again "$T/got"
assert_eq "$(cat "$T/got")" two
