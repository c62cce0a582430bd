#!/bin/bash
# A version that is a replica itself is sent on only when a resync asks for REPLICA.
. "$(dirname "$0")/lib.sh"
begin
printf here >"$T/here"
printf there >"$T/there"
s3 put a mine "$T/here" , put a theirs "$T/there" crrfs-replica-of=elsewhere crrfs-source-version=v1
mount_crrfs
ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out"
assert_eq "$(s3 history b)" "$(printf 'mine\there')"
assert_match "$(grep ,theirs, "$T/report.csv")" ',SKIPPED,,.*replica itself'
ctl resync "$MNT" --wait --status REPLICA >"$T/out"
assert_eq "$(s3 history b)" "$(printf 'mine\there\ntheirs\tthere')"
assert_eq "$(s3 meta b theirs crrfs-replica-of)" "$SRC"
