#!/bin/bash
# What S3 and the queue know is readable, refuses to be set (EPERM) and is not listed, so that cp -a does not copy it.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/
mount_crrfs
mkdir "$MNT/Tax"
f=$MNT/Tax/file
echo text >"$f"
echo text >"$MNT/outside"
wait_repl
assert_eq "$(xattr "$f" user.s3.version-id)" "$(s3 version-id a Tax/file)" version-id
assert_eq "$(xattr "$f" user.s3.etag | tr -d '"')" "$(md5sum <"$f" | cut -d' ' -f1)" etag
assert_eq "$(xattr "$f" user.s3.storage-class)" STANDARD
[ -n "$(xattr "$f" user.s3.content-type)" ] || fail "no content-type"
assert_eq "$(xattr "$f" user.s3.replication-status)" COMPLETED
assert_match "$(xattr "$f" "user.s3.replication.$DST")" COMPLETED
assert_errno "No such attribute" xattr "$MNT/outside" user.s3.replication-status
for name in version-id etag storage-class content-type replication-status "replication.$DST"; do
	assert_errno "Operation not permitted" set_xattr "$f" "user.s3.$name" x
	assert_errno "Operation not permitted" setfattr -x "user.s3.$name" "$f"
done
assert_eq "$(list_xattrs "$f")" "" "listed xattrs"
assert_fails set_xattr "$f" user.s3.nonsense x
cp -a "$f" "$MNT/Tax/copy"
wait_repl
s3 compare --prefix Tax/
