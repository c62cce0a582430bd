#!/bin/bash
# A file in parts: each has its checksum, and the version one of all its bytes, which the server has to tell again. Where a
# server has none of that kind, the ETags of the parts are compared.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "the server's answers are spoilt"
random_file "$T/big" $((6 * 1024 * 1024))
save() { cp "$T/big" "$MNT/$1"; }
same_at() { # side key...: the file, and the server's own checksum of it
	local side=$1 key asks=()
	shift
	for key in "$@"; do asks+=(checksum "$side" "$key" ","); done
	assert_eq "$(s3 "${asks[@]}" get "$side" "$1" "$T/got" | sort -u)" "$sum" "checksums at $side of $*"
	assert_file_equal "$T/big" "$T/got"
}
mount_crrfs
save first
wait_repl
sum=$(s3 checksum a first)
assert_match "$sum" '^[A-Za-z0-9+/]{6}==$' "checksum of all bytes"
assert_eq "$(s3 checksum b first)" "$sum" "checksum of the replica"

# parts that the servers copy: their checksums are told
printf more >>"$T/big"
mark_requests
printf more >>"$MNT/first"
wait_repl
sum=$(s3 checksum a first)
assert_match "$sum" '^[A-Za-z0-9+/]{6}==$' "checksum after an append"
for side in a b; do
	assert_requests $side UploadPartCopy first 1
	same_at $side first
done

for side in a b; do
	# damaged on its way: refused, and sent again
	fault $side 'op=UploadPart count=1 action=damage'
	mark_requests
	save "damaged-$side"
	wait_repl
	requests $side >"$T/requests"
	assert_eq "$(grep -cP "^UploadPart\t.*\t400\tdamaged-$side\t" "$T/requests")" 1 "parts that were refused at $side"
	assert_eq "$(grep -cP "^CompleteMultipartUpload\t.*\t200\tdamaged-$side\t" "$T/requests")" 1 "completed at $side"
	# stored as something else, once
	fault $side 'op=UploadPart count=1 action=wrong-checksum'
	save "part-$side"
	wait_repl
	fault $side 'op=CompleteMultipartUpload count=1 action=wrong-checksum'
	save "whole-$side"
	wait_repl
	# the answer is lost: what is there is asked for its checksum
	fault $side 'op=CompleteMultipartUpload count=1 action=reset-after'
	save "lost-$side"
	wait_repl
	no_faults $side
	assert_eq "$(s3 count-versions $side "lost-$side")" 1 "versions when the answer was lost"
	same_at $side "damaged-$side" "part-$side" "whole-$side" "lost-$side"
done

# for ever: who saves it is told; a replica FAILED, with the reason
fault a 'op=CompleteMultipartUpload count=-1 action=wrong-checksum'
save spoilt 2>"$T/err" && fail "the server stored other bytes, and the save was acknowledged"
grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
grep -q 'ChecksumMismatch' "$MOUNT_LOG" || fail "the log does not say why"
no_faults a
fault b 'op=CompleteMultipartUpload count=-1 action=wrong-checksum'
save refused
failed() { [ "$(xattr "$MNT/refused" user.s3.replication-status)" = FAILED ]; }
retry_until "$LONG" failed
ctl queue "$MNT" >"$T/queue"
grep -q 'stored other bytes than were sent' "$T/queue" || fail "$(cat "$T/queue")"
no_faults b
ctl retry "$MNT" >/dev/null
wait_repl
same_at b refused

# begun here, completed by the next mount: what was sent is not sent again, and its checksums are known
fault b 'op=CompleteMultipartUpload count=-1 action=status:503:SlowDown'
mark_requests
save later
tried() { [ "$(count_requests b CompleteMultipartUpload later)" -ge 1 ]; }
retry_until "$LONG" tried
parts=$(count_requests b UploadPart later)
kill9_crrfs
no_faults b
mount_crrfs
wait_repl
assert_eq "$(count_requests b UploadPart later)" "$parts" "parts sent to b"
same_at b later

# servers with COMPOSITE ones only, and with none: asked once
sum=
for missing in full-object checksum; do
	lacks a $missing
	lacks b $missing
	remount_crrfs
	mark_requests
	save "one-$missing"
	save "two-$missing"
	wait_repl
	for side in a b; do same_at $side "one-$missing" "two-$missing"; done
	assert_requests a CreateMultipartUpload "one-$missing" "$([ $missing = checksum ] && echo 1 || echo 2)"
	assert_requests a CreateMultipartUpload "two-$missing" 1
	fault a 'op=UploadPart count=1 action=damage'
	save "damaged-$missing"
	no_faults a
	same_at a "damaged-$missing"
	assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
done
