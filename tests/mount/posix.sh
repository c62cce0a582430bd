#!/bin/bash
# Each system call answers as in a local folder: errors, modes, owners, times, as root and as others; or as crrfs(1) lists it.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root, to ask as other users too"
begin
make_rules all,markers
chmod 755 "$T"
mount_crrfs allow_other
mkdir "$T/local" "$MNT/work"
/usr/bin/python3 -B "$TEST_DIR/posix.py" "$T/local" >"$T/answers.local"
/usr/bin/python3 -B "$TEST_DIR/posix.py" "$MNT/work" >"$T/answers.mount"
diff "$T/answers.local" "$T/answers.mount" || fail "other answers than in a local folder"
wait_repl
s3 compare
# what is neither file nor folder is so for the next mount, too
facts_of "$T/local/special" >"$T/facts.local"
umount_crrfs
rm -r "$STATE"
mount_crrfs allow_other
facts_of "$MNT/work/special" >"$T/facts.mount"
diff "$T/facts.local" "$T/facts.mount" || fail "other special files after a remount"
assert_eq "$(stat -c '%t %T' "$MNT/work/special/block2")" "$(stat -c '%t %T' "$T/local/special/block2")" "number of the device"
umount_crrfs
mount_crrfs posix_meta=no
assert_errno "Operation not permitted" mkfifo "$MNT/fifo"
