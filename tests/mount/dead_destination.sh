#!/bin/bash
# A dead destination is paused with its reason and never blocks writes; when it is back the queue drains.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=b all,to=c
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
echo first >"$MNT/first"
wait_repl
proxy_down
random_file "$T/big" 9000000
for i in $(seq 20); do echo "$i" >"$MNT/f$i"; done
cp "$T/big" "$MNT/big"
paused() { ctl status "$MNT" | grep -i -A8 "$DST" | grep -qi paused; }
retry_until "$LONG" paused
# the other destination is not held up
other_done() { s3 compare --to c; }
retry_until "$LONG" other_done
assert_eq "$(s3 keys b)" first
assert_eq "$(xattr "$MNT/f1" user.s3.replication-status)" PENDING
assert_match "$(xattr "$MNT/f1" "user.s3.replication.$DST2")" COMPLETED
assert_fails ctl wait --timeout 2 "$MNT"
proxy_up
wait_repl
s3 compare , compare --to c
assert_eq "$(xattr "$MNT/f1" user.s3.replication-status)" COMPLETED
