#!/bin/bash
# A MinIO destination copies what it has, too, but for small objects, which are one request
# then and three as a copy. Its replicas have the ids, times and ETags of the source's versions.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "its face of MinIO"
S3D_OPTIONS_a=(--minio) S3D_OPTIONS_b=(--minio)
begin
make_rules all,markers
mount_crrfs
same() { assert_eq "$(s3 version-rows b "$1")" "$(s3 version-rows a "$1")" "versions of $1"; }
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/small" 50000
random_file "$T/edit" 4096 edit
cp "$T/big" "$MNT/big"
cp "$T/small" "$MNT/small"
wait_repl
mark_requests
for path in "$T/big" "$MNT/big"; do dd if="$T/edit" of="$path" bs=4096 seek=2000 conv=notrunc status=none; done
wait_repl
assert_eq "$(count_bodies b)" 1 "parts sent for an edit"
for name in big small; do
	chmod 600 "$MNT/$name"
	mv "$MNT/$name" "$MNT/new-$name"
done
wait_repl
assert_eq "$(count_bodies b big) $(count_bodies b new-big)" "1 0" "bodies sent of the large one"
assert_requests b 'CreateMultipartUpload|UploadPartCopy|CompleteMultipartUpload' small 0
assert_requests b 'CreateMultipartUpload|UploadPartCopy|CompleteMultipartUpload' new-small 0
assert_requests b PutObject new-small 1
for name in big small; do
	same $name
	same new-$name
	s3 get b new-$name "$T/got"
	assert_file_equal "$T/$name" "$T/got"
done
s3 compare
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
