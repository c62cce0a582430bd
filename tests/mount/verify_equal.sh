#!/bin/bash
# crrctl verify finds nothing where all is replicated, asks no more than it must, and does not take for a difference what
# is on its way or what nobody ever selected.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,markers,to=b prefix=Both/,to=c prefix=Off/,to=c,priority=9,disabled
echo old >"$T/old"
s3 put a before-all-rules "$T/old"
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
make_destinations # verify goes there directly: it reads the file anew
equal() { # status [ARGUMENT...]: and the summary's numbers
	local status=0 expected=$1
	shift
	ctl verify "$@" >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = "$expected" ] || fail "status $status instead of $expected: $(cat "$T/out" "$T/err")"
}
mkdir "$MNT/Both"
for i in 1 2 3; do echo "version $i" >"$MNT/Both/f"; done
echo tagged >"$MNT/g"
set_xattr "$MNT/g" user.s3.tags 'a=b&c=d'
set_xattr "$MNT/g" user.s3.meta.color blue
random_file "$MNT/parts" 20000000
: >"$MNT/empty"
echo once >"$MNT/once"
ln -s g "$MNT/link"
echo gone >"$MNT/Both/gone"
rm "$MNT/Both/gone"
echo back >"$MNT/Both/gone"
wait_repl

say "all is equal, by path, prefix, destination, without the mount, for programs"
equal 0 "$MNT"
assert_match "$(cat "$T/out")" '^[0-9]+ equal, 0 different, 0 missing, 0 extra, 0 behind, 1 before, ' summary
all=$(cut -d' ' -f1 "$T/out")
assert_eq "$all" "$(s3 versions b , versions c | wc -l)" "pairs"
equal 0 "$MNT/Both/f"
assert_match "$(cat "$T/out")" '^6 equal' "one key at two destinations"
equal 0 --dest "$DST2_ARN" "$MNT"
assert_match "$(cat "$T/out")" "^$(s3 versions c | wc -l) equal" "one destination"
equal 0 "$MNT/Both"
folder=$(cat "$T/out")
equal 0 --state "$STATE" --prefix Both/
assert_eq "$(cat "$T/out")" "$folder"
equal 0 --prefix Both/ "$MNT"
assert_eq "$(cat "$T/out")" "$folder"
equal 0 --all "$MNT"
grep -q "^before before-all-rules .* at $DST_ARN\$" "$T/out"
equal 0 --json "$MNT"
/usr/bin/python3 -c 'import json, sys; assert json.load(sys.stdin)["equal"] == int(sys.argv[1])' "$all" <"$T/out"
equal 0 --current-only "$MNT"
assert_match "$(cat "$T/out")" '^[0-9]+ equal, 0 different, 0 missing, 0 extra, 0 behind' "the current ones"
[ "$(cut -d' ' -f1 "$T/out")" -lt "$all" ] || fail "old versions were looked at: $(cat "$T/out")"
s3 rm a before-all-rules "$(s3 version-id a before-all-rules)"
where=(--url "$S3_A_ENDPOINT" --region "$S3_A_REGION" --path-style --profile a --destinations "$DESTINATIONS")
equal 0 "${where[@]}" --rules "$RULES" "s3://$SRC"
assert_match "$(cat "$T/out")" "^$all equal" "by the marks of the replicas alone"
s3 putrules a "$RULES"
equal 0 "${where[@]}" "s3://$SRC"
if [ "$S3_SERVER" = s3d ]; then # the gateway keeps no DeleteMarkerReplication
	assert_match "$(cat "$T/out")" "^$all equal" "by the rules that the bucket keeps"
fi

say "a listing, and three requests a version, on each side; no body is read"
mark_requests
equal 0 "$MNT/once"
for side in a b; do
	for op in ListObjectVersions HeadObject GetObjectTagging GetObjectAcl; do
		assert_requests $side $op '' 1
	done
	assert_requests $side GetObject '' 0
done

# what others keep in the destination bucket is asked about once, and is no matter of ours
s3 put b not-ours "$T/old"
mark_requests
equal 0 --prefix not-ours "$MNT"
assert_requests b 'HeadObject|GetObject.*' '' 1
assert_eq "$(cut -d, -f1-4 "$T/out")" "0 equal, 0 different, 0 missing, 0 extra"

say "on its way is not different"
proxy_down
echo "version 4" >"$MNT/Both/f"
echo new >"$MNT/new"
rm "$MNT/empty"
set_xattr "$MNT/g" user.s3.tags 'a=z'
queued() { [ "$(ctl queue --dest "$DST_ARN" --json "$MNT" | grep -c '"key"')" = 4 ]; }
retry_until "$LONG" queued
equal 0 --dest "$DST_ARN" "$MNT"
assert_match "$(cat "$T/out")" ' 0 different, 0 missing, 0 extra, 4 behind' "behind"
equal 0 --dest "$DST_ARN" --all "$MNT"
assert_eq "$(grep -c '^behind ' "$T/out")" 3 "lines of --all ($(cat "$T/out"))"
proxy_up
wait_repl
equal 0 "$MNT"
assert_match "$(cat "$T/out")" ' 0 different, 0 missing, 0 extra, 0 behind' "when it has arrived"

say "wrong usage"
assert_fails ctl verify --repair "${where[@]}" --rules "$RULES" "s3://$SRC"
assert_fails ctl verify --dest arn:aws:s3:::nobody "$MNT"
