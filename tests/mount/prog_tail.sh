#!/bin/bash
# tail -f without inotify follows a file that is appended to through the mount, by its name across a rotation too.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo first >"$MNT/log"
tail ---disable-inotify -s 0.1 -n +1 -f "$MNT/log" >"$T/seen" 2>&1 &
CHILDREN+=($!)
tail ---disable-inotify -s 0.1 --max-unchanged-stats=1 -n +1 -F "$MNT/log" >"$T/seen-by-name" 2>/dev/null &
CHILDREN+=($!)
seen() { [ "$(tail -n 1 "$1")" = "$2" ]; }
retry_until "$LONG" seen "$T/seen" first
for i in 1 2 3; do
	echo "line $i" >>"$MNT/log"
	retry_until "$LONG" seen "$T/seen" "line $i"
	retry_until "$LONG" seen "$T/seen-by-name" "line $i"
done
# while it is open for writing
exec 5>>"$MNT/log"
echo "not closed" >&5
retry_until "$LONG" seen "$T/seen" "not closed"
mv "$MNT/log" "$MNT/log.1"
echo "to the renamed one" >&5
retry_until "$LONG" seen "$T/seen" "to the renamed one"
exec 5>&-
echo "a new file" >"$MNT/log"
retry_until "$LONG" seen "$T/seen-by-name" "a new file"
assert_eq "$(tr '\n' ';' <"$T/seen")" "first;line 1;line 2;line 3;not closed;to the renamed one;"
# truncated: tail says so and begins anew
echo again >"$MNT/log"
retry_until "$LONG" seen "$T/seen-by-name" again
wait_repl
s3 compare
