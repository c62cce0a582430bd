#!/bin/bash
# Two destinations at once: each gets what its rules select. Within one destination the higher priority decides.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,priority=1,to=b prefix=Keep/,priority=7,to=b,markers prefix=Both/,priority=2,to=c \
	prefix=Off/,priority=9,to=c,disabled
mount_crrfs
mkdir "$MNT/Keep" "$MNT/Both" "$MNT/Off"
echo 1 >"$MNT/Keep/f"
echo 2 >"$MNT/Both/f"
echo 3 >"$MNT/Off/f"
echo 4 >"$MNT/f"
wait_repl
s3 compare --to b , compare --to c --prefix Both/
# the rule of priority 7 replicates delete markers, the one of priority 1 does not
rm "$MNT/Keep/f" "$MNT/f"
wait_repl
assert_eq "$(s3 count-markers b Keep/f , count-markers b f | tr '\n' ' ')" "1 0 " "delete markers at the destination"
s3 exists b f
