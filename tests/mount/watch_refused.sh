#!/bin/bash
# A version that the source does not let us read is left out, told in the log and counted: the watch goes on behind it, and
# a resync ends well. Credentials that are refused end a resync.
. "$(dirname "$0")/lib.sh"
begin
only_on s3d faults
make_rules tag=class:tax
fault a 'op=GetObjectTagging key=bad count=-1 action=deny'
mount_crrfs watch=0.3
watching() { ctl resync "$MNT" --list | grep -q ' watch '; }
retry_until "$LONG" watching
printf x >"$T/x"
s3 put a bad "$T/x" --tags class=tax , put a good "$T/x" --tags class=tax
there() { s3 exists b good; }
retry_until "$LONG" there
assert_eq "$(grep -c 'scan=skipped key="bad".*AccessDenied' "$MOUNT_LOG")" 1 "lines of the log"
ctl resync "$MNT" --wait >"$T/out" 2>"$T/err"
assert_match "$(cat "$T/out")" 'resync [0-9]* done'
assert_match "$(cat "$T/err")" '1 versions could not be read'
fault a 'op=GetObjectTagging count=-1 action=status:403:InvalidAccessKeyId'
status=0
ctl resync "$MNT" --wait --status COMPLETED >"$T/out" 2>"$T/err" || status=$?
assert_eq $status 1 "exit status"
assert_match "$(cat "$T/out")" 'resync [0-9]* failed'
