#!/bin/bash
# Encryption as the rule says: SSE-S3 stays, SSE-KMS goes with the rule's key and only where the rule selects it, a key that is
# not there is FAILED, an SSE-C object cannot be replicated and says so. KMS on one side is not called a difference.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "keys that are there or not"
key_a=arn:aws:kms:us-east-1:111122223333:key/aaaa key_b=arn:aws:kms:eu-west-1:111122223333:key/bbbb
kms_key a $key_a enabled
kms_key b $key_b enabled
make_rules tag=go:yes,kms=$key_b,priority=1 tag=bad:yes,kms=arn:aws:kms:eu-west-1:111122223333:key/none,priority=2
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/x"
s3 put a none "$T/x" , put a s3 "$T/x" --sse AES256 , mput a s3-big "$T/big" 5242880,rest --sse AES256 \
	, put a kms "$T/x" --sse aws:kms --sse-key $key_a , mput a kms-big "$T/big" 5242880,rest --sse aws:kms --sse-key $key_a \
	, put a lost "$T/x" --sse aws:kms --sse-key $key_a --tags bad=yes
mount_crrfs
let_go none s3 s3-big kms kms-big
wait_repl
assert_arrived none
s3 compare --tag go=yes
for key in kms kms-big; do
	s3 head b $key >"$T/head"
	grep -qx 'sse: aws:kms' "$T/head" || fail "$key is not encrypted by KMS"
	grep -qx "sse-key: $key_b" "$T/head" || fail "$key is not under the rule's key: $(cat "$T/head")"
done
let_go lost
failed() { [ "$(xattr "$MNT/lost" user.s3.replication-status)" = FAILED ]; }
retry_until "$LONG" failed
ctl queue "$MNT" | grep -q 'KMS.NotFoundException' || fail "no reason: $(ctl queue "$MNT")"
kms_key b arn:aws:kms:eu-west-1:111122223333:key/none enabled
ctl retry "$MNT"
wait_repl
# without the rule's word for it KMS objects stay, and so does what only its customer can read
umount_crrfs
make_rules tag=other:yes
s3 put a kms2 "$T/x" --sse aws:kms --sse-key $key_a , put a secret "$T/x" --customer-key 0123456789abcdef0123456789abcdef
mount_crrfs
set_xattr "$MNT/kms2" user.s3.tag.other yes
wait_repl
if s3 exists b kms2; then fail "kms2 was replicated"; fi
# the destination's default is KMS: no ETag is the source's any more
s3 encryption b aws:kms $key_b
set_xattr "$MNT/none" user.s3.tag.other yes
s3 put a new "$T/x" , mput a new-big "$T/big" 5242880,rest
set_xattr "$MNT/new" user.s3.tag.other yes
set_xattr "$MNT/new-big" user.s3.tag.other yes
wait_repl
s3 head b new-big | grep -x 'sse: aws:kms' >/dev/null || fail "new-big is not encrypted by KMS"
for key in new new-big; do
	replicated "$MNT/$key" || fail "$key is not COMPLETED"
	assert_eq "$(s3 count-versions b $key)" 1 "versions of $key"
done
