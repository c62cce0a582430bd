#!/bin/bash
# crrctl status, queue and wait, in words and as JSON, with and without a mount, by any path in it.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs
mkdir "$MNT/dir"
echo one >"$MNT/dir/one"
ctl wait "$MNT/dir/one"
ctl status "$MNT/dir" >"$T/out"
grep -q "$DST" "$T/out" || fail "status does not name the destination: $(cat "$T/out")"
ctl status --json "$MNT" >"$T/json"
/usr/bin/python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$T/json"
grep -q "$DST" "$T/json" || fail "no destination in the JSON"
proxy_down
echo two >"$MNT/dir/two"
queued() { ctl queue "$MNT" | grep -q dir/two; }
retry_until "$LONG" queued
ctl queue --json "$MNT" >"$T/json"
/usr/bin/python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$T/json"
grep -q dir/two "$T/json" || fail "no row in the JSON"
assert_fails ctl wait --timeout 1 "$MNT"
kill9_crrfs
# the state folder alone
ctl status --state "$STATE" | grep -q "$DST" || fail "status --state"
ctl queue --state "$STATE" | grep -q dir/two || fail "queue --state"
proxy_up
mount_crrfs
ctl wait --timeout "$LONG" "$MNT"
assert_eq "$(ctl queue "$MNT" | grep -c dir/two || true)" 0 "rows left"
s3 compare
# what is wrong is said, with a status that is not 0
assert_fails ctl nonsense
assert_fails ctl status "$T/nowhere"
assert_fails ctl status --state "$T/nowhere"
ctl --help >"$T/out"
ctl --version >"$T/out"
