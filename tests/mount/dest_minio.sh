#!/bin/bash
# A MinIO destination gets the ids, times and ETags of the source's versions and delete markers; a duplicate is success.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "its face of MinIO"
S3D_OPTIONS_a=(--minio) S3D_OPTIONS_b=(--minio)
begin
make_rules all,markers
mount_crrfs
same() { assert_eq "$(s3 version-rows b "$1")" "$(s3 version-rows a "$1")" "versions of $1"; }

echo one >"$MNT/file"
echo two >"$MNT/file"
rm "$MNT/file"
echo three >"$MNT/file"
random_file "$MNT/big" $((21 * 1024 * 1024))
wait_repl
same file
same big
assert_match "$(s3 head b big)" "etag: [0-9a-f]*-[0-9]"
assert_eq "$(s3 version-rows a file | wc -l)" 4

# made there already: both ways of sending find it
umount_crrfs
rm -rf "$STATE"
mount_crrfs
for key in file big; do
	set_xattr "$MNT/$key" user.s3.tag.seen yes
done
wait_repl
same file
same big
# the answers are lost and the mount dies
fault b 'op=PutObject key=lost count=-1 action=reset-after' \
	'op=CompleteMultipartUpload key=lost-big count=-1 action=reset-after'
echo lost >"$MNT/lost"
random_file "$MNT/lost-big" $((11 * 1024 * 1024))
there() { s3 exists b lost && s3 exists b lost-big; }
retry_until "$LONG" there
kill9_crrfs
no_faults b
mount_crrfs
wait_repl
same lost
same lost-big
s3 compare
