#!/bin/bash
# FAILED versions are sent again by a resync, at their version, and are in its report; not with --status NONE.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=c
mount_crrfs heal_first=3600,heal_max=3600 # nothing is tried again before it is told to
s3 rmbucket c
echo one >"$MNT/x"
echo two >"$MNT/y"
failed() { [ "$(ctl queue "$MNT" | grep -c ' parked ')" = 2 ]; }
retry_until "$LONG" failed
third_bucket
ctl resync "$MNT" --wait --status NONE >"$T/out"
assert_match "$(cat "$T/out")" ' 0 queued, 2 had'
assert_eq "$(s3 keys c)" ""
ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out"
assert_match "$(cat "$T/out")" ' 2 queued'
assert_eq "$(grep -c ',COMPLETED,' "$T/report.csv")" 2 "lines of the report"
s3 compare --to c
# what fails again is said to have failed
s3 rmbucket c
echo three >"$MNT/z"
failed() { [ "$(ctl queue "$MNT" | grep -c ' parked ')" = 1 ]; }
retry_until "$LONG" failed
status=0
ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out" 2>"$T/err" || status=$?
assert_eq $status 2 "exit status"
assert_match "$(cat "$T/report.csv")" "$SRC,z,[^,]*,$DST2_ARN,FAILED,,.*NoSuchBucket"
