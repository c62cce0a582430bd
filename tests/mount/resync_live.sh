#!/bin/bash
# What is written while a long resync is at work overtakes it.
. "$(dirname "$0")/lib.sh"
begin
s3 fill a old 400
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs repl_threads=2
proxy_down
ctl resync "$MNT" >"$T/out"
finished() { ctl resync "$MNT" --list | grep -q ' resync done '; }
retry_until "$LONG" finished
echo now >"$MNT/live"
mark_requests
proxy_up
wait_repl
requests b | awk -F'\t' '$1 == "PutObject" { print $4 }' >"$T/puts"
assert_eq "$(wc -l <"$T/puts")" 401 "objects sent"
place=$(grep -n '^live$' "$T/puts" | cut -d: -f1)
say "the live one was number $place of 401"
# those that were at work when it was written may come before it
[ "$place" -le 10 ] || fail "the live object waited for the backfill"
