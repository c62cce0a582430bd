#!/bin/bash
# 1 MiB at the end of a large object, several times: the full parts that were there are copied on each side, not sent.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
part=$((5 * 1024 * 1024))
random_file "$T/big" $((47 * 1024 * 1024))
random_file "$T/more" $((1024 * 1024)) more
cp "$T/big" "$MNT/big"
wait_repl
for round in 1 2 3; do
	mark_requests
	for path in "$T/big" "$MNT/big"; do cat "$T/more" >>"$path"; done
	wait_repl
	for side in a b; do
		assert_eq "$(count_bodies $side big)" 1 "parts sent to $side in round $round"
		assert_requests $side 'UploadPart|UploadPartCopy' big 10
		bytes=$(sum_bodies $side big)
		[ "$bytes" -ge $((1024 * 1024)) ] && [ "$bytes" -lt $((part + 200000)) ] || fail "bytes to $side: $bytes"
	done
	assert_requests b GetObject '' 0
	[ "$(sum_bytes a GetObject big)" -le $part ] || fail "bytes read: $(sum_bytes a GetObject big)"
	remount_crrfs
done
# over the end of a part, and then shorter than it was
mark_requests
for path in "$T/big" "$MNT/big"; do cat "$T/more" >>"$path"; done
wait_repl
assert_eq "$(count_bodies b big)" 1 "parts sent over the end of a part"
mark_requests
for path in "$T/big" "$MNT/big"; do truncate -s $((4 * part + 77777)) "$path"; done
wait_repl
for side in a b; do
	assert_eq "$(count_bodies $side big)" 0 "parts sent to $side when it became shorter"
	assert_requests $side 'UploadPart|UploadPartCopy' big 5
done
mark_requests
for path in "$T/big" "$MNT/big"; do truncate -s $((7 * part)) "$path"; done
wait_repl
for side in a b; do assert_eq "$(count_bodies $side big)" 3 "parts sent to $side when it became longer"; done
s3 get a big "$T/got.a" , get b big "$T/got.b" , compare
assert_file_equal "$T/big" "$T/got.a"
assert_file_equal "$T/big" "$T/got.b"
assert_file_equal "$T/big" "$MNT/big"
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts"
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
