#!/bin/bash
# Files of every interesting size go in with cp, are the same in both buckets, and come out again.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
mkdir "$T/in" "$T/out"
MiB=$((1024 * 1024))
for size in 0 1 4095 4096 4097 131072 1000000 $((5 * MiB - 1)) $((5 * MiB)) $((5 * MiB + 1)) $((23 * MiB + 7)); do
	random_file "$T/in/file-$size" "$size" "$size"
done
cp "$T/in/"* "$MNT/"
for file in "$T/in/"*; do
	assert_file_equal "$file" "$MNT/$(basename "$file")"
done
wait_repl
s3 tree a "$T/in" , tree b "$T/in" , compare
remount_crrfs
cp "$MNT/"* "$T/out/"
diff -r "$T/in" "$T/out" || fail "what came out differs"
assert_eq "$(stat -c %s "$MNT/file-0")" 0 "size of the empty file"
