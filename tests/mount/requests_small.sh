#!/bin/bash
# A new 4 KiB file costs at most one lookup request and one PUT at the source, one PUT at the destination, no GET.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
mkdir "$MNT/dir"
random_file "$T/f" 4096
wait_repl
mark_requests
cp "$T/f" "$MNT/dir/new"
wait_repl
requests a >"$T/a"
requests b >"$T/b"
show() { cat "$T/a"; echo "-- destination"; cat "$T/b"; }
lookups=$(grep -cE '^(HeadObject|ListObjectsV2|ListObjects)	' "$T/a") || true
[ "$lookups" -le 1 ] || fail "$lookups lookups: $(show)"
assert_eq "$(grep -c '^PutObject	' "$T/a")" 1 "PUTs at the source"
assert_eq "$(wc -l <"$T/a")" $((lookups + 1)) "requests at the source, $(show)"
assert_eq "$(cut -f1 "$T/b")" PutObject "requests at the destination, $(show)"
s3 compare
# the same over an old file: no lookup that is not needed, one PUT
mark_requests
cp "$T/f" "$MNT/dir/new"
cat "$MNT/dir/new" >/dev/null
wait_repl
assert_requests a PutObject dir/new 1
assert_requests b PutObject dir/new 1
assert_requests b 'GetObject|HeadObject' '' 0
