#!/bin/bash
# A 100 MiB file: its parts go to each side once, and not a byte is read back.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
size=$((100 * 1024 * 1024))
random_file "$T/big" $size
mark_requests
cp "$T/big" "$MNT/big"
wait_repl
for side in a b; do
	assert_requests $side GetObject '' 0
	assert_requests $side CreateMultipartUpload big 1
	assert_requests $side CompleteMultipartUpload big 1
	requests $side >"$T/requests"
	assert_eq "$(grep '^UploadPart	' "$T/requests" | cut -f5 | grep -oE 'partNumber=[0-9]+' | sort | uniq -d)" "" \
		"parts that went to $side twice"
	bytes=$(sum_bytes $side UploadPart big)
	[ "$bytes" -ge $size ] && [ "$bytes" -lt $((size + size / 100)) ] || fail "bytes to $side: $bytes"
done
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts"
s3 compare
