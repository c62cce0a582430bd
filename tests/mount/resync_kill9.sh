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
"$CRRCTL" resync --wait "$MNT" >"$T/wait.out" 2>"$T/wait.err" &
CHILDREN+=($!)
waiter=$!
queued() { ctl resync "$MNT" --list | awk '$2 == "resync" { print $6 }'; }
# it waits while more than a thousand are not done, and has not seen the last page yet
some() { [ "$(queued)" -ge 1000 ]; }
retry_until "$LONG" some
[ "$(queued)" -lt $N ] || fail "the queue was filled without a bound"
kill9_crrfs
status=0
wait $waiter || status=$?
assert_eq "$(cat "$T/wait.out")" 'resync 1 begun'
assert_eq $status 1 "exit status of the one who waited"
grep -q 'the next one goes on with resync 1' "$T/wait.err"
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
