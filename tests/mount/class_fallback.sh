#!/bin/bash
# A storage class that the destination does not have: FAILED with the reason; with class_fallback its default.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a server without classes"
S3D_OPTIONS_b=(--without classes)
begin
sed -i 's/"Destination": {/"Destination": {"StorageClass": "STANDARD_IA", /' "$RULES"
mount_crrfs
echo text >"$MNT/file"
random_file "$MNT/big" $((11 * 1024 * 1024))
failed() { [ "$(xattr "$MNT/$1" user.s3.replication-status)" = FAILED ]; }
retry_until "$LONG" failed file
retry_until "$LONG" failed big
assert_match "$(ctl queue "$MNT")" InvalidStorageClass
assert_eq "$(s3 keys b)" ""
umount_crrfs
sed -i "/^\[$DST_ARN\]/a class_fallback = yes" "$DESTINATIONS"
mount_crrfs
ctl retry "$MNT"
wait_repl
s3 compare
