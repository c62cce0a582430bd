#!/bin/bash
# crrctl rules reload and SIGHUP re-read the rules; a bad file keeps the old ones and says so.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=One/
mount_crrfs
mkdir "$MNT/One" "$MNT/Two" "$MNT/Three"
wait_repl
echo 1 >"$MNT/Two/before"
make_rules prefix=One/ prefix=Two/
ctl rules reload "$MNT"
echo 1 >"$MNT/Two/after"
wait_repl
assert_eq "$(s3 keys b Two/ | tr '\n' ' ')" "Two/after "
ctl rules show "$MNT" >"$T/out"
grep -q Two/ "$T/out" || fail "crrctl rules show: $(cat "$T/out")"
# SIGHUP
make_rules prefix=One/ prefix=Three/
lines=$(wc -l <"$MOUNT_LOG")
kill -HUP "$MOUNT_PID"
reloaded() { ctl rules show "$MNT" | grep -q Three/; }
retry_until "$LONG" reloaded
echo 1 >"$MNT/Three/after"
echo 1 >"$MNT/Two/last"
wait_repl
assert_eq "$(s3 keys b Three/ , keys b Two/ | tr '\n' ' ')" "Three/after Two/after "
# a bad one
printf '{"Role": "x", "Rules": [\n  {"ID": "a", nonsense\n' >"$RULES"
assert_fails ctl rules reload "$MNT"
assert_match "$(cat "$T/out" "$T/err")" '(line |:)2' "the message"
lines=$(wc -l <"$MOUNT_LOG")
kill -HUP "$MOUNT_PID"
said() { tail -n +$((lines + 1)) "$MOUNT_LOG" | grep -qi rules; }
retry_until "$LONG" said
echo 2 >"$MNT/Three/still"
wait_repl
assert_eq "$(s3 keys b Three/ | tr '\n' ' ')" "Three/after Three/still "
