#!/bin/bash
# The process may have few descriptors or threads: who asks for more than there is gets an error that says so, nothing that was
# acknowledged is lost, and it works again when there is room. A thousand open files and holes of 100 GiB cost little memory.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
refuse_begin

# descriptors
(
	ulimit -n 120
	exec "$CRRFS" "s3://$SRC" "$MNT" -f -o "$(base_options),retry_first=0.1,retry_max=0.5" </dev/null >>"$MOUNT_LOG" 2>&1
) &
MOUNT_PID=$!
CHILDREN+=("$MOUNT_PID")
MOUNTS+=("$MNT")
up() { is_mounted "$MNT" && stat -f "$MNT"; }
retry_until "$LONG" up
echo before >"$MNT/before"
/usr/bin/python3 - "$MNT" <<-'PY'
	import errno, os, sys
	files, refused = [], None
	for i in range(200):
	    try:
	        fd = os.open('%s/many-%d' % (sys.argv[1], i), os.O_WRONLY | os.O_CREAT)
	        files.append(fd)
	        os.write(fd, b'many')
	    except OSError as error:
	        refused = error
	        break
	assert refused is not None, 'no end of descriptors'
	assert refused.errno in (errno.EMFILE, errno.ENFILE), refused
	assert len(files) > 20, 'it ended after %d files' % len(files)
	for fd in files:    # the last ones may say so once more, and never that all is well when it is not
	    try:
	        os.close(fd)
	    except OSError as error:
	        assert error.errno in (errno.EMFILE, errno.ENFILE, errno.EIO), error
	for i in range(20):
	    with open('%s/after-%d' % (sys.argv[1], i), 'w') as file:
	        file.write('after')
PY
assert_eq "$(cat "$MNT/before" "$MNT/after-3")" "before
after"
wait_repl
s3 compare
umount_crrfs

# threads: whichever cannot be made at the start, there is one line that says so, and nothing is left
ended() { ! is_mounted "$MNT" && flock -n "$STATE/lock" true; } # its process, too
failed=0
for skip in 0 1 5 24 32 40 48 49 50 51 52 53 54 56 58 60 62 64 66 68 70 72 74 76; do
	refuse "thread 11 $skip"
	status=0
	timeout -s KILL "$LONG" "$CRRFS" "s3://$SRC" "$MNT" -o "$(base_options)" </dev/null >"$T/out" 2>"$T/err" || status=$?
	if [ $status = 0 ]; then
		unmount_now "$MNT"
		retry_until "$LONG" ended
		continue
	fi
	failed=$((failed + 1))
	[ $status -lt 128 ] || fail "thread $skip: status $status"
	grep -qi thread "$T/err" || fail "thread $skip: no word of threads: $(cat "$T/err")"
	retry_until "$LONG" ended
done
refuse
[ $failed -gt 3 ] || fail "threads failed $failed times"

# memory: it does not grow with what is open, nor with what a hole is long
mount_crrfs "memory=16M"
cat "$MNT/before" >/dev/null
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$MOUNT_PID/status"; }
before=$(rss)
/usr/bin/python3 - "$MNT" "$before" "$MOUNT_PID" "$(shows_memory && echo yes)" <<-'PY'
	import os, sys
	mnt, before, pid, shows = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]

	def grown(what, bound):
	    with open('/proc/%s/status' % pid) as file:
	        now = next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))
	    print('%s: %d KiB more' % (what, now - before))
	    assert not shows or now - before < bound, '%s: %d KiB' % (what, now - before)

	files = [os.open('%s/open-%d' % (mnt, i), os.O_RDWR | os.O_CREAT) for i in range(1000)]
	for fd in files:
	    os.write(fd, bytes(65536))
	grown('1000 open files', 40 << 10)
	for fd in files:
	    os.ftruncate(fd, 0)
	for i, fd in enumerate(files):
	    os.unlink('%s/open-%d' % (mnt, i))
	for fd in files:
	    os.close(fd)
	size = 100 << 30
	fd = os.open(mnt + '/sparse', os.O_RDWR | os.O_CREAT)
	os.ftruncate(fd, size)
	os.pwrite(fd, b'end', size - 3)
	os.pwrite(fd, b'middle', size // 2)
	assert os.fstat(fd).st_size == size
	assert os.pread(fd, 10, size - 3) == b'end'
	assert os.pread(fd, 6, size // 2) == b'middle'
	assert os.pread(fd, 1 << 20, 70 << 30) == bytes(1 << 20)
	grown('a sparse file', 60 << 10)
	os.unlink(mnt + '/sparse')
	os.close(fd)
	grown('no sparse file', 60 << 10)
PY
[ "$(du -sm "$STATE" | cut -f1)" -lt 50 ] || fail "the hole takes room: $(du -sm "$STATE")"
assert_eq "$(s3 count-versions a sparse)" 0
umount_crrfs
