#!/bin/bash
# rsync -aX, --inplace, --partial (interrupted and resumed), --delete, --append, and out of the mount again.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mkdir -p "$T/tree/sub/empty"
for i in 1 2 3 4; do echo "file $i" >"$T/tree/sub/f$i"; done
: >"$T/tree/nothing"
random_file "$T/tree/big" 7000000
chmod 600 "$T/tree/sub/f1"
chmod 2755 "$T/tree/sub"
ln -s sub/f1 "$T/tree/link"
touch -hd '2001-02-03 04:05:06.789 UTC' "$T/tree/link" "$T/tree/sub/f2" "$T/tree/sub/empty"
setfattr -n user.colour -v blue "$T/tree/sub/f3" 2>/dev/null || say "no xattrs on $T"
mount_crrfs
make_twins
again() { assert_eq "$(rsync "$@" -i "$T/tree/" "$MNT/work/")" "" "what a second rsync $* does"; }
rsync -aX "$T/tree/" "$MNT/work/"
same_trees "$T/tree" "$MNT/work" times
again -aX
again -aXc
# the middle of a file in place, a shorter file, another mode
printf 'in the middle' | dd of="$T/tree/big" bs=1 seek=3000000 conv=notrunc status=none
touch -d '2021-01-02 03:04:05.6' "$T/tree/big" # rsync looks at whole seconds
echo shorter >"$T/tree/sub/f4"
chmod 640 "$T/tree/nothing"
rsync -aX --inplace --no-whole-file "$T/tree/" "$MNT/work/"
same_trees "$T/tree" "$MNT/work" times
again -aX
echo appended >>"$T/tree/big"
rsync -a --append-verify "$T/tree/big" "$MNT/work/big"
assert_file_equal "$T/tree/big" "$MNT/work/big"
# interrupted: the part is kept under the final name, and the next run goes on with it
random_file "$T/tree/long" 8000000
rsync -a --partial --bwlimit=2000 "$T/tree/long" "$MNT/work/long" >"$T/out" 2>&1 &
pid=$!
some_is_there() { [ "$(find "$MNT/work" -name '.long.*' -size +1000k | wc -l)" = 1 ]; }
retry_until "$LONG" some_is_there
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status != 0 ] || fail "rsync was not interrupted"
part_is_kept() { [ -e "$MNT/work/long" ] && [ -z "$(find "$MNT/work" -name '.long.*')" ]; }
retry_until "$LONG" part_is_kept
size=$(stat -c %s "$MNT/work/long")
[ "$size" -gt 0 ] && [ "$size" -lt 8000000 ] || fail "the part has $size bytes"
cmp -n "$size" "$T/tree/long" "$MNT/work/long"
rsync -a --partial --no-whole-file --stats "$T/tree/" "$MNT/work/" >"$T/stats"
assert_file_equal "$T/tree/long" "$MNT/work/long"
[ "$(awk '/^Matched data/ { gsub(/,/, ""); print $3 }' "$T/stats")" -gt 0 ] || fail "the part was of no use"
# what is gone at the origin goes here
rm -r "$T/tree/sub"
rsync -a --delete "$T/tree/" "$MNT/work/"
same_trees "$T/tree" "$MNT/work" times
# and out again
rsync -a "$MNT/work/" "$T/out.d/"
same_trees "$T/tree" "$T/out.d" times
rmdir "$T/local"
mv "$T/tree" "$T/local"
twins_last times
