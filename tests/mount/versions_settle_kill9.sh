#!/bin/bash
# kill -9 after chmod returned: the next mount makes exactly one version of it, unless somebody else replaced the object.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs settle=1000
for name in kept replaced same gone dirty; do echo "$name" >"$MNT/$name"; done
mkdir "$MNT/dir"
wait_repl
chmod 750 "$MNT"/{kept,replaced,same,gone,dirty} "$MNT/dir"
setfattr -n user.colour -v blue "$MNT/kept"
chmod 700 "$MNT/kept"
exec 5>>"$MNT/dirty"
echo "nobody was promised this" >&5
kill9_crrfs
exec 5>&-
echo "of another" >"$T/other"
s3 put a replaced "$T/other"
s3 put a same <(echo same)
s3 rm a gone
mount_crrfs
grep -q "key=\"replaced\" result=forgotten" "$MOUNT_LOG" || fail "the log does not say what was forgotten"
wait_repl
assert_eq "$(stat -c %a "$MNT/kept")" 700
assert_eq "$(stat -c %a "$MNT/dir")" 750
assert_eq "$(stat -c %a "$MNT/dirty")" 750
assert_eq "$(cat "$MNT/dirty")" dirty
assert_eq "$(xattr "$MNT/kept" user.colour)" blue
assert_eq "$(cat "$MNT/replaced")" "of another"
for key in kept dir/ dirty; do assert_versions "$key" 2; done
assert_eq "$(s3 count-versions a replaced , count-versions a same , count-versions a gone | tr '\n' ' ')" "2 2 1 "
[ ! -e "$MNT/gone" ] || fail "what was deleted is back"
# once and for all
remount_crrfs
wait_repl
assert_versions kept 2
