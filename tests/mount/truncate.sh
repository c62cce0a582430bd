#!/bin/bash
# truncate(2) and ftruncate(2), shorter and longer, on files old and new, open and closed.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
random_file "$T/twin" 7000000
cp "$T/twin" "$MNT/file"
remount_crrfs
for size in 6999999 5242880 8000000 100 0 12345; do
	truncate -s $size "$T/twin" "$MNT/file"
	assert_eq "$(stat -c %s "$MNT/file")" $size size
	assert_file_equal "$T/twin" "$MNT/file"
done
for path in "$T/twin" "$MNT/file"; do
	/usr/bin/python3 - "$path" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		os.pwrite(fd, b'x' * 300000, 0)
		os.ftruncate(fd, 1000)
		os.ftruncate(fd, 200000)
		os.pwrite(fd, b'end', 199000)
		assert os.fstat(fd).st_size == 200000
		os.close(fd)
	END
done
assert_file_equal "$T/twin" "$MNT/file"
wait_repl
s3 get b file "$T/got" , compare
assert_file_equal "$T/twin" "$T/got"
