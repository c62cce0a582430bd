#!/bin/bash
# A mount that is killed in the middle of a resync goes on with it when it comes back: nothing is lost, nothing twice.
. "$(dirname "$0")/lib.sh"
begin
N=2300
s3 fill a k $N
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
proxy_down
ctl resync "$MNT" >"$T/out"
assert_match "$(cat "$T/out")" 'resync 1 begun'
queued() { ctl resync "$MNT" --list | awk '$2 == "resync" { print $6 }'; }
# it waits while more than a thousand are not done, and has not seen the last page yet
some() { [ "$(queued)" -ge 1000 ]; }
retry_until "$LONG" some
[ "$(queued)" -lt $N ] || fail "the queue was filled without a bound"
kill9_crrfs
proxy_up
mount_crrfs
half() { [ "$(s3 keys b | wc -l)" -ge 500 ]; }
retry_until "$LONG" half
kill9_crrfs
mount_crrfs
finished() { ctl resync "$MNT" --list | grep -q ' resync done '; }
retry_until "$LONG" finished
wait_repl
assert_eq "$(s3 versions b | wc -l)" $N "versions at the destination"
assert_eq "$(s3 ls b)" "$(s3 ls a)" "keys and sizes"
