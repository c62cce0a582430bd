#!/bin/bash
# servers: s3d
# Another client makes a key below the name of a file that waits here for the source: the file is not lost. Or one
# deletes a key that waits here anew: its directory is not empty.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
mount_crrfs durability=A,timeout=2,retry_first=0.1,retry_max=0.2
mkdir "$MNT/d"
wait_repl
echo first >"$MNT/d/f"
retry_until "$LONG" s3 what a d/f
fault a "op=PutObject key=d/f count=-1 action=status:503" "op=PutObject key=y count=-1 action=status:503"
echo acknowledged >"$MNT/y"
echo acknowledged >"$MNT/d/f"
held() { ctl status "$MNT" | grep -q "2 held"; }
retry_until "$LONG" held
echo foreign >"$T/z"
s3 put a y/z "$T/z"
ls -la "$MNT" >"$T/listing"
assert_eq "$(cat "$MNT/y")" acknowledged
s3 rm a d/f
assert_fails rmdir "$MNT/d"
assert_eq "$(cat "$MNT/d/f")" acknowledged
no_faults a
umount_crrfs
assert_eq "$(s3 keys a '' | tr '\n' ' ')" "d/ d/f y y/z " "keys at the source"
