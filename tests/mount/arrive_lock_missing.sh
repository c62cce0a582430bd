#!/bin/bash
# A locked version does not go to a bucket without Object Lock: FAILED, with AWS's word for it. Others do.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=lock
begin
if [ "$S3_SERVER" = rgw ]; then s3 rmbucket a , mkbucket a --lock; fi
make_rules tag=go:yes
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/x"
s3 put a free "$T/x" , put a kept "$T/x" --retain GOVERNANCE:3 , put a held "$T/x" --hold \
	, mput a big "$T/big" 5242880,rest , puthold a big ON
mount_crrfs
let_go free kept held big
for key in kept held big; do
	failed() { [ "$(xattr "$MNT/$key" user.s3.replication-status)" = FAILED ]; }
	retry_until "$LONG" failed
done
retry_until "$LONG" replicated "$MNT/free"
assert_eq "$(ctl queue "$MNT" | grep -c DstBucketObjectLockConfigMissing)" 3 "reasons in the queue"
ctl retry "$MNT"
retry_until "$LONG" failed
assert_eq "$(s3 count-versions b kept , count-versions b held | tr '\n' ' ')" "0 0 " "versions without protection"
