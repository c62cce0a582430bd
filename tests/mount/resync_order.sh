#!/bin/bash
# A version that is older than what the destination has can only be put on top of it: then the current one goes again,
# and the report says that they came out of order.
. "$(dirname "$0")/lib.sh"
begin
printf old >"$T/old"
s3 put a x "$T/old" , put a y "$T/old"
mount_crrfs
printf new >"$MNT/x"
wait_repl
assert_eq "$(s3 history b)" "$(printf 'x\tnew')"
ctl resync "$MNT" --dry-run >"$T/dry"
assert_match "$(grep -F "$DST_ARN" "$T/dry")" ' 1$' "out of order in the dry run"
ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out"
assert_eq "$(s3 history b)" "$(printf 'x\tnew\nx\told\nx\tnew\ny\told')" "the replica's history"
s3 compare
assert_eq "$(grep -c ',out-of-order$' "$T/report.csv")" 1
assert_match "$(grep out-of-order "$T/report.csv")" "^$SRC,x,"
ctl resync "$MNT" --wait >"$T/out"
assert_match "$(cat "$T/out")" ' 0 queued'
