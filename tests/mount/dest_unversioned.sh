#!/bin/bash
# A destination without versions: the latest one wins, in order; a delete removes; tags follow; nothing is sent twice.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a bucket without versions"
S3D_BUCKET_b='' S3D_OPTIONS_b=(--without versioning)
begin
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
grep -q "keeps no versions" "$MOUNT_LOG" || fail "no word of what that means"

proxy_down
for i in 1 2 3; do echo "text $i" >"$MNT/many"; done
echo gone >"$MNT/gone"
rm "$MNT/gone"
echo old >"$MNT/back"
rm "$MNT/back"
echo new >"$MNT/back"
random_file "$MNT/big" $((11 * 1024 * 1024))
set_xattr "$MNT/many" user.s3.tag.class tax
proxy_up
wait_repl
s3 compare
assert_eq "$(s3 tags b many)" class=tax
assert_eq "$(s3 keys b | tr '\n' ' ')" "back big many "
rm "$MNT/many"
wait_repl
s3 compare

# tags of a version that was replaced there do not stray to the new one
echo one >"$MNT/tagged"
wait_repl
proxy_down
set_xattr "$MNT/tagged" user.s3.tag.of one
echo two >"$MNT/tagged"
setfattr -x user.s3.tag.of "$MNT/tagged"
proxy_up
wait_repl
s3 compare

# the answer is lost and the mount dies: what stands is found, and not sent again
fault b 'op=PutObject key=lost count=-1 action=reset-after'
echo lost >"$MNT/lost"
there() { s3 exists b lost; }
retry_until "$LONG" there
kill9_crrfs
no_faults b
mark_requests
mount_crrfs
wait_repl
assert_requests b PutObject lost 0
s3 compare

# with the word of the destinations file there is none at the mount
umount_crrfs
sed -i "/^\[$DST_ARN\]/a unversioned_ok = yes" "$DESTINATIONS"
: >"$MOUNT_LOG"
mount_crrfs
if grep -q "keeps no versions" "$MOUNT_LOG"; then fail "said although it is known"; fi
