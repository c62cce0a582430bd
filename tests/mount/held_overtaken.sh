#!/bin/bash
# servers: s3d
# What was acknowledged, and could not be made true by the next mount either, does not come back over what is newer: a
# version, whether a rule wants it or not, a delete, something else that is acknowledged, a rename.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
refuse() { fault a "op=PutObject count=-1 action=status:503"; }
held() { ctl status "$MNT" | grep -q " $1 held"; }
make_rules prefix=Tax/,markers
mount_crrfs durability=A,timeout=2,retry_first=0.1,retry_max=0.2
mkdir "$MNT/Tax"
wait_repl
refuse
for name in Tax/version version Tax/deleted deleted Tax/held held Tax/kept Tax/lost; do echo "old" >"$MNT/$name"; done
echo "this one is lost" >"$MNT/Tax/lost"
retry_until "$LONG" held 8
kill9_crrfs
grep -l "is lost" "$STATE/staging"/* | xargs rm
echo "of another" >"$T/other"
no_faults a
s3 put a Tax/deleted "$T/other" , put a deleted "$T/other"
refuse
mount_crrfs durability=A,timeout=2,retry_first=0.1,retry_max=0.2
assert_eq "$(grep -c "held=yes result=left" "$MOUNT_LOG")" 8 "promises left to the next mount"
no_faults a
rm "$MNT/Tax/deleted" "$MNT/deleted"
echo "newer" >"$MNT/Tax/version"
echo "newer" >"$MNT/version"
retry_until "$LONG" held 0
refuse
echo "newer" >"$MNT/Tax/held"
echo "newer" >"$MNT/held"
retry_until "$LONG" held 2
kill9_crrfs
no_faults a
mount_crrfs
wait_repl
for name in Tax/version version Tax/held held; do
	assert_eq "$(cat "$MNT/$name")" newer "$name"
	assert_eq "$(s3 count-versions a $name)" 1 "versions of $name"
done
for name in Tax/deleted deleted; do assert_eq "$(s3 count-versions a $name , count-markers a $name | tr '\n' ' ')" "1 1 "; done
assert_eq "$(cat "$MNT/Tax/kept")" old
assert_versions Tax/version 1
assert_eq "$(grep -c "the acknowledged file is missing" "$MOUNT_LOG")" 1
umount_crrfs

# The name was taken over by something that had been acknowledged earlier.
mount_crrfs settle=60,timeout=60
assert_eq "$(grep -c "the acknowledged file is missing" "$MOUNT_LOG")" 1 "times that it was told"
cp "$T/credentials" "$T/old"
echo "newer" >"$MNT/Tax/.b.swp"
install -m 600 "$T/old" "$MNT/Tax/b"
held 2
fault a "op=PutObject key=Tax/b count=-1 action=status:503"
mark_requests
mv "$MNT/Tax/.b.swp" "$MNT/Tax/b" &
pid=$!
tried() { [ "$(count_requests a PutObject Tax/b)" -ge 1 ]; }
retry_until "$LONG" tried
kill9_crrfs
wait $pid || true
no_faults a
mount_crrfs
wait_repl
assert_eq "$(cat "$MNT/Tax/b")" newer
assert_versions Tax/b 1
umount_crrfs
