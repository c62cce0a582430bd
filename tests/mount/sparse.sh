#!/bin/bash
# Holes read as zeros, here and at the destination.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
for path in "$T/twin" "$MNT/file"; do
	truncate -s 9000000 "$path"
	echo middle | dd of="$path" bs=1 seek=4000000 conv=notrunc status=none
	echo end | dd of="$path" bs=1 seek=12000000 conv=notrunc status=none
done
assert_file_equal "$T/twin" "$MNT/file"
cp --sparse=always "$T/twin" "$MNT/copy"
assert_file_equal "$T/twin" "$MNT/copy"
wait_repl
s3 get b file "$T/got" , get b copy "$T/copy" , compare
assert_file_equal "$T/twin" "$T/got"
assert_file_equal "$T/twin" "$T/copy"
