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
