#!/bin/bash
# umount and SIGTERM end the mount under every fault: a source or a destination that refuses or is silent, a disk that is full or
# gives EIO. A second SIGTERM ends it at once. The process is gone, the mountpoint is free, and the next mount goes on with
# everything that was acknowledged.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
meddler_start a b
make_destinations "$MEDDLE_B"
refuse_begin
n=0 kept=

up() { # DRAIN_TIMEOUT: what the mount before has acknowledged is there, and goes on
	mount_crrfs "url=$MEDDLE_A,timeout=3600,connect_timeout=2,temp_names=held-*,hold=3600,drain_timeout=$1,retry_first=0.1,retry_max=0.5,heal_first=0.2"
	[ $n = 0 ] || assert_eq "$(cat "$MNT/before-$n")" before
	[ -z "$kept" ] || assert_eq "$(cat "$MNT/$kept-$n")" during "what was acknowledged"
	wait_repl
}
save() { # NAME: a shell does not tell of an error of close
	/usr/bin/python3 -c 'import sys; f = open(sys.argv[1], "w"); f.write("during"); f.close()' "$MNT/$1" 2>"$T/err.save"
}
ended() { ! running "$MOUNT_PID"; }
asked() { [ -s "$T/meddle-a.acted" ] || tail -n 3 "$T/s3d-a.log" | grep ' 503 '; }
stopping() { grep 'action=stop$' "$MOUNT_LOG"; }

stops() { # umount, term (drain_timeout is short), or term2 (it is long, and a second one follows); WHAT-FAILS
	local how=$1 what=$2 drain=1 writer=
	say "$how while $what"
	[ "$how" != term2 ] || drain=3600
	: >"$MOUNT_LOG"
	up $drain
	n=$((n + 1)) kept=
	echo before >"$MNT/before-$n"
	[ "$how" != umount ] || stat "$MNT/held-$n" 2>/dev/null || true # that it is not there is known
	case $what in
	'the destination is silent') meddle b 'freeze - -1 -' ;;
	'the destination refuses') fault b 'count=-1 action=status:503:SlowDown retry-after=3600' ;;
	'the source is silent') meddle a 'freeze - -1 -' ;;
	'the source refuses') fault a 'count=-1 action=status:503:SlowDown retry-after=3600' ;;
	'the disk is full') refuse 'write 28' ;;
	'the disk gives EIO') refuse 'fsync 5' ;;
	esac
	if [[ $what == *source* && $how == umount ]]; then
		save "held-$n" # does not ask the source
		kept=held
	elif [[ $what == *source* ]]; then
		save "during-$n" &
		writer=$!
		retry_until "$LONG" asked
	elif save "during-$n"; then
		kept=during
	fi
	case $how in
	umount) umount "$MNT" ;;
	*) kill "$MOUNT_PID" ;;
	esac
	if [ "$how" = term2 ]; then
		retry_until "$LONG" stopping
		kill "$MOUNT_PID" 2>/dev/null || true
	fi
	retry_until "$LONG" ended
	if is_mounted "$MNT"; then fail "the mountpoint is taken"; fi
	if [ -n "$writer" ] && wait "$writer"; then kept=during; fi
	meddle a
	meddle b
	no_faults a
	no_faults b
	refuse
}
stops term 'the destination refuses'
stops term 'the source is silent'
stops term 'the disk is full'
stops term2 'the destination is silent'
stops term2 'the source refuses'
stops term2 'the disk gives EIO'
if [ "$(id -u)" = 0 ]; then
	stops umount 'the destination is silent'
	stops umount 'the source is silent'
	stops umount 'the disk gives EIO'
fi
up 60
umount_crrfs
s3 compare
