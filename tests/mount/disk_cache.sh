#!/bin/bash
# disk_cache keeps what was read across mounts, within its bound; what is damaged there, or cut off, is fetched again, and a
# version that another writer made is not taken for the one that was kept.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
CACHE=$T/disk
random_file "$T/big" $((5 * 1024 * 1024 + 777))
random_file "$T/other" $((5 * 1024 * 1024 + 777)) other
s3 put a big "$T/big"
s3 put a small "$T/credentials"
mount_crrfs disk_cache="$CACHE"
assert_file_equal "$T/big" "$MNT/big"
assert_file_equal "$T/credentials" "$MNT/small"
assert_eq "$(stat -c %a "$CACHE")" 700 "mode of the directory"
assert_eq "$(find "$CACHE" -type f -printf '%m\n' | sort -u)" 600 "modes of the files"
# one mount at a time
mkdir "$T/mnt2"
MNT=$T/mnt2 STATE=$T/state2 mount_fails any disk_cache="$CACHE"
one_clear_line "disk_cache.*another mount"

remount_crrfs disk_cache="$CACHE"
mark_requests
assert_file_equal "$T/big" "$MNT/big"
assert_file_equal "$T/credentials" "$MNT/small"
assert_requests a GetObject '' 0
umount_crrfs

# a byte that changed, a file cut off, a file of nothing
largest() { find "$CACHE" -type f -size +1M; }
/usr/bin/python3 -c '
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(2000000)
    byte = f.read(1)
    f.seek(2000000)
    f.write(bytes([byte[0] ^ 1]))' "$(largest)"
mount_crrfs disk_cache="$CACHE"
mark_requests
assert_file_equal "$T/big" "$MNT/big"
assert_eq "$(sum_bytes a GetObject big)" 32768 "bytes fetched for one that is damaged"
grep -q 'disk_cache=damaged' "$MOUNT_LOG" || fail "nothing was said of the damage"
umount_crrfs
truncate -s 3000000 "$(largest)"
mount_crrfs disk_cache="$CACHE"
mark_requests
assert_file_equal "$T/big" "$MNT/big"
bytes=$(sum_bytes a GetObject big)
[ "$bytes" -gt 2000000 ] && [ "$bytes" -lt 2600000 ] || fail "$bytes bytes were fetched for a file cut off at 3000000"
umount_crrfs
find "$CACHE" -type f ! -name lock -exec truncate -s 0 {} +
mount_crrfs disk_cache="$CACHE"
assert_file_equal "$T/big" "$MNT/big"
umount_crrfs

# another version
s3 put a big "$T/other"
mount_crrfs disk_cache="$CACHE"
assert_file_equal "$T/other" "$MNT/big"

# the bound
remount_crrfs disk_cache="$CACHE",disk_cache_max=3M
for i in 1 2 3; do
	s3 put a "f$i" "$T/big"
	assert_file_equal "$T/big" "$MNT/f$i"
done
[ "$(du -sk "$CACHE" | cut -f1)" -le 3200 ] || fail "$(du -sk "$CACHE") with disk_cache_max=3M"
umount_crrfs

# a disk that is full
if [ "$(id -u)" = 0 ]; then
	mkdir "$T/tiny"
	mount -t tmpfs -o size=1M crrfs-test "$T/tiny" || skip "no tmpfs for a full disk"
	MOUNTS+=("$T/tiny")
	mount_crrfs disk_cache="$T/tiny/disk"
	assert_file_equal "$T/other" "$MNT/big"
	assert_file_equal "$T/big" "$MNT/f1"
	umount_crrfs
fi
