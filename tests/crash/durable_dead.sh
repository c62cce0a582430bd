#!/bin/bash
# The source, or the destination, gives no answer while each call is made. What a call acknowledged all the same is true when
# they are back, also after a kill; what it refused has happened wholly or not at all.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
after() { # LEVEL SIDE: the mount is killed before they are back, and the next one makes it true
	kill9_crrfs
	no_faults a
	[ "$2" = source ] || proxy_up
	mount_crrfs "durability=$1"
	points check_all "$MNT" "$T/points.$2-$1".*
	wait_repl
	points check_all "$MNT" "$T/points.$2-$1".*
	umount_crrfs
	points versions "$T/points.$2-$1".*
	s3 compare >/dev/null
}
for level in staged source replicas; do
	# what the level changes nothing of is tried at one
	calls=("${CALLS[@]}")
	[ $level = source ] || calls=(save save_synced)
	mount_crrfs durability=$level,attr_timeout=600,timeout=1,retry_first=0.1,retry_max=0.2
	points prepare_all "$MNT" source-$level "$T/points.source-$level" "${calls[@]}"
	wait_repl
	fault a "op=* count=-1 action=status:503"
	points try_all "$MNT" source-$level "$T/points.source-$level" "${calls[@]}" >"$T/refused"
	case $level in
	staged) [ "$(grep -c '"ok"' "$T/points.source-staged.save")" -ge 2 ] || fail "not kept here: $(cat "$T/refused")" ;;
	*) grep -q '^save ' "$T/refused" || fail "acknowledged, though the source is dead" ;;
	esac
	after $level source
done
for level in staged source replicas; do
	mount_crrfs durability=$level,replicas_wait=1
	points prepare_all "$MNT" destination-$level "$T/points.destination-$level" "${CALLS[@]}"
	wait_repl
	proxy_down
	points try_all "$MNT" destination-$level "$T/points.destination-$level" "${CALLS[@]}" >"$T/refused"
	case $level in
	replicas) grep -q '^save ' "$T/refused" || fail "acknowledged, though the destination is dead" ;;
	*) [ ! -s "$T/refused" ] || fail "refused: $(cat "$T/refused")" ;;
	esac
	after $level destination
done
