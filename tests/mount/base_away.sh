#!/bin/bash
# An append to a large object while the destination cannot be reached: when it is back, it copies there what it has, as if it
# had never been away.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs retry_first=0.2,retry_max=0.5,heal_first=0.2,heal_max=0.5
random_file "$T/big" $((24 * 1024 * 1024))
cp "$T/big" "$MNT/big"
wait_repl
mark_requests
proxy_down
echo more >>"$MNT/big"
tried() { [ "$(queue_says "SELECT count(*) FROM job WHERE state <> 4 AND attempt > 0 AND code = 'Transport'")" = 1 ]; }
retry_until "$LONG" tried
proxy_up
wait_repl
[ "$(sum_bodies b big)" -lt $((6 * 1024 * 1024)) ] || fail "bytes to b: $(sum_bodies b big)"
assert_requests b 'UploadPart|UploadPartCopy' big 5 # of which four are copies: Ceph's log tells them by the bytes alone
s3 compare
