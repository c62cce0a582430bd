#!/bin/bash
# A large file reads right: from start to end, at random, by many at once; and only what is asked for is fetched.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
random_file "$T/big" $((64 * 1024 * 1024 + 12345))
s3 put a big "$T/big"
mount_crrfs
assert_file_equal "$T/big" "$MNT/big"
remount_crrfs
/usr/bin/python3 - "$T/big" "$MNT/big" <<'END'
import os, random, sys
from concurrent.futures import ThreadPoolExecutor
ours, theirs = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
size = os.fstat(ours).st_size
assert os.fstat(theirs).st_size == size
dice = random.Random(1)
places = [(dice.choice([1, 4096, 200000]), dice.randrange(size)) for i in range(150)] + [(100, size - 50), (1, size), (5, size + 9)]
def same(place):
    return os.pread(ours, *place) == os.pread(theirs, *place)
with ThreadPoolExecutor(8) as threads:
    assert all(threads.map(same, places))
END
remount_crrfs
mark_requests
head -c 1000 "$MNT/big" >"$T/got"
cmp -n 1000 "$T/got" "$T/big"
bytes=$(sum_bytes a GetObject big)
[ "$bytes" -lt $((24 * 1024 * 1024)) ] || fail "$bytes bytes were fetched for a thousand"
# another program writes it anew: the next open reads the new one
echo new >"$T/new"
s3 put a big "$T/new"
is_new() { [ "$(cat "$MNT/big")" = new ]; }
retry_until "$LONG" is_new
