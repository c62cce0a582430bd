#!/bin/bash
# sse=: what is written is encrypted, also in parts, and a chmod or rename keeps that; user.s3.encryption and .kms-key. The
# rules leave SSE-KMS out unless they say SseKmsEncryptedObjects; then the replica has the destination's key.
. "$(dirname "$0")/lib.sh"
KEY=arn:aws:kms:eu-west-1:111122223333:key/one KEY2=arn:aws:kms:eu-west-1:111122223333:key/two
S3D_OPTIONS_a=(--kms-key "$KEY") S3D_OPTIONS_b=(--kms-key "$KEY2")
begin
echo text >"$T/x"
[ "$S3_SERVER" = s3d ] || s3 put a probe "$T/x" --sse aws:kms --sse-key $KEY , rm a probe 2>/dev/null ||
	skip "the gateway runs without the keys of tests/rgw/up.sh"
encryption() { s3 head a "$1" | sed -n 's/^sse: //p; s/^sse-key: //p' | tr '\n' ' '; }
random_file "$T/big" $((9 * 1024 * 1024))

mount_crrfs
echo text >"$MNT/plain"
assert_errno "No such attribute" xattr "$MNT/plain" user.s3.encryption
assert_eq "$(encryption plain)" ""
remount_crrfs sse=aws:kms:$KEY
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
mkdir "$MNT/dir"
ln -s small "$MNT/link"
sync "$MNT" # new folders and links wait for a chmod otherwise
for key in small big dir/ link; do assert_eq "$(encryption $key)" "aws:kms $KEY " "encryption of $key"; done
assert_eq "$(xattr "$MNT/small" user.s3.encryption)" aws:kms
assert_eq "$(xattr "$MNT/big" user.s3.kms-key)" $KEY
assert_errno "Operation not permitted" set_xattr "$MNT/small" user.s3.encryption AES256
assert_eq "$(list_xattrs "$MNT/small")" "" "listed xattrs"
assert_file_equal "$T/big" "$MNT/big"
chmod 600 "$MNT/plain"
sync "$MNT/plain"
if [ "$S3_SERVER" = s3d ]; then
	assert_eq "$(encryption plain)" "aws:kms $KEY " "what is written again"
else # its copies cannot change the encryption
	assert_errno "No such attribute" xattr "$MNT/plain" user.s3.encryption
	echo text >"$MNT/plain"
fi

remount_crrfs
assert_eq "$(xattr "$MNT/small" user.s3.encryption)" aws:kms "from the cache of the last mount"
if [ "$S3_SERVER" = s3d ]; then
	chmod 600 "$MNT/small" "$MNT/big"
	sync "$MNT/big"
	mv "$MNT/small" "$MNT/moved"
	for key in moved big; do assert_eq "$(encryption $key)" "aws:kms $KEY " "$key after chmod and rename"; done
	echo more >>"$MNT/moved"
else # it copies nothing that is encrypted: mv reads and writes
	assert_errno "Operation not supported" chmod 600 "$MNT/big"
	mv "$MNT/small" "$MNT/moved"
	assert_eq "$(cat "$MNT/moved")" text
fi
assert_eq "$(encryption moved)" "" "a new body has the bucket's default"
wait_repl
# none of the encrypted ones, but what was not encrypted once
assert_eq "$(s3 keys b | tr '\n' ' ')" "moved plain " "keys without SseKmsEncryptedObjects"

sed -i 's/"DeleteMarkerReplication"/"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}, &/
	s/"Destination": {/&"EncryptionConfiguration": {"ReplicaKmsKeyID": "'${KEY2//\//\\/}'"}, /' "$RULES"
remount_crrfs sse=aws:kms:$KEY
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
echo text >"$MNT/plain"
wait_repl
s3 compare --sse --extra-ok --prefix small , compare --sse --extra-ok --prefix big
assert_match "$(s3 head b small)" "sse-key: $KEY2" "key of the replica"
assert_match "$(s3 head b big)" "sse-key: $KEY2" "key of the replica"
