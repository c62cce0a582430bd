#!/bin/bash
# The source, the destination or both are cut off, by refusing or by silence: what was acknowledged waits, programs that
# write wait for the source, and when the network is back all goes on by itself: no command, no new mount. So after a storm of 503.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
meddler_start a b
make_destinations "$MEDDLE_B"
random_file "$T/big" 6000000
mount_crrfs "url=$MEDDLE_A,timeout=20,connect_timeout=2,retry_first=0.1,retry_max=0.5,heal_first=0.2,attr_timeout=3600"
mkdir "$MNT/d"
wait_repl
n=0

hang_up() { kill -USR1 "$1" && retry_until "$LONG" test -e "$2.down"; }
cut_off() { # a|b HOW
	local pid=MEDDLE_PID_${1^}
	case $2 in
	refused) hang_up "${!pid}" "$T/meddle-$1" ;;
	silent) meddle "$1" 'freeze - -1 -' ;;
	throttled) fault "$1" 'count=-1 action=status:503:SlowDown retry-after=1' ;;
	broken) fault "$1" 'count=-1 action=status:500:InternalError' ;;
	esac
}
heal() { # a|b HOW
	local pid=MEDDLE_PID_${1^}
	case $2 in
	refused) kill -USR2 "${!pid}" && retry_until "$LONG" test ! -e "$T/meddle-$1.down" ;;
	silent) meddle "$1" ;;
	*) no_faults "$1" ;;
	esac
}
try() { # HOW a|b...
	local how=$1 side
	shift
	n=$((n + 1))
	say "$how: $*"
	echo before >"$MNT/d/before-$n"
	MARK=$(stat -c %s "$T/s3d-$1.log")
	for side; do cut_off "$side" "$how"; done
	echo during >"$MNT/d/during-$n" &
	local writer=$!
	cp "$T/big" "$MNT/d/big-$n" &
	local copier=$!
	side=$1
	seen() { # the first side was asked in vain
		case $how in
		refused) true ;;
		silent) [ -s "$T/meddle-$side.acted" ] ;;
		*) tail -c +"$MARK" "$T/s3d-$side.log" | grep ' 50[03] ' ;;
		esac
	}
	retry_until "$LONG" seen
	if [[ " $* " == *" a "* ]]; then
		running $writer && running $copier || fail "$how: acknowledged without the source"
		df "$MNT" >/dev/null
		stat "$MNT/d/before-$n" >/dev/null
	else
		wait $writer || fail "$how: the destination held up the writer"
		wait $copier || fail "$how: the destination held up the copier"
	fi
	for side; do heal "$side" "$how"; done
	if [[ " $* " == *" a "* ]]; then
		wait $writer || fail "$how, $*: the writer"
		wait $copier || fail "$how, $*: the copier"
	fi
	wait_repl
	assert_file_equal "$T/big" "$MNT/d/big-$n"
}
for how in refused throttled; do
	try $how a
	try $how b
	try $how a b
done
try silent a b
try broken b
s3 compare , history a >"$T/history.a"
s3 history b >"$T/history.b"
for side in a b; do assert_eq "$(cut -f1 "$T/history.$side" | uniq -d)" "" "keys with two versions at $side"; done
umount_crrfs
