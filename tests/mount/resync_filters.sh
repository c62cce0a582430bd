#!/bin/bash
# crrctl resync takes a folder, a prefix, times, only current versions, only one destination; words that it does not
# know are refused.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,markers all,markers,to=c
for i in 1 2 3; do printf 'text %d' $i >"$T/$i"; done
s3 put a A/x "$T/1" , put a A/x "$T/2" , put a A/gone "$T/1" , rm a A/gone , put a B/y "$T/1" , put a B/y "$T/3"
mount_crrfs
resync() { ctl resync "$MNT" --wait "$@" >"$T/out"; }
resync --created-after 2100-01-01
resync --created-before 2020-01-01T00:00:00Z
assert_eq "$(s3 versions b , versions c)" "" "versions made at other times"
ctl resync "$MNT/A" --wait --current-only --dest "$DST_ARN" >"$T/out"
assert_eq "$(s3 history b)" "$(printf 'A/gone\t<marker>\nA/x\ttext 2')" "current only, one folder, one destination"
assert_eq "$(s3 versions c)" ""
resync --prefix B/ --dest "$DST2_ARN"
assert_eq "$(s3 history c)" "$(s3 history a B/)" "all versions by prefix"
assert_match "$(s3 keys b)" '^A/x$'
for words in '--status SOME' '--status NONE,' '--created-after yesterday'; do
	status=0
	# shellcheck disable=SC2086
	ctl resync "$MNT" $words >"$T/out" 2>"$T/err" || status=$?
	assert_eq $status 64 "exit status of $words"
done
assert_fails ctl resync "$MNT" --stop 12345

# a destination that nobody knows is a slip, not an empty result
for command in 'resync --wait' queue retry; do
	# shellcheck disable=SC2086
	assert_fails ctl $command --dest arn:aws:s3:::slip "$MNT"
	grep -q 'no rule has the destination arn:aws:s3:::slip' "$T/err" || fail "$command: $(cat "$T/err")"
done
