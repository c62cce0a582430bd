#!/bin/bash
# Everything works for an ordinary user, by fusermount3 alone; and nobody else gets into that user's mount, not even root.
# servers: s3d
if [ "$(id -u)" = 0 ]; then
	command -v runuser >/dev/null || {
		echo "skipped: runuser is missing"
		exit 77
	}
	exec runuser -u nobody -- env -u XDG_RUNTIME_DIR TMPDIR=/tmp HOME=/tmp "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
command -v fusermount3 >/dev/null || skip "fusermount3 is missing"
[ -w /dev/fuse ] || skip "/dev/fuse is for root only (mode $(stat -c %a /dev/fuse))"
begin
mount_crrfs
echo text >"$MNT/file"
mkdir "$MNT/dir"
setfattr -n user.s3.tag.class -v tax "$MNT/file"
assert_eq "$(stat -c %u "$MNT/file")" "$(id -u)"
wait_repl
s3 compare
assert_eq "$(find "$STATE" -perm /077)" ""
[ "$(stat -c %U "/proc/$MOUNT_PID/environ")" = root ] || fail "the process could be looked into"
mount_line=$(grep -F " $MNT " /proc/self/mounts)
assert_match "$mount_line" "nosuid,nodev" "mount options"
if [[ $mount_line == *allow_other* ]]; then fail "others are let in: $mount_line"; fi
kill9_crrfs
mount_crrfs
assert_eq "$(cat "$MNT/file")" text
umount_crrfs
