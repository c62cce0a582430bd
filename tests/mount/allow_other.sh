#!/bin/bash
# Who else gets into a mount: nobody; with allow_other those whom modes and owners let in, as on a local disk, with no other
# option: default_permissions is always on.
# servers: s3d
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
command -v runuser >/dev/null || skip "runuser is missing"
begin
chmod 755 "$T"
as_nobody() { runuser -u nobody -- "$@"; }
mount_crrfs
echo text >"$MNT/open"
echo text >"$MNT/closed"
mkdir "$MNT/open.d" "$MNT/closed.d" "$MNT/theirs"
echo text >"$MNT/closed.d/file"
echo text >"$MNT/theirs/file"
chmod 644 "$MNT/open" "$MNT/theirs/file"
chmod 600 "$MNT/closed"
chmod 755 "$MNT" "$MNT/open.d" "$MNT/theirs"
chmod 700 "$MNT/closed.d"
chown nobody "$MNT/theirs" "$MNT/theirs/file"
for name in "" /open /closed /open.d /closed.d/file /theirs/file; do
	assert_errno "Permission denied" as_nobody ls "$MNT$name"
done
wait_repl
remount_crrfs allow_other
assert_match "$(grep -F " $MNT " /proc/self/mounts)" "default_permissions" "mount options"
assert_eq "$(as_nobody cat "$MNT/open")" text
assert_errno "Permission denied" as_nobody cat "$MNT/closed"
assert_errno "Permission denied" as_nobody cat "$MNT/closed.d/file"
assert_errno "Permission denied" as_nobody tee "$MNT/open" </dev/null
assert_errno "Permission denied" as_nobody touch "$MNT/open.d/new"
assert_errno "Permission denied" as_nobody rm -f "$MNT/open"
assert_errno "Operation not permitted" as_nobody chmod 777 "$MNT/open"
assert_errno "Operation not permitted" as_nobody chown nobody "$MNT/open"
assert_errno "Permission denied" as_nobody setfattr -n user.s3.tag.a -v b "$MNT/open"
assert_errno "Permission denied" as_nobody getfattr -n user.s3.version-id "$MNT/closed"
# nor by way of their versions
version=$(xattr "$MNT/closed" user.s3.version-id)
inside=$(xattr "$MNT/closed.d/file" user.s3.version-id)
assert_eq "$(cat "$MNT/.versions/closed/"*"$version"*)" text
assert_eq "$(cat "$MNT/.versions/closed.d/file/"*"$inside"*)" text
for path in "closed/$(ls "$MNT/.versions/closed" | grep -F "$version")" \
	"closed.d/file/$(ls "$MNT/.versions/closed.d/file" | grep -F "$inside")"; do
	assert_errno "Permission denied" as_nobody cat "$MNT/.versions/$path"
done
assert_errno "Permission denied" as_nobody ls "$MNT/.versions/closed.d"
assert_eq "$(cat "$MNT/open")" text
echo new | as_nobody tee "$MNT/theirs/file" >/dev/null
as_nobody touch "$MNT/theirs/new"
assert_eq "$(stat -c %U "$MNT/theirs/new")" nobody
assert_eq "$(cat "$MNT/theirs/file")" new
wait_repl
s3 compare
