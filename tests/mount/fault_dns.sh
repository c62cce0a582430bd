#!/bin/bash
# The name of an endpoint cannot be resolved any more: there is none, the name server is broken, or it is silent. Programs get an
# error within `timeout`, or wait; what is known is shown at once; what was acknowledged waits. When the name is back, with another
# address, all goes on by itself. At the start there is a line that names the host, and what to do.
# servers: s3d
. "$(dirname "$0")/lib.sh"
# a machine with a resolver of its own: of these files, nothing is seen by others
if [ -z "${OWN_MOUNTS:-}" ]; then
	[ "$(id -u)" = 0 ] || skip "only root can have a name server of its own"
	OWN_MOUNTS=yes exec unshare --mount --propagation private "$0"
fi
# whoever else has a FUSE mount could not end it while it is mounted here as well
awk '$3 ~ /^fuse/ { print $2 }' /proc/self/mounts | while IFS= read -r copied; do umount -l "$(printf %b "$copied")" || :; done
begin
NAMESERVER=127.$((RANDOM % 200 + 10)).$((RANDOM % 250)).53
: >"$T/zone"
/usr/bin/python3 "$TEST_DIR/nameserver.py" $NAMESERVER "$T/zone" "$T/asked" 2>"$T/err" &
CHILDREN+=($!)
retry_until "$LONG" test -s "$T/asked"
echo '127.0.0.1 localhost' >"$T/hosts"
echo "nameserver $NAMESERVER" >"$T/resolv.conf"
echo 'hosts: files dns' >"$T/nsswitch.conf"
for file in hosts resolv.conf nsswitch.conf; do mount --bind "$T/$file" "$(readlink -f "/etc/$file")"; done
refuse_begin

declare -A NAMES=([a]=source.crrfs.test [b]=copies.crrfs.test) GIVEN=([a]=127.0.0.1 [b]=127.0.0.1)
name_is() { # a|b ADDRESS|nxdomain|servfail|silent
	GIVEN[$1]=$2
	printf '%s\n' "${NAMES[a]} ${GIVEN[a]}" "${NAMES[b]} ${GIVEN[b]}" >"$T/zone.new"
	mv "$T/zone.new" "$T/zone"
}
n=1
declare -A AT
gone() { # a|b HOW: nobody is at the address that is known any more, and the name says nothing of the new one
	name_is "$1" "$2"
	stop_s3d "$1"
	n=$((n + 1))
	AT[$1]=127.0.0.$n
	printf -v "S3D_HOST_$1" '%s' "${AT[$1]}"
	start_s3d "$1"
	ASKED=$(wc -l <"$T/asked")
}
asked() { tail -n +$((ASKED + 1)) "$T/asked" | grep "^${NAMES[$1]} $2"; }
back_again() { name_is "$1" "${AT[$1]}"; }

name_is a 127.0.0.1
name_is b 127.0.0.1
# shellcheck disable=SC2154 # start_s3d sets the ports
make_destinations "http://${NAMES[b]}:$S3D_PORT_b"
sed -i "s/^profile = b/&\nallow_http = yes/" "$DESTINATIONS"
# shellcheck disable=SC2154
options="url=http://${NAMES[a]}:$S3D_PORT_a,allow_http,timeout=60,connect_timeout=1,attr_timeout=3600"
options+=,retry_first=0.1,retry_max=0.5,heal_first=0.2
mount_crrfs "$options"
echo known >"$MNT/known"
cat "$MNT/known" >/dev/null
wait_repl

for how in nxdomain servfail silent; do
	say "$how: the destination"
	gone b $how
	echo "while $how" >"$MNT/copied-$how"
	says_why() { ctl status "$MNT" | grep -i "${NAMES[b]}\|resolv"; }
	retry_until "$LONG" says_why
	asked b $how >/dev/null || fail "the name server was not asked"
	assert_eq "$(s3 count-versions b "copied-$how")" 0
	back_again b
	wait_repl
	say "$how: the source"
	gone a $how
	echo "while $how" >"$MNT/written-$how" &
	writer=$!
	retry_until "$LONG" asked a $how
	df "$MNT" >/dev/null
	stat "$MNT" >/dev/null
	assert_eq "$(stat -c %s "$MNT/known")" 6
	running $writer || fail "acknowledged without the source"
	back_again a
	wait $writer || fail "the writer was told of it"
	wait_repl
done
say "no thread may be made that asks"
for side in a b; do
	gone $side silent
	refuse 'thread 11 0'
	back_again $side
	echo "no thread" >"$MNT/threadless-$side" &
	writer=$!
	says_why() { [ "$side" = a ] || ctl status "$MNT" | grep thread; }
	retry_until "$LONG" says_why
	refuse
	wait $writer || fail "the writer was told of it"
	wait_repl
done
s3 compare

say "it stays away: an error"
remount_crrfs "$options,timeout=3"
gone a silent
assert_errno "timed out" cat "$MNT/never-seen"
assert_errno "timed out" cp "$T/zone" "$MNT/not-written"
back_again a
wait_repl
s3 compare

say "who waits may be interrupted, and the mount ends meanwhile"
remount_crrfs "$options,timeout=3600,drain_timeout=1"
gone b silent
echo later >"$MNT/later"
gone a silent
cat "$MNT/never-seen" 2>"$T/err" &
reader=$!
retry_until "$LONG" asked a silent
kill $reader
ended() { ! running $reader; }
retry_until "$LONG" ended
umount_crrfs

say "the start"
for how in nxdomain silent; do
	name_is a $how
	mount_fails any "$options,timeout=2"
	one_clear_line "$SRC.*${NAMES[a]}.*[Rr]esolv.*check the host's name in the url"
done
back_again a
name_is b nxdomain
: >"$MOUNT_LOG"
mount_crrfs "$options"
assert_match "$(line_of "$MOUNT_LOG" unreachable)" "$DST.*${NAMES[b]}.*[Rr]esolv.*check the host's name in the url"
back_again b
wait_repl
s3 compare
