#!/bin/bash
# Keys that cannot be names (a//b, /x, ., ..) are left alone and break nothing; "dir" beside "dir/" is one of the two.
. "$(dirname "$0")/lib.sh"
begin
echo x >"$T/x"
long=$(printf '%300s' '' | tr ' ' k)
s3 put a good "$T/x" , put a a//b "$T/x" , put a a/c "$T/x" , put a /x "$T/x" , put a dir "$T/x" , put a dir/ "$T/x" , \
	put a dir/inside "$T/x" , put a d/./e "$T/x" , put a d/../f "$T/x" , put a d/g "$T/x" , put a "$long" "$T/x" , \
	put a d/trailing/ "$T/x"
before=$(s3 versions a)
mount_crrfs
ls -laR "$MNT" >"$T/ls" 2>"$T/ls.err" || { cat "$T/ls.err"; fail "ls -R"; }
assert_eq "$(cat "$MNT/good" "$MNT/a/c" "$MNT/d/g" | tr '\n' ' ')" "x x x "
assert_eq "$(ls "$MNT/a")" c
assert_eq "$(ls -a "$MNT/d" | tr '\n' ' ')" ". .. g trailing "
assert_eq "$(ls "$MNT" | grep -cx dir)" 1 "entries called dir"
[ -e "$MNT/dir" ] || fail "no dir"
if [ -d "$MNT/dir" ]; then
	assert_eq "$(cat "$MNT/dir/inside")" x
fi
echo new >"$MNT/d/new"
wait_repl
# a name may have any bytes, but it is no line of the log, and gives the terminal no orders
forged=$'x\ncrrfs: error: forged\e[31m'
echo text >"$MNT/d/new-$forged"
wait_repl
ctl versions "$MNT/d/new-$forged" >"$T/shown"
ctl status "$MNT" >>"$T/shown"
grep -q 'forged' "$MOUNT_LOG" || fail "the log does not name the key"
if grep -qE $'^crrfs: error: forged|\e' "$MOUNT_LOG" "$T/shown"; then fail "a name is a line of its own"; fi
assert_eq "$(s3 versions a | grep -v '^d/new')" "$before" "versions of the others"
