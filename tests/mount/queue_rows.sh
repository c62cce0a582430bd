#!/bin/bash
# A queue of very many rows, as after days without a destination: one more row costs what it costs in an empty queue, a mount on
# it stays small, and tells how many wait. 50,000 here; make million has a million (QUEUE_ROWS).
# servers: s3d
# timeout: 1200
. "$(dirname "$0")/lib.sh"
[ -x "$BUILD/bench/queue_rows" ] || skip "bench/queue_rows is not built"
begin
ROWS=${QUEUE_ROWS:-50000} WRITES=60 MOST_KIB=$((128 * 1024))
mount_crrfs
umount_crrfs
stop_s3d b

fill() { # ROWS WRITES: prints how many there are in the end, and the KiB of the writer
	"$BUILD/bench/queue_rows" "$STATE" "$DST_ARN" "$2" "$1" >"$T/report" || fail "queue_rows"
	/usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(r["rows"], r["rss_kib"])' "$T/report"
}
instructions() { # WRITES
	valgrind --tool=callgrind -q --callgrind-out-file="$T/callgrind" "$BUILD/bench/queue_rows" "$STATE" "$DST_ARN" "$1" 0 \
		>"$T/report" 2>"$T/err" || fail "valgrind: $(cat "$T/err")"
	sed -n 's/^\(totals\|summary\): //p' "$T/callgrind" | head -n 1
}
one_row() { # instructions, by the difference of two runs
	local once twice
	once=$(instructions $WRITES)
	twice=$(instructions $((2 * WRITES)))
	echo $(((twice - once) / WRITES))
}
counted=
if shows_memory && command -v valgrind >/dev/null; then counted=yes; fi # no program for ASan or TSan runs under it
fill 1000 0 >/dev/null
[ -z "$counted" ] || few=$(one_row)
read -r rows kib < <(fill "$ROWS" 0)
say "the writer of $rows rows: $kib KiB"
! shows_memory || [ "$kib" -lt $MOST_KIB ] || fail "the writer has $kib KiB"
if [ -n "$counted" ]; then
	many=$(one_row)
	say "instructions for one more row: $few of 1,000, $many of $ROWS"
	[ $((many * 10)) -le $((few * 12)) ] || fail "one more row costs $many instructions, and did $few"
fi

read -r rows kib < <(fill 0 0)
mount_crrfs retry_first=3600,retry_max=3600
echo more >"$MNT/more"
behind() { ctl status "$MNT" | awk -v arn="$DST_ARN" '$1 == arn { print $2 + $3 }'; } # and those that are being tried
assert_eq "$(behind)" $((rows + 1)) "rows that wait"
ctl queue "$MNT" >"$T/queue"
[ -s "$T/queue" ] || fail "crrctl queue shows nothing"
peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$MOUNT_PID/status")
say "the mount on them: $peak KiB"
! shows_memory || [ "$peak" -lt $MOST_KIB ] || fail "the mount has $peak KiB"
kill9_crrfs
mount_crrfs retry_first=3600,retry_max=3600
assert_eq "$(behind)" $((rows + 1)) "rows that wait after a kill"
assert_eq "$(cat "$MNT/more")" more
