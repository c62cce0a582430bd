#!/bin/bash
# servers: s3d
# durability=staged: close and fsync return when the file is durable here, whatever the source does; it gets there in the
# background, survives kill -9, and no more than staging_max wait for it.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
random_file "$T/big" $((20 * 1024 * 1024))
mount_crrfs durability=staged
cp "$T/big" "$MNT/big"
there() { [ "$(s3 count-versions a "$1")" = "$2" ]; }
retry_until "$LONG" there big 1
wait_repl
assert_versions big 1
umount_crrfs
# parts that left while it was written are not sent again
mark_requests
mount_crrfs durability=staged
cp "$T/big" "$MNT/again"
wait_repl
assert_eq "$(sum_bytes a "UploadPart|PutObject" again)" $((20 * 1024 * 1024)) "bytes to the source"

umount_crrfs
mount_crrfs durability=A,staging_max=4M,timeout=2,retry_first=0.1,retry_max=0.2
fault a "op=PutObject count=-1 action=status:503" "op=CreateMultipartUpload count=-1 action=status:503" \
	"op=UploadPart count=-1 action=status:503"
for i in 1 2 3; do
	echo "number $i" >"$MNT/f"
	cp -p "$T/credentials" "$MNT/c$i"
done
printf 'x%.0s' {1..1000} | dd of="$MNT/synced" conv=fsync status=none
assert_eq "$(cat "$MNT/f")" "number 3"
chmod 640 "$MNT/c1"
mv "$MNT/c1" "$MNT/c4"
rm "$MNT/c2"
all_held() { ctl status "$MNT" | grep -q "4 held"; } # none on its way, in vain
retry_until "$LONG" all_held
# more than may wait: that close hears of the source
random_file "$T/large" $((5 * 1024 * 1024))
assert_fails cp "$T/large" "$MNT/large"
kill9_crrfs
no_faults a
mount_crrfs
wait_repl
assert_eq "$(cat "$MNT/f")" "number 3"
assert_file_equal "$T/credentials" "$MNT/c4"
assert_eq "$(stat -c %a "$MNT/c4")" 640
assert_eq "$(stat -c %s "$MNT/synced")" 1000
for key in f c3 c4 synced; do assert_versions "$key" 1; done
for key in c1 c2; do assert_versions "$key" 0; done
s3 compare
