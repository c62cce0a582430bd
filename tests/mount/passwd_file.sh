#!/bin/bash
# passwd_file in s3fs's form, for source and destination; refused if others can read it.
. "$(dirname "$0")/lib.sh"
begin
echo "$S3_A_KEY:$S3_A_SECRET" >"$T/passwd-a"
printf '# a comment\nanother-bucket:%s:nonsense\n%s:%s:%s\n' "$S3_B_KEY" "$DST" "$S3_B_KEY" "$S3_B_SECRET" >"$T/passwd-b"
chmod 600 "$T/passwd-a" "$T/passwd-b"
sed -i "0,/^profile = b/s|^profile = b|passwd_file = $T/passwd-b|" "$DESTINATIONS"
rm "$T/credentials" "$T/config"
base_options() {
	printf 'url=%s,region=%s,use_path_request_style,passwd_file=%s,rules=%s,destinations=%s,state=%s' \
		"$S3_A_ENDPOINT" "$S3_A_REGION" "$T/passwd-a" "$RULES" "$DESTINATIONS" "$STATE"
}
mount_crrfs
echo text >"$MNT/file"
wait_repl
s3 compare
umount_crrfs
chmod 644 "$T/passwd-a"
mount_fails any
one_clear_line 'passwd-a'
chmod 600 "$T/passwd-a"
chmod 640 "$T/passwd-b"
mount_fails any
one_clear_line 'passwd-b'
chmod 600 "$T/passwd-b"
echo nonsense >"$T/passwd-a"
mount_fails any
one_clear_line 'passwd-a'
rm "$T/passwd-a"
mount_fails any
one_clear_line 'passwd-a'
# the environment
echo "$S3_A_KEY:$S3_A_SECRET" >"$T/passwd-a"
base_options() {
	printf 'url=%s,region=%s,use_path_request_style,rules=%s,destinations=%s,state=%s' \
		"$S3_A_ENDPOINT" "$S3_A_REGION" "$RULES" "$DESTINATIONS" "$STATE"
}
export AWS_ACCESS_KEY_ID=$S3_A_KEY AWS_SECRET_ACCESS_KEY=$S3_A_SECRET
mount_crrfs
echo text >"$MNT/file2"
wait_repl
s3 compare
