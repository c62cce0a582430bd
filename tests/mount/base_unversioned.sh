#!/bin/bash
# A destination without versions: its replica is copied as long as it is still the one that we made.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a bucket without versions"
S3D_BUCKET_b='' S3D_OPTIONS_b=(--without versioning)
begin
mount_crrfs
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/other" $((23 * 1024 * 1024)) other
random_file "$T/edit" 4096 edit
cp "$T/big" "$MNT/big"
wait_repl
at=100
edit() {
	at=$((at + 37))
	for path in "$T/big" "$1"; do dd if="$T/edit" of="$path" bs=4096 seek=$at conv=notrunc status=none; done
}
mark_requests
edit "$MNT/big"
wait_repl
assert_eq "$(count_bodies b)" 1 "parts sent for an edit"
chmod 600 "$MNT/big"
mv "$MNT/big" "$MNT/moved"
wait_repl
assert_eq "$(count_bodies b)" 1 "parts sent for a rename"
s3 get b moved "$T/got"
assert_file_equal "$T/big" "$T/got"

# somebody else wrote there: other bytes of the same size
s3 put b moved "$T/other"
edit "$MNT/moved"
wait_repl
s3 get b moved "$T/got"
assert_file_equal "$T/big" "$T/got"
s3 rm b moved
edit "$MNT/moved"
wait_repl
s3 get b moved "$T/got"
assert_file_equal "$T/big" "$T/got"
