#!/bin/bash
# One mount at a time for a state folder, and a state folder belongs to its bucket.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
first=$MNT
mkdir "$T/mnt2"
MNT=$T/mnt2
mount_fails any
one_clear_line "$STATE"
echo still >"$first/file"
assert_eq "$(cat "$first/file")" still
assert_eq "$(stat -c %a "$STATE")" 700 "mode of the state folder"
MNT=$first
umount_crrfs
# another bucket
third_bucket
S3_A_ENDPOINT=$S3_B_ENDPOINT S3_A_REGION=$S3_B_REGION
mount_fails any profile=b "$DST2"
one_clear_line "$SRC|bucket"
