#!/bin/bash
# Mode, owner and mtime are kept under s3fs's names, survive a remount, and go to the destination.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo text >"$T/file"
chmod 640 "$T/file"
touch -d '2001-02-03 04:05:06 UTC' "$T/file"
cp -p "$T/file" "$MNT/file"
mkdir -m 750 "$MNT/dir"
wait_repl
assert_eq "$(s3 count-versions a file)" 1 "versions after cp -p"
assert_eq "$(($(s3 meta a file mode) & 07777))" $((0640)) "x-amz-meta-mode"
assert_match "$(s3 meta a file mtime)" '^981173106(\.0*)?$' x-amz-meta-mtime
assert_eq "$(s3 meta a file uid)" "$(id -u)" x-amz-meta-uid
assert_eq "$(s3 meta a file gid)" "$(id -g)" x-amz-meta-gid
chmod 4711 "$MNT/file"
touch -d '2011-01-01 00:00:00 UTC' "$MNT/file"
expected="4711 1293840000 $(id -u) $(id -g)"
if [ "$(id -u)" = 0 ]; then
	chown 1234:2345 "$MNT/file"
	chmod 4711 "$MNT/file"
	touch -d '2011-01-01 00:00:00 UTC' "$MNT/file"
	expected="4711 1293840000 1234 2345"
fi
assert_eq "$(stat -c '%a %Y %u %g' "$MNT/file")" "$expected"
chmod 700 "$MNT/dir"
wait_repl
s3 compare
remount_crrfs
assert_eq "$(stat -c '%a %Y %u %g' "$MNT/file")" "$expected" "after a remount"
assert_eq "$(stat -c %a "$MNT/dir")" 700
# another state folder knows nothing, and reads it all from the object
umount_crrfs
rm -rf "$STATE"
mount_crrfs
assert_eq "$(stat -c '%a %Y %u %g' "$MNT/file")" "$expected" "from the metadata alone"
umount_crrfs
mount_crrfs posix_meta=no
assert_eq "$(stat -c '%a' "$MNT/file")" 644 "with posix_meta=no"
