#!/bin/bash
# servers: s3d
# What was acknowledged and waits for the source is not touched by a program that writes the file anew: until that is
# acknowledged too, a crash or a full disk leaves what was before.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
refuse() {
	fault a "op=PutObject count=-1 action=status:503" "op=CreateMultipartUpload count=-1 action=status:503" \
		"op=UploadPart count=-1 action=status:503"
}
held() { ctl status "$MNT" | grep -q " $1 held"; }
quick=timeout=2,retry_first=0.1,retry_max=0.2

mount_crrfs durability=A,$quick
refuse
for name in emptied appended again torn; do echo "acknowledged $name" >"$MNT/$name"; done
exec 7>"$MNT/emptied" 8>>"$MNT/appended"
printf 'half' >&7
printf 'half' >&8
assert_eq "$(cat "$MNT/emptied")" half
assert_eq "$(cat "$MNT/appended")" "acknowledged appended
half"
echo "this, too" >>"$MNT/again"
retry_until "$LONG" held 2
kill9_crrfs
exec 7>&- 8>&-
assert_eq "$(find "$STATE/staging" -type f -size -100c | wc -l)" 6 "staged files after the crash"
# one is not as it was acknowledged
grep -l torn "$STATE/staging"/* | xargs truncate -s 3
no_faults a
mount_crrfs
wait_repl
assert_eq "$(cat "$MNT/emptied")" "acknowledged emptied"
assert_eq "$(cat "$MNT/appended")" "acknowledged appended"
assert_eq "$(cat "$MNT/again")" "acknowledged again
this, too"
for key in emptied appended again; do assert_versions "$key" 1; done
assert_versions torn 0
grep -q 'key="torn" result="the acknowledged file has another size" kept=' "$MOUNT_LOG" || fail "nobody was told"
assert_eq "$(cat "$STATE/failed"/*)" "$(printf ack)" "what is kept of it"
assert_eq "$(find "$STATE/staging" -type f | wc -l)" 0 "staged files that nobody needs"
umount_crrfs
mount_crrfs
assert_eq "$(grep -c "has another size" "$MOUNT_LOG")" 1 "times that it was told"
umount_crrfs

# the disk is full
rm -rf "$STATE"
mkdir "$STATE"
mount -t tmpfs -o size=24m,mode=700 tmpfs "$STATE" || skip "no tmpfs here"
MOUNTS+=("$STATE")
mount_crrfs durability=A,$quick
refuse
echo "acknowledged" >"$MNT/full"
echo "acknowledged" >"$MNT/grown"
too_big() { head -c 40000000 /dev/zero; }
if too_big >"$MNT/full" 2>"$T/err"; then fail "40 MB fit into 24"; fi
if too_big >>"$MNT/grown" 2>"$T/err"; then fail "40 MB fit into 24"; fi
retry_until "$LONG" held 2
assert_eq "$(cat "$MNT/full" "$MNT/grown")" "acknowledged
acknowledged"
no_faults a
wait_repl
umount_crrfs
mount_crrfs
assert_eq "$(cat "$MNT/full" "$MNT/grown")" "acknowledged
acknowledged"
wait_repl
for key in full grown; do assert_versions "$key" 1; done
assert_eq "$(find "$STATE/staging" -type f | wc -l)" 0 "staged files that nobody needs"
umount_crrfs
umount "$STATE"
