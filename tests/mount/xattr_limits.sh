#!/bin/bash
# The limits of S3 are checked here, before any request, with the errno that fits.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
f=$MNT/file
echo text >"$f"
wait_repl
for i in $(seq 10); do set_xattr "$f" "user.s3.tag.k$i" "v$i"; done
mark_requests
assert_errno "No space left" set_xattr "$f" user.s3.tag.k11 v
set_xattr "$f" user.s3.tag.k10 changed
assert_errno "No space left" set_xattr "$f" user.s3.tags 'a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1'
long() { printf "%*s" "$1" '' | tr ' ' x; }
setfattr -x user.s3.tag.k1 "$f"
set_xattr "$f" user.s3.tag.k2 "$(long 256)"
assert_errno "Invalid argument" set_xattr "$f" user.s3.tag.k2 "$(long 257)"
set_xattr "$f" "user.s3.tag.$(long 128)" v
setfattr -x "user.s3.tag.$(long 128)" "$f"
assert_errno "Invalid argument" set_xattr "$f" "user.s3.tag.$(long 129)" v
# characters, not bytes; the gateway counts bytes and refuses what S3 allows: one more request, and a fitting errno
sent=6
umlauts=$(long 128 | sed 's/x/ü/g')
if [ "$S3_SERVER" = rgw ]; then
	assert_errno "Invalid argument" set_xattr "$f" user.s3.tags "$umlauts=$umlauts$umlauts"
	umlauts=$(long 64 | sed 's/x/ü/g')
	sent=7
fi
set_xattr "$f" user.s3.tags "$umlauts=$umlauts$umlauts"
assert_eq "$(s3 tags a file)" "$umlauts=$umlauts$umlauts"
assert_errno "Invalid argument" set_xattr "$f" user.s3.tags 'twice=1&twice=2'
assert_errno "Invalid argument" set_xattr "$f" user.s3.tags 'aws:x=1'
assert_errno "Invalid argument" set_xattr "$f" user.s3.tag.aws:x 1
assert_errno "Invalid argument" set_xattr "$f" user.s3.tags '=novalue'
assert_errno "Invalid argument" set_xattr "$f" user.s3.tags 'bad=%zz'
assert_eq "$(count_requests a PutObjectTagging file)" $sent "tag requests, none for a refused one"
# 2 KiB of metadata in all, names and values
assert_errno "No space left" set_xattr "$f" user.large "$(long 2049)"
set_xattr "$f" user.half "$(long 1200)"
assert_errno "No space left" set_xattr "$f" user.other "$(long 900)"
set_xattr "$f" user.half short
set_xattr "$f" user.other "$(long 900)"
wait_repl
s3 compare
