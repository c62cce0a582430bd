#!/bin/bash
# A source without versions: the replica of what another program has replaced there is not taken for the base of an edit.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=''
begin
mount_crrfs unversioned_ok
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/other" $((23 * 1024 * 1024)) other
random_file "$T/edit" 4096 edit
cp "$T/big" "$MNT/big"
wait_repl
mark_requests
for path in "$T/big" "$MNT/big"; do dd if="$T/edit" of="$path" bs=4096 seek=2000 conv=notrunc status=none; done
wait_repl
assert_eq "$(count_bodies b)" 1 "parts sent for an edit"
chmod 600 "$MNT/big"
wait_repl
assert_eq "$(count_bodies b)" 1 "bodies sent for a chmod"
s3 get b big "$T/got"
assert_file_equal "$T/big" "$T/got"

s3 put a big "$T/other"
remount_crrfs unversioned_ok
for path in "$T/other" "$MNT/big"; do dd if="$T/edit" of="$path" bs=4096 seek=2000 conv=notrunc status=none; done
wait_repl
s3 get a big "$T/got.a" , get b big "$T/got.b"
assert_file_equal "$T/other" "$T/got.a"
assert_file_equal "$T/other" "$T/got.b"
if grep ReplicaDiffers "$MOUNT_LOG"; then fail "it was taken first, and found out afterwards"; fi
