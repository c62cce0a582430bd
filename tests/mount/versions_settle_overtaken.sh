#!/bin/bash
# New metadata for a version that somebody else replaces before they are in the bucket: theirs stays.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs settle=1000
echo ours >"$MNT/f"
echo ours >"$MNT/gone"
wait_repl
chmod 600 "$MNT/f" "$MNT/gone"
echo theirs >"$T/other"
s3 put a f "$T/other"
s3 rm a gone
wait_repl
set_xattr "$MNT/f" user.s3.invalidate 1
assert_eq "$(cat "$MNT/f")" theirs
assert_eq "$(s3 count-versions a f , count-versions a gone , count-markers a gone | tr '\n' ' ')" "2 1 1 "
grep -q 'op=settle key="f" result=forgotten' "$MOUNT_LOG" || fail "not told"
# the file goes on as any other
echo more >>"$MNT/f"
assert_eq "$(cat "$MNT/f")" $'theirs\nmore'
