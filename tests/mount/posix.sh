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
