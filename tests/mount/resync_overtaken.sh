#!/bin/bash
# servers: s3d
# What is written while a resync looks at an older listing of the same key is not overtaken by it: neither a new version nor a
# delete. The walk says that the keys want another run.
. "$(dirname "$0")/lib.sh"
begin
printf old >"$T/old"
printf new >"$T/new"
set_xattr "$T/new" user.s3.tag.class tax
for key in w x y; do s3 put a $key "$T/old" --tags class=tax; done
make_rules tag=class:tax
mount_crrfs order_check=0,attr_timeout=0,delete_markers=all
# the page is listed, and the walk hangs at its first key while the others change
fault a 'op=GetObjectTagging key=w count=1 action=latency:4000 name=slow'
lists() { grep -c ' ListObjectVersions ' "$S3_A_LOG" || true; }
before=$(lists)
ctl resync "$MNT" >/dev/null
listed() { [ "$(lists)" -gt "$before" ]; }
retry_until 60 listed
cp --preserve=xattr "$T/new" "$MNT/x"
rm "$MNT/y"
ended() { ctl resync --list "$MNT" | grep -q "done"; }
retry_until "$LONG" ended
wait_repl
bodies() { s3 history "$1" "$2" | cut -f2 | tr '\n' ' '; } # a|b KEY
assert_match "$(bodies b x)" 'new $' "the current version of what was overwritten"
assert_match "$(bodies b y)" '<marker> $' "the current version of what was deleted"
ctl resync --wait "$MNT" >/dev/null
wait_repl
assert_match "$(bodies b x)" 'new $' "after another run"
assert_match "$(bodies b y)" '<marker> $' "after another run"
assert_eq "$(bodies b w)" "old " "what nobody touched"
