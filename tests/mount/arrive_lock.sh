#!/bin/bash
# Retention and legal hold arrive with the version, in one PUT and in parts, also those that the bucket gave by default.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=lock S3D_BUCKET_b=lock
begin
if [ "$S3_SERVER" = rgw ]; then
	s3 rmbucket a , rmbucket b , mkbucket a --lock , mkbucket b --lock
fi
make_rules tag=go:yes
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/x"
s3 put a free "$T/x" , put a kept "$T/x" --retain GOVERNANCE:3 , put a held "$T/x" --hold \
	, put a both "$T/x" --retain COMPLIANCE:1 --hold , mput a big "$T/big" 5242880,rest \
	, putretention a big GOVERNANCE:3 , puthold a big ON \
	, lockconf a GOVERNANCE:2 , put a given "$T/x" , mput a given-big "$T/big" 5242880,rest
mount_crrfs
keys=(free kept held both big given given-big)
let_go "${keys[@]}"
wait_repl
for key in "${keys[@]}"; do
	assert_eq "$(s3 lock b "$key")" "$(s3 lock a "$key")" "lock of $key"
	replicated "$MNT/$key" || fail "$key is not COMPLETED"
done
assert_match "$(s3 lock b both)" 'retention COMPLIANCE' "lock of both"
assert_match "$(s3 lock b given)" 'retention GOVERNANCE' "lock of given"
