#!/bin/bash
# Logs: ">>" by many processes, one that keeps its file open, logrotate with create and with copytruncate.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
rotate() { /usr/sbin/logrotate -s "$T/status$1" -f "$T/conf$1" || fail "logrotate $1"; }
work() {
	chmod 755 .
	local i kind
	for kind in create copytruncate; do
		mkdir $kind
		printf '"%s/%s/log" {\nrotate 2\n%s\ncompress\ndelaycompress\nmissingok\nsu %s %s\n}\n' "$PWD" $kind \
			"${kind/create/create 0640}" "$(id -un)" "$(id -gn)" >"$T/conf$kind"
		for i in 1 2 3 4 5; do echo "line $i" >>$kind/log; done
		exec 5>>$kind/log
		echo "kept open" >&5
		rotate $kind
		echo "after the first rotation" >&5
		echo "by another process" >>$kind/log
		rotate $kind
		echo "after the second rotation" >&5
		exec 5>&-
		rotate $kind
		echo end >>$kind/log
		for i in "$kind"/*.gz; do
			gunzip "$i"
		done
		rm -f "$T/status$kind"
	done
}
on_both work
assert_eq "$(tr '\n' ';' <"$MNT/work/create/log.2")" "by another process;"
assert_eq "$(find "$MNT/work" -type f | wc -l)" 6 files
# forty appenders at once: no line is lost or torn
for i in 1 2 3 4 5 6 7 8; do
	(for j in 1 2 3 4 5; do echo "appender $i line $j" >>"$MNT/work/many"; done) &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "an appender"; done
assert_eq "$(sort -u "$MNT/work/many" | wc -l) $(wc -l <"$MNT/work/many")" "40 40" "lines, lines"
rm "$MNT/work/many"
twins_last
