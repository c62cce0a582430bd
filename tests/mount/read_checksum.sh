#!/bin/bash
# What has no MD5 is read against its checksum: files in parts, and encrypted ones. Bytes that were damaged on their way are
# fetched once more where nobody has seen them yet; else who reads the end is told, and the next reader gets the right ones.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "the test changes bytes on their way and behind the server's back"
make_rules prefix=nothing/
size=6000000
random_file "$T/big" $size
random_file "$T/small" 400000 small
mount_crrfs sse=aws:kms
cp "$T/big" "$MNT/big"
cp "$T/small" "$MNT/small"
remount_crrfs cache=4M
cp "$T/small" "$MNT/other" # shows that the server has checksums
small() { cat "$MNT/small" >"$T/got"; }
big() { cat "$MNT/big" >"$T/got" 2>"$T/err"; }
fault a 'op=GetObject key=small count=1 action=damage'
mark_requests
small || fail "it was not fetched again"
assert_file_equal "$T/small" "$T/got"
assert_requests a GetObject small 2
assert_requests a HeadObject small 0
grep -q 'read=corrupt key="small"' "$MOUNT_LOG" || fail "the log does not say it"

fault a 'op=GetObject key=big count=1 action=damage'
mark_requests
big && fail "other bytes were read as good"
grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
assert_requests a HeadObject big 1
big || fail "it is not fetched anew: $(cat "$T/err")"
assert_file_equal "$T/big" "$T/got"

# rotten where it is stored: never
/usr/bin/python3 - "$T/s3d-a" $size 400000 <<'END'
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if str(os.path.getsize(path)) in sys.argv[2:]:
            with open(path, 'r+b') as f:
                f.seek(200000)
                byte = f.read(1)
                f.seek(200000)
                f.write(bytes([byte[0] ^ 1]))
END
remount_crrfs
cp "$T/big" "$MNT/another"
for _ in 1 2 3; do
	small 2>"$T/err" && fail "rotten bytes of a small file were read as good"
	grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
	big && fail "rotten bytes were read as good"
done
# no checksums, nothing to compare
lacks a checksum
remount_crrfs
small || fail "without a checksum: not read"
big || fail "without a checksum: not read"
