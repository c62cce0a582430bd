#!/bin/bash
# crrctl resync sends what was there before the mount: all versions of a key in their order, delete markers too, what
# the rules select and nothing else. A dry run only says so, and a second resync finds nothing to do.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,markers
for i in 1 2 3; do printf 'text %d' $i >"$T/$i"; done
s3 put a Tax/a "$T/1" , put a Tax/a "$T/2" , rm a Tax/a , put a Tax/a "$T/3" , put a Legal/x "$T/1" \
	, put a Tax/b "$T/1" , rm a Tax/b , put a Tax/c "$T/2" --tags class=x
mount_crrfs
ctl resync "$MNT" --dry-run >"$T/dry"
assert_match "$(grep -F "$DST_ARN" "$T/dry")" '^[^ ]+ +5 +2 +30 ' "versions, markers, bytes of the dry run"
assert_eq "$(ctl resync "$MNT" --list)" "none was asked for"
assert_eq "$(ctl queue "$MNT" --all)" "nothing is waiting"
assert_eq "$(s3 versions b)" "" "the destination after a dry run"

ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out"
assert_match "$(cat "$T/out")" '8 versions seen, 7 queued'
assert_eq "$(s3 history b)" "$(s3 history a Tax/)" "histories"
s3 compare --prefix Tax/
assert_eq "$(s3 tags b Tax/c)" class=x
assert_eq "$(head -n1 "$T/report.csv")" "bucket,key,version,destination,status,replica version,reason"
assert_eq "$(grep -c "^$SRC,Tax/.*,$DST_ARN,COMPLETED,[^,]*,\$" "$T/report.csv")" 7 "lines of the report"
version=$(s3 version-id a Tax/c)
assert_match "$(cat "$T/report.csv")" "$SRC,Tax/c,$version,$DST_ARN,COMPLETED,$(s3 version-id b Tax/c)," "the report"

ctl resync "$MNT" --wait >"$T/out"
assert_match "$(cat "$T/out")" '8 versions seen, 0 queued, 7 had'
assert_eq "$(s3 history b)" "$(s3 history a Tax/)" "histories after another one"
assert_eq "$(ctl resync "$MNT" --list | grep -c ' resync done ')" 2
