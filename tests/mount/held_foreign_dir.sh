#!/bin/bash
# servers: s3d
# Another client makes a key below the name of a file that waits here for the source: the file is not lost.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
mount_crrfs durability=A,timeout=2,retry_first=0.1,retry_max=0.2
fault a "op=PutObject key=y count=-1 action=status:503"
echo acknowledged >"$MNT/y"
held() { ctl status "$MNT" | grep -q "1 held"; }
retry_until "$LONG" held
echo foreign >"$T/z"
s3 put a y/z "$T/z"
ls -la "$MNT" >"$T/listing"
assert_eq "$(cat "$MNT/y")" acknowledged
no_faults a
umount_crrfs
assert_eq "$(s3 keys a '' | tr '\n' ' ')" "y y/z " "keys at the source"
