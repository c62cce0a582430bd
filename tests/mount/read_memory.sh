#!/bin/bash
# One budget for all readers: thirty at once, of which some go from start to end and some jump, and the process stays small.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
for i in 1 2 3; do
	random_file "$T/f$i" $((64 * 1024 * 1024)) "$i"
	s3 put a "f$i" "$T/f$i"
done
mount_crrfs memory=16M
cat "$MNT/f1" >/dev/null # buffers of the connections, threads
before=$(awk '/^VmHWM/ { print $2 }' "/proc/$MOUNT_PID/status")
remount_crrfs memory=16M
/usr/bin/python3 - "$T" "$MNT" <<'END'
import os, random, sys
from concurrent.futures import ThreadPoolExecutor
ours, theirs = sys.argv[1:]
def straight(n):
    with open('%s/f%d' % (ours, n % 3 + 1), 'rb') as a, open('%s/f%d' % (theirs, n % 3 + 1), 'rb') as b:
        a.seek(n << 20), b.seek(n << 20)
        for i in range(160):
            assert a.read(131072) == b.read(131072)
def jumping(n):
    dice = random.Random(n)
    with open('%s/f%d' % (ours, n % 3 + 1), 'rb') as a, open('%s/f%d' % (theirs, n % 3 + 1), 'rb') as b:
        for i in range(60):
            place = (dice.choice([4096, 131072, 1000000]), dice.randrange(60 << 20))
            assert os.pread(a.fileno(), *place) == os.pread(b.fileno(), *place)
with ThreadPoolExecutor(30) as threads:
    done = [threads.submit(straight if n % 2 else jumping, n) for n in range(30)]
    for d in done:
        d.result()
END
after=$(awk '/^VmHWM/ { print $2 }' "/proc/$MOUNT_PID/status")
shows_memory || exit 0
# the rest are threads and their connections' buffers
[ "$after" -le $((before + 48 * 1024)) ] || fail "grew from $before to $after KiB with memory=16M"
[ "$after" -le $((100 * 1024)) ] || fail "$after KiB with memory=16M"
