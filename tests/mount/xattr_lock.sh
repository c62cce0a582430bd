#!/bin/bash
# user.s3.retention and user.s3.legal-hold: read and set at the source, and the replica gets the same. A default retention
# of the bucket reaches the replica as well.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=lock S3D_BUCKET_b=lock
begin
f=$MNT/file
lock() { s3 lock "$1" "$2" | tr '\n' ' '; }
mount_crrfs
echo text >"$f"
assert_errno "No such attribute" xattr "$f" user.s3.retention
assert_eq "$(xattr "$f" user.s3.legal-hold)" OFF
wait_repl
mark_requests
set_xattr "$f" user.s3.retention "GOVERNANCE 2040-01-01T00:00:00Z"
set_xattr "$f" user.s3.legal-hold ON
assert_requests a 'PutObjectRetention|PutObjectLegalHold' file 2
assert_requests a 'PutObject|GetObject' file 0
assert_match "$(xattr "$f" user.s3.retention)" '^GOVERNANCE 2040-01-01T00:00:00Z$'
assert_eq "$(xattr "$f" user.s3.legal-hold)" ON
assert_eq "$(lock a file)" "retention GOVERNANCE 2040-01-01T00:00:00+00:00 hold ON "
assert_eq "$(list_xattrs "$f")" "" "listed xattrs"
for bad in GOVERNANCE "COMPLIANCE soon" "FOREVER 2040-01-01T00:00:00Z" "GOVERNANCE 2001-01-01T00:00:00Z"; do
	assert_errno "Invalid argument" set_xattr "$f" user.s3.retention "$bad"
done
assert_errno "Invalid argument" set_xattr "$f" user.s3.legal-hold on
# crrfs never asks for the bypass: it cannot be shortened or taken away
assert_errno "Permission denied" set_xattr "$f" user.s3.retention "GOVERNANCE 2030-01-01T00:00:00Z"
assert_fails setfattr -x user.s3.retention "$f"
assert_match "$(xattr "$f" user.s3.retention)" '^GOVERNANCE 2040-' "what was not taken away"
set_xattr "$f" user.s3.retention "GOVERNANCE 2041-01-01T00:00:00Z"
setfattr -x user.s3.legal-hold "$f"
assert_eq "$(lock a file)" "retention GOVERNANCE 2041-01-01T00:00:00+00:00 hold OFF "
# a file under retention can be written and removed: its versions stay
chmod 600 "$f"
sync "$f"
assert_eq "$(lock a file)" "retention none hold OFF " "a copy takes no retention along"
assert_eq "$(s3 count-versions a file)" 2 versions
echo text >"$MNT/held"
wait_repl
set_xattr "$MNT/held" user.s3.legal-hold ON
set_xattr "$MNT/held" user.s3.retention "COMPLIANCE 2041-01-01T00:00:00Z"
wait_repl
s3 compare --lock
rm "$f"
assert_eq "$(s3 count-versions a file , count-markers a file | tr '\n' ' ')" "2 1 "

# given by the bucket to each new version
s3 lockconf a GOVERNANCE:3
remount_crrfs
echo text >"$MNT/default"
random_file "$T/big" $((9 * 1024 * 1024))
cp "$T/big" "$MNT/big"
assert_match "$(xattr "$MNT/default" user.s3.retention)" ^GOVERNANCE
assert_match "$(lock a big)" "^retention GOVERNANCE"
wait_repl
s3 compare --lock --may-stay file
