#!/bin/bash
# The source gives no answer: df, the root and what is known are there at once, who waits for it may be killed or interrupted,
# a signal that a program handles in the course of its work is no interruption, and when it answers again all goes on.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that stalls"
make_rules prefix=nothing/
echo x >"$T/x"
random_file "$T/big" 3000000
s3 put a strange/file "$T/x" , put a big "$T/big"
mount_crrfs attr_timeout=3600
mkdir "$MNT/known"
for i in 1 2 3; do echo "$i" >"$MNT/known/$i"; done
ls -l "$MNT" "$MNT/known" >/dev/null
exec 8<"$MNT/big"
stall() { fault a "op=HeadObject count=-1 action=stall" "op=GetObject count=-1 action=stall" "op=ListObjectsV2 count=-1 action=stall"; }
stall
df "$MNT" >/dev/null
stat "$MNT" "$MNT/known" "$MNT/known/2" >/dev/null
ls -d "$MNT" >/dev/null
ends() { # SIGNAL COMMAND...: while it waits for the source a signal ends it
	local signal=$1 status=0
	shift
	"$@" >/dev/null 2>"$T/err" &
	local pid=$!
	sleep 0.5
	running $pid || fail "it did not wait: $* $(cat "$T/err")"
	kill "-$signal" $pid
	gone() { ! running $pid; }
	retry_until 20 gone # a hang is 60 seconds
	wait $pid || status=$?
	[ $status != 0 ] || fail "$*: it was not interrupted"
}
for signal in KILL TERM; do
	ends $signal stat "$MNT/strange/unknown-$signal"
	ends $signal ls -l "$MNT/strange"
	ends $signal cat "$MNT/strange/file"
	ends $signal getfattr -n user.s3.replication-status "$MNT/known/1"
	ends $signal dd if=/dev/fd/8 of=/dev/null bs=1M skip=1
done
# with a handler of its own: EINTR
cat >"$T/handler.py" <<'END'
import ctypes, errno, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(getattr(signal, sys.argv[2]), lambda *_: None)
signal.siginterrupt(getattr(signal, sys.argv[2]), False)
if sys.argv[2] == 'SIGALRM':
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
r = libc.access(sys.argv[1].encode(), 0)
signal.setitimer(signal.ITIMER_REAL, 0) # the interpreter takes its handler back before it ends
print('there' if r == 0 else errno.errorcode[ctypes.get_errno()], flush=True)
END
/usr/bin/python3 "$T/handler.py" "$MNT/strange/handled" SIGINT >"$T/said" &
pid=$!
sleep 1
kill -INT $pid
retry_until 20 grep -q . "$T/said"
assert_eq "$(cat "$T/said")" EINTR "after a Ctrl-C that it handles"
wait $pid || true
# a timer that ticks all the time
/usr/bin/python3 "$T/handler.py" "$MNT/strange/file" SIGALRM >"$T/said" &
pid=$!
sleep 1.5
[ ! -s "$T/said" ] || fail "interrupted by a timer: $(cat "$T/said")"
# somebody else wants the same bytes as one who is killed
head -c 100 <&8 >"$T/got" &
other=$!
ends KILL dd if="$MNT/big" of=/dev/null bs=1000 count=1
running $other || fail "the other reader ended"
no_faults a
wait $other
cmp -n 100 "$T/got" "$T/big"
wait $pid
assert_eq "$(cat "$T/said")" there "after the timer"
assert_eq "$(cat "$MNT/strange/file")" x
cmp "$MNT/big" "$T/big"
exec 8<&-
