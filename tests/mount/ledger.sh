#!/bin/bash
# crrctl versions: which version of the source is which version at the destination, in order.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=b,markers all,to=c
mount_crrfs
for i in 1 2 3; do echo "version $i" >"$MNT/file"; done
wait_repl
ctl versions "$MNT/file" >"$T/out"
for side in a b c; do
	s3 versions $side file | cut -f2 >"$T/ids-$side"
	assert_eq "$(wc -l <"$T/ids-$side")" 3 "versions at $side"
	while read -r id; do
		grep -qF -- "$id" "$T/out" || fail "version $id of $side is not in: $(cat "$T/out")"
	done <"$T/ids-$side"
done
ctl versions --json "$MNT/file" >"$T/json"
/usr/bin/python3 - "$T/json" "$T/ids-a" "$T/ids-b" <<'END'
import json, sys
text = json.load(open(sys.argv[1]))
# pairs: each source version id stands in one object with exactly one of b's
flat = []
def walk(x):
    if isinstance(x, dict):
        flat.append(json.dumps(x))
        for y in x.values():
            walk(y)
    elif isinstance(x, list):
        for y in x:
            walk(y)
walk(text)
ours, theirs = (open(p).read().split() for p in sys.argv[2:4])
for a, b in zip(ours, theirs):
    assert any(a in f and b in f and not any(o in f for o in theirs if o != b) for f in flat), (a, b, flat)
END
# without the mount
umount_crrfs
ctl versions --state "$STATE" file >"$T/out2"
grep -qF -- "$(head -n1 "$T/ids-b")" "$T/out2" || fail "crrctl versions --state"
