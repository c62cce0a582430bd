#!/bin/bash
# -o exclusive: what is known holds without a request, what this mount changes is seen at once, and what another writer did
# (which the option says there is none of) is seen after user.s3.invalidate, SIGHUP, or a listing that shows it.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
mount_crrfs exclusive
mkdir -p "$MNT/dir/sub"
for name in a b c; do echo one >"$MNT/dir/$name"; done
echo one >"$MNT/dir/sub/deep"
set_xattr "$MNT/dir/a" user.s3.tag.class tax
ls -lR "$MNT/dir" >/dev/null
[ ! -e "$MNT/dir/none" ] || fail "how?"
xattr "$MNT/dir/a" user.s3.tag.class >/dev/null
sleep 1.2 # longer than attr_timeout, and than what the kernel believes without this option
mark_requests
for name in a b c sub/deep; do stat "$MNT/dir/$name" >/dev/null; done
[ ! -e "$MNT/dir/none" ] || fail "how?"
assert_eq "$(xattr "$MNT/dir/a" user.s3.tag.class)" tax
assert_eq "$(requests a)" "" "requests for what is known"
# own changes
echo longer >"$MNT/dir/a"
assert_eq "$(stat -c %s "$MNT/dir/a")" 7
mv "$MNT/dir/b" "$MNT/dir/none"
[ ! -e "$MNT/dir/b" ] && [ -e "$MNT/dir/none" ] || fail "the rename is not seen"
rm "$MNT/dir/c"
[ ! -e "$MNT/dir/c" ] || fail "the removal is not seen"
mv "$MNT/dir/sub" "$MNT/dir/sub2"
assert_eq "$(cat "$MNT/dir/sub2/deep")" one
[ ! -e "$MNT/dir/sub" ] || fail "the renamed folder is still seen"
version=$(s3 version-id a dir/none)
rm "$MNT/dir/none"
[ ! -e "$MNT/dir/none" ] || fail "still there"
ctl restore -- "$MNT/dir/none" "$version" >/dev/null
retry_until "$LONG" test -e "$MNT/dir/none"
# another writer all the same
size_is() { [ "$(stat -c %s "$1")" = "$2" ]; }
there() { [ -e "$1" ]; }
gone() { [ ! -e "$1" ]; }
echo "by another" >"$T/x"
cat "$MNT/dir/a" >/dev/null
s3 put a dir/a "$T/x" , put a dir/sub2/deep "$T/x" , put a dir/c "$T/x" , rm a dir/none
assert_eq "$(stat -c %s "$MNT/dir/a" "$MNT/dir/sub2/deep" | tr '\n' ' ')" "7 4 " "sizes that are believed"
set_xattr "$MNT/dir/a" user.s3.invalidate 1
retry_until "$LONG" size_is "$MNT/dir/a" 11
assert_eq "$(cat "$MNT/dir/a")" "by another"
assert_eq "$(stat -c %s "$MNT/dir/sub2/deep")" 4 "what was not invalidated"
set_xattr "$MNT/dir" user.s3.invalidate 1
retry_until "$LONG" size_is "$MNT/dir/sub2/deep" 11
retry_until "$LONG" there "$MNT/dir/c"
retry_until "$LONG" gone "$MNT/dir/none"
echo "by another again" >"$T/x"
ls -l "$MNT/dir" >/dev/null # alone: the names, and what is said of them, are the kernel's from here on
s3 put a dir/a "$T/x" , rm a dir/c
size_is "$MNT/dir/a" 11 && there "$MNT/dir/c" || fail "what a listing said is not believed"
kill -HUP "$MOUNT_PID"
retry_until "$LONG" size_is "$MNT/dir/a" 17
retry_until "$LONG" gone "$MNT/dir/c"
# a listing asks in any case: what it shows to have changed is dropped, by the kernel too
cat "$MNT/dir/a" >/dev/null
echo new >"$T/x"
s3 put a dir/a "$T/x"
assert_eq "$(stat -c %s "$MNT/dir/a")" 17
/usr/bin/python3 -c 'import os, sys; os.listdir(sys.argv[1])' "$MNT/dir"
retry_until "$LONG" size_is "$MNT/dir/a" 4
assert_eq "$(cat "$MNT/dir/a")" new
