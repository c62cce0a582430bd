#!/bin/bash
# A large replica that was interrupted goes on at the missing part after a restart, with the source's parts.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
random_file "$T/big" $((48 * 1024 * 1024))
exec 5>"$MNT/big"
head -c $((32 * 1024 * 1024)) "$T/big" >&5
# some parts have reached the destination before the file is closed
parts_there() { [ "$(count_requests b UploadPart big)" -ge 2 ]; }
MARK_A=0 MARK_B=0
retry_until "$LONG" parts_there
proxy_down
tail -c +$((32 * 1024 * 1024 + 1)) "$T/big" >&5
exec 5>&-
before=$(sum_bytes b UploadPart big)
# the worker that tries in vain writes down what is there
noted() { [ "$(queue_says 'SELECT count(*) FROM part')" -ge 2 ]; }
retry_until "$LONG" noted
kill9_crrfs
proxy_up
mount_crrfs
wait_repl
after=$(sum_bytes b UploadPart big)
s3 compare
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts of source and replica"
total=$((48 * 1024 * 1024))
say "the destination got $before bytes before and $((after - before)) after the restart, of $total"
[ $((after - before)) -lt "$total" ] || fail "everything was sent again"
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
