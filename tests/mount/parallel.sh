#!/bin/bash
# Many writers at once, the same and different files: every file ends whole, every version arrives in order.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
/usr/bin/python3 - "$MNT" <<'END'
import os, sys
from concurrent.futures import ThreadPoolExecutor
top = sys.argv[1]
def work(n):
    os.makedirs('%s/d%d' % (top, n % 4), exist_ok=True)
    for i in range(15):
        with open('%s/d%d/own-%d-%d' % (top, n % 4, n, i), 'w') as file:
            file.write('%d %d\n' % (n, i) * 50)
    for i in range(3):
        with open(top + '/shared', 'w') as file:
            file.write(('%d' % n) * 1000)
with ThreadPoolExecutor(8) as threads:
    list(threads.map(work, range(8)))
END
content=$(cat "$MNT/shared")
assert_match "$content" '^([0-9])+$'
assert_eq "$(find "$MNT" -name 'own-*' | wc -l)" 120 files
wait_repl
s3 compare
# the destination has the source's versions, in the source's order
ids() { s3 versions "$1" shared | cut -f2; }
n=0
paste <(ids a) <(ids b) >"$T/pairs"
while read -r ours theirs; do
	n=$((n + 1))
	[ $n -le 6 ] || break
	s3 get a shared "$T/got-a" "$ours" , get b shared "$T/got-b" "$theirs"
	assert_file_equal "$T/got-a" "$T/got-b"
done <"$T/pairs"
assert_eq "$(ids a | wc -l)" "$(ids b | wc -l)" "versions of the shared file"
