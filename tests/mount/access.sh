#!/bin/bash
# access(2) and the mode bits; a read-only mount refuses every change with EROFS.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo text >"$MNT/file"
mkdir "$MNT/dir"
chmod 755 "$MNT/file"
[ -r "$MNT/file" ] && [ -w "$MNT/file" ] && [ -x "$MNT/file" ]
chmod 644 "$MNT/file"
[ -x "$MNT/file" ] && fail "executable without an x bit"
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$MNT/file"
	assert_errno "Permission denied" cat "$MNT/file"
	chmod 644 "$MNT/file"
fi
wait_repl
remount_crrfs ro
assert_eq "$(cat "$MNT/file")" text
assert_errno "Read-only" touch "$MNT/new"
assert_errno "Read-only" rm "$MNT/file"
assert_errno "Read-only" mkdir "$MNT/newdir"
assert_errno "Read-only" mv "$MNT/file" "$MNT/other"
assert_errno "Read-only" setfattr -n user.s3.tag.a -v b "$MNT/file"
assert_errno "Read-only" chmod 600 "$MNT/file"
assert_eq "$(ls "$MNT" | tr '\n' ' ')" "dir file "
