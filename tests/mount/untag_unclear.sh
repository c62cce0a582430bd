#!/bin/bash
# servers: s3d
# untag=delete-marker when the answer to the delete is lost again and again: the replica is hidden in the end, once. On MinIO
# the marker does not take the place of the version that it hides.
S3D_OPTIONS_a=(--minio) S3D_OPTIONS_b=(--minio)
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mount_crrfs untag=delete-marker,retry_first=0.1,retry_max=1
echo text >"$T/h"
setfattr -n user.s3.tag.class -v tax "$T/h"
for name in hidden unclear; do cp --preserve=xattr "$T/h" "$MNT/$name"; done
wait_repl
counts() { s3 count-versions b "$1" , count-markers b "$1" | tr '\n' ' '; }
setfattr -x user.s3.tag.class "$MNT/hidden"
wait_repl
assert_eq "$(counts hidden)" "1 1 " "versions and markers of what matches no more"
fault b "op=DeleteObject key=unclear count=5 action=reset"
setfattr -x user.s3.tag.class "$MNT/unclear"
wait_repl
assert_eq "$(counts unclear)" "1 1 " "after answers that were lost"
# tags that match again bring it back, once
set_xattr "$MNT/hidden" user.s3.tag.class tax
wait_repl
s3 exists b hidden || fail "it matches again, and is still hidden"
assert_eq "$(counts hidden)" "2 1 " "versions and markers of what matches again"
set_xattr "$MNT/hidden" user.s3.tag.class none
set_xattr "$MNT/hidden" user.s3.tag.class other
wait_repl
assert_eq "$(counts hidden)" "2 2 " "of what was hidden again, by the first of two changes"
