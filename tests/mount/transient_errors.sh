#!/bin/bash
# Errors that pass are retried and leave no trace: 503, SlowDown, resets, truncated answers, 200 with <Error>, wrong ETags and checksums.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
random_file "$T/big" 12000000
random_file "$T/small" 5000
n=0
try() { # side fault-lines...
	n=$((n + 1))
	fault "$@"
	cp "$T/small" "$MNT/small-$n"
	cp "$T/big" "$MNT/big-$n"
	wait_repl
	no_faults "$1"
	assert_file_equal "$T/small" "$MNT/small-$n"
	assert_file_equal "$T/big" "$MNT/big-$n"
}
mount_crrfs
for side in a b; do
	try $side 'op=PutObject count=2 action=status:503:SlowDown' 'op=UploadPart count=2 action=status:500:InternalError'
	try $side 'op=PutObject count=1 action=reset' 'op=UploadPart count=2 action=reset'
	try $side 'op=PutObject count=1 action=reset-after' 'op=CompleteMultipartUpload count=1 action=reset-after'
	try $side 'op=CompleteMultipartUpload count=1 action=error200' 'op=CreateMultipartUpload count=1 action=status:503'
	try $side 'op=PutObject count=1 action=wrong-checksum' 'op=UploadPart count=1 action=wrong-etag'
done
s3 compare
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
# reads
umount_crrfs
mount_crrfs
fault a 'op=GetObject count=1 action=truncate' 'op=GetObject count=1 action=status:503:SlowDown' 'op=GetObject count=1 action=reset'
assert_file_equal "$T/big" "$MNT/big-1"
assert_file_equal "$T/small" "$MNT/small-1"
