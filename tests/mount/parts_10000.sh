#!/bin/bash
# The most that S3 takes: an object of exactly 10,000 parts, made by another program, is replicated in those parts, by a request
# for each, and goes on with the part that it was at after a kill; memory stays small. A file may have 5 TiB, and not a byte more:
# that is said at once. (That no file of ours needs more than 10,000 parts is in tests/unit/test_part.c.)
# servers: s3d
. "$(dirname "$0")/lib.sh"
S3D_OPTIONS_a=(--min-part 1) S3D_OPTIONS_b=(--min-part 1)
begin
PARTS=10000 SIZE=$((999 * 10000 - 3)) # the last part is the shortest
make_rules tag=go:yes
random_file "$T/body" $SIZE
upload() { # KEY PART-SIZE
	AWS_PROFILE=a "$BUILD/bench/raw" "$S3_A_ENDPOINT" "$S3_A_REGION" "$SRC" 8 upload "$T/body" "$1" "$2" >>"$T/out" 2>"$T/err"
}
upload object 999 || fail "$(cat "$T/err")"
assert_eq "$(s3 parts a object)" $PARTS "parts"
if upload one-more 998; then fail "the server took 10,001 parts"; fi

mount_crrfs memory=16M
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$MOUNT_PID/status"; }
assert_file_equal "$T/body" "$MNT/object"
mark_requests
let_go object
under_way() { [ "$(grep -c UploadPart "$T/s3d-b.log")" -gt 2000 ]; }
retry_until "$LONG" under_way
kill9_crrfs
sent=$(grep -c UploadPart "$T/s3d-b.log")
[ "$sent" -lt $PARTS ] || fail "it was over before the kill"
mount_crrfs memory=16M
wait_repl
say "at most $(peak) KiB were resident"
! shows_memory || [ "$(peak)" -lt 60000 ] || fail "$(peak) KiB for $PARTS parts"
assert_arrived object
assert_eq "$(s3 parts b object)" $PARTS "parts at the destination"
s3 get b object "$T/got"
assert_file_equal "$T/body" "$T/got"
assert_requests b CreateMultipartUpload object 1
assert_requests b CompleteMultipartUpload object 1
got=$(count_requests b UploadPart object)
[ "$got" -ge $PARTS ] && [ "$got" -lt $((PARTS + 100)) ] || fail "$got parts were sent, of $PARTS"
assert_eq "$(s3 uploads b)" "" "uploads left behind"

# an edit of it makes our parts of it
printf X | dd of="$MNT/object" bs=1 seek=5000 conv=notrunc 2>>"$T/err"
printf X | dd of="$T/body" bs=1 seek=5000 conv=notrunc 2>>"$T/err"
wait_repl
assert_arrived object
s3 get b object "$T/got"
assert_file_equal "$T/body" "$T/got"

say "5 TiB"
/usr/bin/python3 - "$MNT/large" <<'PY'
import errno, os, sys
MOST = 5 << 40
def refused(call, *args):
    try:
        call(*args)
    except OSError as error:
        return error.errno == errno.EFBIG
    return False
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
try:
    os.ftruncate(fd, MOST)
    assert os.pwrite(fd, b'end', MOST - 3) == 3
    assert refused(os.pwrite, fd, b'end', MOST)
    assert refused(os.ftruncate, fd, MOST + 1)
    assert refused(os.posix_fallocate, fd, MOST, 1)
    assert os.fstat(fd).st_size == MOST
    assert os.pread(fd, 5, MOST - 4) == b'\0end'
finally:
    os.ftruncate(fd, 4)    # or 5 TiB of zeros would be sent
    os.close(fd)
PY
line_of "$MOUNT_LOG" 'write=refused key="large" size=5497558138883 why="an object of S3 has 5 TiB at most"' >/dev/null
assert_eq "$(stat -c %s "$MNT/large")" 4
umount_crrfs
