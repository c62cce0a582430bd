#!/bin/bash
# Why a version is FAILED has AWS's name: in the xattr, in crrctl status, queue and versions. An operation that fails
# after the object was copied counts too.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs heal_first=3600,heal_max=3600

status_of() { xattr "$MNT/$1" "user.s3.replication.$DST"; }
has_status() { [[ $(status_of "$1") == $2* ]]; } # file words
fold() { xattr "$MNT/$1" user.s3.replication-status; }
json() { /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

failing() { # REASON OPERATION [ACTION]: a file cannot be copied
	fault b "op=$2 key=$1 count=-1 action=${3:-status:403:AccessDenied}"
	head -c "${SIZE:-5}" /dev/zero >"$MNT/$1"
	retry_until "$LONG" has_status "$1" "FAILED $1: "
	assert_eq "$(fold "$1")" FAILED "folded status"
	assert_eq "$(ctl queue --json "$MNT" | json "[j['reason'] for j in d if j['key'] == '$1'][0]")" "$1" "queue --json"
	assert_eq "$(ctl versions --json "$MNT/$1" | json "d[0]['reason']")" "$1" "versions --json"
	no_faults b
}

failing DstPutObjectNotPermitted PutObject
assert_match "$(ctl queue "$MNT")" "DstPutObjectNotPermitted: AccessDenied" "crrctl queue"
assert_match "$(ctl status "$MNT")" "DstPutObjectNotPermitted: AccessDenied" "crrctl status"
assert_match "$(ctl versions "$MNT/DstPutObjectNotPermitted")" "DstPutObjectNotPermitted" "crrctl versions"
assert_eq "$(ctl status --json "$MNT" | json "d['destinations'][0]['rules'][0]['failed']")" 1 "FAILED of the rule"
failing AssumeRoleNotPermitted PutObject status:403:InvalidAccessKeyId
failing DstBucketNotFound PutObject status:404:NoSuchBucket
failing DstKmsKeyNotFound PutObject status:400:KMS.NotFoundException
failing DstKmsKeyInvalidState PutObject status:400:KMS.DisabledException
failing DstBucketInvalidRegion PutObject status:301:PermanentRedirect
SIZE=$((12 << 20))
failing DstMultipartInitNotPermitted CreateMultipartUpload
failing DstMultipartUploadNotPermitted UploadPart
failing DstMultipartCompleteNotPermitted CompleteMultipartUpload

# the object is there, its tags cannot follow
echo text >"$MNT/tagged"
retry_until "$LONG" replicated "$MNT/tagged"
fault b 'op=PutObjectTagging key=tagged count=-1 action=deny'
set_xattr "$MNT/tagged" user.s3.tag.class secret
retry_until "$LONG" has_status tagged "FAILED DstPutTaggingNotPermitted: "
assert_eq "$(fold tagged)" FAILED "folded status"
no_faults b

# nothing is tried again by itself while its time has not come
ctl retry "$MNT" >/dev/null
wait_repl
for name in DstPutObjectNotPermitted DstMultipartUploadNotPermitted tagged; do
	assert_eq "$(fold $name)" COMPLETED "$name after crrctl retry"
done
s3 compare
