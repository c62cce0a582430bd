#!/bin/bash
# open and close without a write make no PUT, for reading or writing, old file or new mount.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo text >"$MNT/file"
random_file "$T/big" 9000000
cp "$T/big" "$MNT/big"
wait_repl
remount_crrfs
mark_requests
for name in file big; do
	exec 5<"$MNT/$name" && exec 5<&-
	exec 5<>"$MNT/$name" && exec 5>&-
	exec 5>>"$MNT/$name" && exec 5>&-
	cat "$MNT/$name" >/dev/null
	/usr/bin/python3 -c 'import os, sys; fd = os.open(sys.argv[1], os.O_RDWR); os.fsync(fd); os.close(fd)' "$MNT/$name"
done
wait_repl
assert_requests a 'PutObject|CopyObject|CreateMultipartUpload|UploadPart|PutObjectTagging' '' 0
assert_requests b '.*' '' 0
