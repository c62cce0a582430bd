#!/bin/bash
# down.sh - stop the gateway that up.sh started, by pid; what it stored is gone. Stopping twice is fine.
#
#   tests/rgw/down.sh [--purge]      --purge removes RGW_DIR as well
set -u
uid=$(id -u)
dir=${RGW_DIR:-/tmp/crrfs-rgw-$uid}
purge=
[ "${1:-}" = --purge ] && purge=yes
if [ ! -d "$dir/run" ]; then
	[ -z "$purge" ] || rm -rf "$dir"
	exit 0
fi
if [ -z "${RGW_LOCKED:-}" ]; then
	exec 9>"$dir/lock"
	flock 9
fi

# The process is alive, no zombie (perhaps nobody reaps it), and one of ours.
ours() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	case ${stat%% *} in Z | X) return 1 ;; esac
	tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "-c $dir/ceph.conf "
}

status=0
end() { # signal name...
	local signal=$1 name pid i
	shift
	for name; do
		pid=$(cat "$dir/run/$name.pid" 2>/dev/null)
		[ -n "$pid" ] && ours "$pid" && kill -s "$signal" "$pid"
	done
	for name; do
		pid=$(cat "$dir/run/$name.pid" 2>/dev/null)
		[ -n "$pid" ] || continue
		for ((i = 0; i < 300; i++)); do
			ours "$pid" || break
			[ $i = 200 ] && kill -s KILL "$pid"
			sleep 0.05
		done
		if ours "$pid"; then
			echo "rgw: $name ($pid) does not end" >&2
			status=1
		else
			rm -f "$dir/run/$name.pid"
		fi
	done
}
end TERM client.rgw.a client.rgw.b
end KILL osd.0 # its data is thrown away: nothing to save
end TERM mon.a
rm -f "$dir/run/"*.asok "$dir/env"
[ -z "$purge" ] || [ $status != 0 ] || rm -rf "$dir"
exit $status
