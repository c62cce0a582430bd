#!/bin/bash
# crrctl rules check reads a file: what it would do, what is odd about it, where it is wrong; --probe tries the buckets.
. "$(dirname "$0")/lib.sh"
begin
check() { ctl rules check "$@" >"$T/out" 2>"$T/err"; }
wrong() { # words command...
	local words=$1
	shift
	assert_fails ctl rules check "$@"
	grep -qF -- "$words" "$T/err" || fail "expected '$words' from check $*; got: $(cat "$T/err")"
}
make_rules prefix=Tax/2024/,id=low prefix=Tax/,id=high
check "$RULES"
assert_match "$(cat "$T/out")" '^1\. low: objects under "Tax/2024/" -> bucket dst-' "the reading"
assert_match "$(cat "$T/out")" "note: line 2: rule 'low': never acts: rule 'high' has all that it selects" "the notes"
check --json "$RULES"
/usr/bin/python3 - "$T/out" <<'END'
import json, sys
said = json.load(open(sys.argv[1]))
assert said['ok'] and [r['id'] for r in said['rules']] == ['low', 'high'], said
assert [(n['rule'], n['line']) for n in said['notes']] == [('low', 2)], said
END
# an unknown element: a warning, or strictly an error at its place
sed 's/"Status": "Enabled"/"Colour": "red", &/' "$RULES" >"$T/odd.json"
check "$T/odd.json"
assert_match "$(cat "$T/out")" "warning: line 2: unknown element 'Colour' in Rule ignored" "the warning"
wrong "odd.json:2:" --strict "$T/odd.json"
wrong "unknown element 'Colour' in Rule" --strict "$T/odd.json"
wrong "InvalidRequest: Found duplicate priority 1." <(sed 's/"Priority": 2/"Priority": 1/' "$RULES")
assert_fails ctl rules check --json --strict "$T/odd.json"
assert_match "$(cat "$T/out")" '"code": "MalformedXML"' "the JSON of an error"
wrong "No such file" "$T/missing"
# the buckets
where=(--probe --url "$S3_A_ENDPOINT" --region "$S3_A_REGION" --profile a --path-style --destinations "$DESTINATIONS")
make_rules prefix=Tax/
check "${where[@]}" "$RULES" "s3://$SRC"
assert_match "$(cat "$T/out")" "source $SRC at .*: versioning is enabled" "the source"
assert_match "$(cat "$T/out")" "$DST_ARN at $S3_B_ENDPOINT:" "the destination"
assert_match "$(cat "$T/out")" $'\n'"  put +yes" "what it can do"
assert_match "$(cat "$T/out")" $'\n'"  tags +yes" "what it can do"
assert_eq "$(s3 versions b)" "" "what the probe has left"
check --json "${where[@]}" "$RULES" "s3://$SRC"
/usr/bin/python3 - "$T/out" <<'END'
import json, sys
said = json.load(open(sys.argv[1]))
assert said['ok'] and said['destinations'][0]['capabilities']['put']['has'] == 'yes', said
END
# in a mount: its buckets
mount_crrfs
check --probe "$RULES" "$MNT"
assert_match "$(cat "$T/out")" "$DST_ARN at $S3_B_ENDPOINT:" "the destination of the mount"
umount_crrfs
# what keeps it from working
if [ "$S3_SERVER" = s3d ]; then
	fault b "op=PutObject count=-1 action=status:403:AccessDenied"
	wrong "$DST_ARN: AccessDenied: Replicas cannot be written." "${where[@]}" "$RULES" "s3://$SRC"
	assert_match "$(cat "$T/out")" $'\n'"  put +denied" "what it can do"
	no_faults b
fi
make_rules prefix=Tax/ prefix=Tax/,to=c
wrong "$DST2_ARN: InvalidRequest: Destination bucket must exist." "${where[@]}" "$RULES" "s3://$SRC"
assert_match "$(cat "$T/out")" "$DST_ARN at $S3_B_ENDPOINT:" "the other destination is tried all the same"
s3 mkbucket c
wrong "$DST2_ARN: InvalidRequest: Destination bucket must have versioning enabled." "${where[@]}" "$RULES" "s3://$SRC"
sed -i 's/^profile = b/profile = wrong/' "$DESTINATIONS"
wrong "$DST_ARN: InvalidAccessKeyId" "${where[@]}" "$RULES" "s3://$SRC"
make_destinations http://127.0.0.1:9
wrong "127.0.0.1:9" "${where[@]}" "$RULES" "s3://$SRC"
make_destinations
make_rules prefix=Tax/
s3 versioning a Suspended
wrong "InvalidRequest: Versioning must be 'Enabled' on the bucket" "${where[@]}" "$RULES" "s3://$SRC"
