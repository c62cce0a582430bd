#!/bin/bash
# What is written in large pieces goes from the kernel to the staged file by a pipe: the mount's process does not read it. Small
# pieces, and those whose write is refused, do not disturb what comes after them.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
mount_crrfs hold=600
has_read() { awk '$1 == "rchar:" { print $2 }' "/proc/$MOUNT_PID/io"; }
random_file "$T/big" 50000000
before=$(has_read)
# a temporary name: nothing is sent that would have to be read for it
dd if="$T/big" of="$MNT/.big.swp" bs=1M 2>"$T/err"
read=$(($(has_read) - before))
[ $read -lt 10000000 ] || fail "$read bytes were read, of 50,000,000 written"
cat >"$T/mixed.py" <<'END'
import errno, os, sys
data = open(sys.argv[1], 'rb').read()
fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT, 0o644)
at, sizes = 0, (1 << 20, 1, 70001, 300000, 65536, 4096, 999999)
for i in range(60):
    n = sizes[i % len(sizes)]
    assert os.pwrite(fd, data[at:at + n], at) == len(data[at:at + n])
    at += n
    if i % 9 == 0:
        try:
            os.pwrite(fd, data[:1 << 20], 50 << 40)
            sys.exit('a write of 1 MiB at 50 TiB went through')
        except OSError as error:
            assert error.errno == errno.EFBIG, error
os.ftruncate(fd, at)
os.close(fd)
print(at)
END
size=$(/usr/bin/python3 "$T/mixed.py" "$T/big" "$MNT/mixed")
assert_file_equal "$T/big" "$MNT/.big.swp"
cmp <(head -c "$size" "$T/big") "$MNT/mixed"
assert_eq "$(stat -c %s "$MNT/mixed")" "$size"
umount_crrfs
