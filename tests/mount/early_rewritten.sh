#!/bin/bash
# A program that writes the head of a large file once more at its end (as those that make archives and films do): the destination
# gets that part again, and the others only once; and where one part did not get through while the file was written, that one.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
mount_crrfs retry_first=0.2,retry_max=0.5
part=$((5 * 1024 * 1024))
random_file "$T/big" $((6 * part + 1000))
parts_there() { [ "$(count_requests b UploadPart "$1")" -ge "$2" ]; }

write() { # NAME HEAD PARTS: all but the last bytes; when so many parts were tried the head anew, if any, and the rest
	/usr/bin/python3 - "$T/big" "$MNT/$1" "$2" "$T/go" <<-'END' &
		import os, sys, time
		body = open(sys.argv[1], 'rb').read()
		fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
		os.write(fd, body[:-1000])
		while not os.path.exists(sys.argv[4]):
		    time.sleep(0.05)
		os.pwrite(fd, sys.argv[3].encode(), 0)
		os.write(fd, body[-1000:])
		os.close(fd)
	END
	local writer=$!
	retry_until "$LONG" parts_there "$1" "$3"
	touch "$T/go"
	wait $writer || fail "the writer of $1"
	rm "$T/go"
	wait_repl
	assert_requests b CreateMultipartUpload "$1" 1
	assert_requests b UploadPart "$1" 8
}
mark_requests
write head 'a new head' 6
cp "$T/big" "$T/new"
printf 'a new head' | dd of="$T/new" conv=notrunc status=none
mark_requests
fault b "op=UploadPart key=lost skip=2 count=1 action=status:400:InvalidRequest"
write lost '' 3
s3 compare
s3 get b head "$T/head" , get b lost "$T/lost"
assert_file_equal "$T/new" "$T/head"
assert_file_equal "$T/big" "$T/lost"
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
