#!/bin/bash
# A mount that is told to stop ends though programs read in it, and though the kernel, which is just being told to forget what
# it has of the file, waits for those reads. The programs hear of the end.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that stalls"
make_rules prefix=nothing/
random_file "$T/big" 16000000
s3 put a big "$T/big"
mount_crrfs
fault a "op=GetObject count=-1 action=stall"
cat >"$T/read.py" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
at = int(sys.argv[2]) * 2000000
while True:
    try:
        os.pread(fd, 1000, at)
        at += 4096
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        if error.errno in (errno.ENOTCONN, errno.ECONNABORTED):
            break
END
readers=()
for i in 0 1 2 3 4 5 6 7; do
	/usr/bin/python3 "$T/read.py" "$MNT/big" $i &
	readers+=($!)
	CHILDREN+=($!)
done
in_state() { [ "$(sed 's/.*) \(.\).*/\1/' "$1")" = "$2" ]; }
all_wait() { for pid in "${readers[@]}"; do in_state "/proc/$pid/stat" D || return 1; done; }
retry_until "$LONG" all_wait
for _ in $(seq 50); do setfattr -n user.s3.invalidate -v 1 "$MNT/big"; done
notify=$(dirname "$(grep -lx notify /proc/"$MOUNT_PID"/task/*/comm)")
retry_until "$LONG" in_state "$notify/stat" D
kill -TERM "$MOUNT_PID"
retry_until "$LONG" grep -q 'action=stop' "$MOUNT_LOG"
no_faults a
end_of_mount
for pid in "${readers[@]}"; do wait "$pid" || fail "a reader did not hear of the end"; done
