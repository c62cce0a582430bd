#!/bin/bash
# 4 KiB in the middle of a large object: the part that has them is sent, once to each side; the others are copied there.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
size=$((60 * 1024 * 1024))
part=$((5 * 1024 * 1024))
random_file "$T/big" $size
random_file "$T/edit" 4096 edit
cp "$T/big" "$MNT/big"
wait_repl
mark_requests
for path in "$T/big" "$MNT/big"; do dd if="$T/edit" of="$path" bs=4096 seek=7000 conv=notrunc status=none; done
wait_repl
for side in a b; do
	assert_eq "$(count_bodies $side big)" 1 "parts sent to $side"
	assert_requests $side 'UploadPart|UploadPartCopy' big 12
	assert_requests $side CompleteMultipartUpload big 1
	bytes=$(sum_bodies $side big)
	[ "$bytes" -ge $part ] && [ "$bytes" -lt $((part + 200000)) ] || fail "bytes to $side: $bytes"
done
assert_requests b GetObject '' 0
# the source gives what was missing of the one part, and nothing for the destination
read=$(sum_bytes a GetObject big)
[ "$read" -le $((2 * part)) ] || fail "bytes read: $read"
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts"
s3 get a big "$T/got.a" , get b big "$T/got.b" , compare
assert_file_equal "$T/big" "$T/got.a"
assert_file_equal "$T/big" "$T/got.b"
assert_file_equal "$T/big" "$MNT/big"

# edits in several parts, in one save: a part that is written as a whole, two pieces of another one
mark_requests
for path in "$T/big" "$MNT/big"; do
	/usr/bin/python3 - "$path" "$T/edit" $part <<-'END'
		import sys
		edit, part = open(sys.argv[2], 'rb').read(), int(sys.argv[3])
		with open(sys.argv[1], 'r+b', buffering=0) as file:
		    for at, data in ((8 * part, edit * (part // len(edit))), (8192, edit), (81920, edit)):
		        file.seek(at)
		        file.write(data)
	END
done
wait_repl
for side in a b; do
	assert_eq "$(count_bodies $side big)" 2 "parts sent to $side"
	assert_requests $side 'UploadPart|UploadPartCopy' big 12
done
s3 get b big "$T/got.b" , compare
assert_file_equal "$T/big" "$T/got.b"
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
