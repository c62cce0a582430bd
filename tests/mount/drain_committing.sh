#!/bin/bash
# servers: s3d
# The end of the mount waits for what is just on its way to the source, and tries again what fails then.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
mount_crrfs durability=A
fault a "op=PutObject key=slow count=1 action=latency:3000" "op=PutObject key=slow count=1 action=status:400:BadDigest"
echo acknowledged >"$MNT/slow"
on_its_way() { ctl status "$MNT" | grep -q "1 being written"; }
retry_until "$LONG" on_its_way
umount_crrfs
assert_eq "$(s3 keys a)" slow
