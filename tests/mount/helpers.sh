#!/bin/bash
# What the other tests stand on: s3d as a lesser server, as MinIO, of another account, told what to deny; and the
# commands of s3.py that look at ACLs, locks and keys.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "its settings"
KEY=arn:aws:kms:eu-west-1:444455556666:key/1234
ACCOUNT_a=111122223333 ACCOUNT_b=444455556666 S3D_BUCKET_b=lock S3D_OPTIONS_b=(--kms-key "$KEY")
S3D_OPTIONS_a=(--minio)
begin
echo hello >"$T/f"

lacks b tagging,classes
assert_fails s3 put b k "$T/f" --tags a=b
assert_match "$(cat "$T/err")" NotImplemented
assert_fails s3 put b k "$T/f" --class GLACIER
lacks b
s3 put b k "$T/f" --tags a=b --class GLACIER

deny b PutObjectTagging
deny b DeleteObject
assert_fails s3 put b k "$T/f" --tags a=b
assert_fails s3 rm b k
allow b PutObjectTagging
s3 put b k "$T/f" --tags a=b
assert_fails s3 rm b k
allow b DeleteObject
s3 rm b k

s3 put b k "$T/f" --acl public-read --retain GOVERNANCE:3 --hold --sse aws:kms --sse-key $KEY
assert_eq "$(s3 acl b k | head -n1)" "owner $(canonical_id "$ACCOUNT_b")"
assert_match "$(s3 acl b k)" "READ http://acs.amazonaws.com/groups/global/AllUsers"
s3 putacl b k "FULL_CONTROL:$(canonical_id "$ACCOUNT_b"),READ:$(canonical_id "$ACCOUNT_a")"
assert_match "$(s3 acl b k)" "READ $(canonical_id "$ACCOUNT_a")"
assert_match "$(s3 lock b k)" "retention GOVERNANCE .*hold ON"
s3 puthold b k OFF , putretention b k COMPLIANCE:5
assert_match "$(s3 lock b k)" "retention COMPLIANCE .*hold OFF"
assert_match "$(s3 head b k)" "sse: aws:kms.*sse-key: $KEY"
kms_key b $KEY disabled
assert_fails s3 head b k
kms_key b $KEY enabled
s3 lockconf b GOVERNANCE:2 , encryption b aws:kms $KEY , put b with-defaults "$T/f"
assert_match "$(s3 lock b with-defaults)" "retention GOVERNANCE"
assert_match "$(s3 head b with-defaults)" "sse-key: $KEY"
assert_fails s3 get b+ k "$T/g" # another account
assert_match "$(cat "$T/err")" AccessDenied
s3 putacl b k "READ:$(canonical_id "$OTHER_ACCOUNT")" , get b+ k "$T/g"
assert_file_equal "$T/f" "$T/g"

set_replication_status b FAILED k
assert_eq "$(s3 replication-status b k)" FAILED
id=01234567-89ab-4def-8123-456789abcdef
s3 put a k "$T/f" --as-version $id --header "X-Minio-Source-Mtime: 2020-01-01T00:00:00Z" \
	--header "X-Amz-Replication-Status: REPLICA"
assert_eq "$(s3 version-id a k)" $id
assert_eq "$(s3 replication-status a k)" REPLICA

echo '[{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}]' >"$T/lifecycle"
assert_eq "$(s3 lifecycle a)" ""
s3 putlifecycle a "$T/lifecycle"
assert_match "$(s3 lifecycle a)" '"Days": 3'
s3 rmbucket a , mkbucket a
assert_eq "$(s3 keys a)" ""
stop_s3d a
start_s3d a
s3 put a k "$T/f"
assert_eq "$(s3 keys a)" k
