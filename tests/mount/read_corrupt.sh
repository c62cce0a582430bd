#!/bin/bash
# Bytes that rotted at the source are not taken for the file: who reads it to its end gets an error.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "the test changes a byte behind the server's back"
make_rules prefix=nothing/
for size in 500000 3000000 20000000; do
	random_file "$T/file" $size
	s3 put a "good-$size" "$T/file"
	s3 put a "rotten-$size" "$T/file"
done
/usr/bin/python3 - "$T/s3d-a" <<'END'
import os, sys
done = set()
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        size = os.path.getsize(path)
        if size in (500000, 3000000, 20000000) and size not in done:
            with open(path, 'r+b') as f:
                f.seek(size // 2)
                byte = f.read(1)
                f.seek(size // 2)
                f.write(bytes([byte[0] ^ 1]))
            done.add(size)
assert len(done) == 3, done
END
cache=disk_cache="$T/disk"
read_all() {
	for size in 500000 3000000 20000000; do
		local failed=0 which
		for which in good rotten; do
			cat "$MNT/$which-$size" >"$T/got" 2>"$T/err" && continue
			grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
			failed=$((failed + 1))
		done
		assert_eq $failed 1 "files of $size bytes that cannot be read"
	done
}
mount_crrfs "$cache"
read_all
read_all # they do not become right by asking again
remount_crrfs "$cache"
read_all
[ "$(grep -c 'read=corrupt' "$MOUNT_LOG")" -ge 6 ] || fail "the log does not say it"
