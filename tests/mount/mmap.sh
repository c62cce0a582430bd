#!/bin/bash
# A file written through a shared mapping is saved by close, and read through one.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
for path in "$T/twin" "$MNT/file"; do
	/usr/bin/python3 - "$path" <<-'END'
		import mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
		os.ftruncate(fd, 3000000)
		area = mmap.mmap(fd, 3000000)
		for at in range(0, 3000000 - 10, 99991):
		    area[at:at + 10] = b'0123456789'
		area.flush()
		area.close()
		os.close(fd)
		fd = os.open(sys.argv[1], os.O_RDONLY)
		area = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
		assert area[99991:100001] == b'0123456789'
		area.close()
		os.close(fd)
	END
done
assert_file_equal "$T/twin" "$MNT/file"
wait_repl
s3 get b file "$T/got" , compare
assert_file_equal "$T/twin" "$T/got"
