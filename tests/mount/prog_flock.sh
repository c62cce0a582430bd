#!/bin/bash
# flock(2) and fcntl(2) locks hold between the processes of one mount.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo 0 >"$MNT/counter"
for i in 1 2 3 4 5 6 7 8; do
	(
		for j in 1 2 3 4 5; do
			# shellcheck disable=SC2016
			flock "$MNT/lock" sh -c 'n=$(cat "$1"); echo $((n + 1)) >"$1"' sh "$MNT/counter"
		done
	) &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a counter"; done
assert_eq "$(cat "$MNT/counter")" 40 "the sum of 8 processes with flock"
exec 5>"$MNT/lock"
flock 5
assert_fails flock -n "$MNT/lock" true
flock -u 5
flock -n "$MNT/lock" true
flock -s 5
flock -ns "$MNT/lock" true
assert_fails flock -nx "$MNT/lock" true
exec 5>&-
flock -n "$MNT/lock" true
/usr/bin/python3 - "$MNT/ranges" <<'PYTHON'
import fcntl, os, struct, sys
path = sys.argv[1]
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.write(fd, b'0' * 100)
fcntl.lockf(fd, fcntl.LOCK_EX, 10, 0)
def other(kind, length, start):
    """What another process gets for this lock."""
    pid = os.fork()
    if not pid:
        mine = os.open(path, os.O_RDWR)
        try:
            fcntl.lockf(mine, kind | fcntl.LOCK_NB, length, start)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert other(fcntl.LOCK_EX, 10, 0) == 11
assert other(fcntl.LOCK_SH, 1, 9) == 11
assert other(fcntl.LOCK_EX, 10, 10) == 0
fcntl.lockf(fd, fcntl.LOCK_SH, 10, 0)
assert other(fcntl.LOCK_SH, 10, 0) == 0
assert other(fcntl.LOCK_EX, 10, 0) == 11
kind, _, start, length, pid = struct.unpack('hhqqi4x', fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)))
assert kind == fcntl.F_UNLCK, kind # our own lock is in nobody's way
fcntl.lockf(fd, fcntl.LOCK_UN)
assert other(fcntl.LOCK_EX, 0, 0) == 0
# a counter behind a lock that is waited for
os.pwrite(fd, b'%08d' % 0, 0)
children = []
for _ in range(6):
    pid = os.fork()
    if not pid:
        mine = os.open(path, os.O_RDWR)
        for _ in range(20):
            fcntl.lockf(mine, fcntl.LOCK_EX)
            n = int(os.pread(mine, 8, 0))
            os.pwrite(mine, b'%08d' % (n + 1), 0)
            fcntl.lockf(mine, fcntl.LOCK_UN)
        os.close(mine)
        os._exit(0)
    children.append(pid)
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
assert os.pread(fd, 8, 0) == b'%08d' % 120
os.close(fd)
PYTHON
wait_repl
s3 compare
