#!/bin/bash
# A source that refuses connections is tried until `timeout`, then there is an error; when it is back within that time the
# program notices nothing. What is known is there meanwhile.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that can be stopped"
make_rules prefix=nothing/
mount_crrfs timeout=20,attr_timeout=3600
mkdir "$MNT/dir"
echo known >"$MNT/dir/file"
cat "$MNT/dir/file" >/dev/null
ls -l "$MNT/dir" >/dev/null
echo foreign >"$T/x"
s3 put a foreign "$T/x"
stop_s3d a
df "$MNT" >/dev/null
stat "$MNT" "$MNT/dir/file" >/dev/null
assert_errno "timed out" cat "$MNT/never-seen"
# back before the time is over
cat "$MNT/foreign" >"$T/got" 2>"$T/err" &
reader=$!
echo written >"$MNT/dir/new" &
writer=$!
sleep 5 # six attempts are over after three
running $reader && running $writer || fail "given up: $(cat "$T/err")"
start_s3d a
wait $reader || fail "the reader: $(cat "$T/err")"
wait $writer || fail "the writer"
assert_eq "$(cat "$T/got")" foreign
assert_eq "$(s3 keys a dir/new)" dir/new
assert_eq "$(cat "$MNT/dir/file" "$MNT/dir/new" | tr '\n' ' ')" "known written "
