#!/bin/bash
# A directory that is only a prefix of keys has the mount's start as its time, one link, and the mount's owner.
. "$(dirname "$0")/lib.sh"
begin
before=$(date +%s)
echo x >"$T/x"
s3 put a only/a/prefix "$T/x"
for options in posix_meta=yes posix_meta=no; do
	mount_crrfs "$options"
	for dir in "$MNT" "$MNT/only" "$MNT/only/a"; do
		stat -c '%Y %h %u %F' "$dir" >"$T/stat"
		read -r time links owner kind <"$T/stat"
		[ "$time" -ge "$before" ] && [ "$time" -le "$(date +%s)" ] || fail "time of $dir: $time"
		assert_eq "$links $owner $kind" "1 $(id -u) directory"
	done
	first=$(stat -c %Y "$MNT/only")
	sleep 1.1
	assert_eq "$(stat -c %Y "$MNT/only")" "$first" "the time after a while"
	assert_eq "$(find "$MNT" -type f | wc -l)" 1
	umount_crrfs
done
