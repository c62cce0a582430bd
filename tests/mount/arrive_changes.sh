#!/bin/bash
# Tags, ACL, retention and legal hold that are changed later arrive as changes of the replica: a request each, and the
# body is not sent again.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=lock S3D_BUCKET_b=lock
begin
if [ "$S3_SERVER" = rgw ]; then s3 rmbucket a , rmbucket b , mkbucket a --lock , mkbucket b --lock; fi
random_file "$T/big" $((9 * 1024 * 1024))
mount_crrfs
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
wait_repl
mark_requests
for key in small big; do
	set_xattr "$MNT/$key" user.s3.tags 'class=tax&keep=yes'
	set_xattr "$MNT/$key" user.s3.acl public-read
	set_xattr "$MNT/$key" user.s3.retention "GOVERNANCE $(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)"
	set_xattr "$MNT/$key" user.s3.legal-hold ON
done
wait_repl
grants() { s3 acl "$1" "$2" | sed "s/$(s3 acl "$1" "$2" | sed -n 's/^owner //p')/OWNER/g"; }
for key in small big; do
	assert_eq "$(s3 tags b $key | tr '\n' ' ')" "class=tax keep=yes " "tags of $key"
	assert_match "$(s3 acl b $key)" 'READ .*/AllUsers' "ACL of $key"
	assert_eq "$(grants b $key)" "$(grants a $key)" "ACL of $key"
	assert_match "$(s3 lock b $key)" 'retention GOVERNANCE .*hold ON' "lock of $key"
	assert_eq "$(s3 lock b $key)" "$(s3 lock a $key)" "lock of $key"
	assert_eq "$(s3 count-versions b $key)" 1 "versions of $key"
	for op in PutObjectTagging PutObjectAcl PutObjectRetention PutObjectLegalHold; do
		assert_requests b $op $key 1
	done
done
for side in a b; do assert_requests $side 'PutObject|UploadPart|CopyObject|UploadPartCopy' '' 0; done
assert_requests a GetObject '' 0
set_xattr "$MNT/small" user.s3.acl private
set_xattr "$MNT/small" user.s3.legal-hold OFF
wait_repl
assert_eq "$(grants b small)" $'owner OWNER\nFULL_CONTROL OWNER' "ACL that was taken back"
assert_match "$(s3 lock b small)" 'hold OFF' "legal hold that was taken back"
