#!/bin/bash
# One mount at a time for a state folder, and a state folder belongs to its bucket.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
first=$MNT
mkdir "$T/mnt2"
MNT=$T/mnt2
mount_fails any
one_clear_line "$STATE.*another mount uses it.*$MOUNT_PID"
echo still >"$first/file"
assert_eq "$(cat "$first/file")" still
assert_eq "$(stat -c %a "$STATE")" 700 "mode of the state folder"
MNT=$first
umount_crrfs
# a part of the bucket is something else, too
mount_fails any '' "$SRC/part"
one_clear_line "state $STATE belongs to bucket"
# of one that was killed nothing is in the way
mount_crrfs
kill9_crrfs
mount_crrfs
umount_crrfs
# another bucket
third_bucket
S3_A_ENDPOINT=$S3_B_ENDPOINT S3_A_REGION=$S3_B_REGION
mount_fails any profile=b "$DST2"
one_clear_line "state $STATE belongs to bucket .*$SRC.*state=DIR"
