# shellcheck shell=bash
# crash.sh - what the crash tests share: random work with an oracle outside the mount, and what must hold afterwards.
# Sourced after lib.sh.
ORACLE=$TOP/tests/crash/oracle.py
WORKERS=2
WORKER_PIDS=()

oracle() { /usr/bin/python3 "$ORACLE" "$@"; }

work_begin() { # SEED [refusals]: WORKERS start to change files; see oracle.py
	local i
	WORKER_PIDS=()
	for ((i = 1; i <= WORKERS; i++)); do
		/usr/bin/python3 "$ORACLE" work "$MNT" "$T/notes.$i" $(($1 * 10 + i)) ${2:+"$2"} 2>"$T/work.$i.err" &
		WORKER_PIDS+=($!)
		CHILDREN+=($!)
	done
}

work_end() { # they have noticed that the mount is gone, or were told to stop (143: before they began)
	local pid
	for pid in "${WORKER_PIDS[@]}"; do
		wait "$pid" || [ $? = 143 ] || fail "a change was refused: $(cat "$T"/work.*.err)"
	done
}

work_stop() { # when the change that each is at is done
	kill "${WORKER_PIDS[@]}" 2>/dev/null || true
	work_end
}

acknowledged() { cat "$T"/notes.* 2>/dev/null | grep -c '"ok"' || true; }

more_acknowledged() { [ "$(acknowledged)" -ge "$1" ]; } # NUMBER

work_is_over() { # all workers have ended
	local pid
	for pid in "${WORKER_PIDS[@]}"; do
		if running "$pid"; then return 1; fi
	done
}

# Every file as it was acknowledged, here and, by way of a public client, at the destination, version by version.
check_all() {
	local i
	for ((i = 1; i <= WORKERS; i++)); do
		oracle check "$MNT" "$T/notes.$i" || fail "lost; see above"
	done
}

# The same versions on both sides, in the same order, each once.
check_sides() {
	s3 history a >"$T/history.a"
	s3 history b >"$T/history.b"
	diff "$T/history.a" "$T/history.b" >"$T/history.diff" || fail "the destination differs: $(head -n 20 "$T/history.diff")"
	s3 compare >/dev/null
}

check_leftovers() { # after everything was sent: no staged files, no uploads beyond a few
	local n
	n=$(find "$STATE/staging" -type f | wc -l)
	[ "$n" -le "${1:-0}" ] || fail "$n files are left in staging"
	s3 uploads a , uploads b >"$T/uploads"
	n=$(wc -l <"$T/uploads")
	[ "$n" -le "${2:-3}" ] || fail "$n unfinished uploads"
}

# From now on the mounts have their state on a disk that remembers only what was synced: see powercut.c.
power_begin() {
	local for_real=$CRRFS libasan # of a build with ASan: it wants to be the first
	cc -shared -fPIC -O2 -o "$T/powercut.so" "$TOP/tests/crash/powercut.c" -ldl || fail "the preload does not build"
	export POWERCUT_SHADOW=$T/shadow POWERCUT_BOOT=$T/boot POWERCUT_DIR=$STATE
	mkdir "$POWERCUT_SHADOW"
	CRRFS=$T/crrfs
	libasan=$(ldd "$for_real" | sed -n 's/.*libasan.* => \([^ ]*\) .*/\1/p')
	printf '#!/bin/bash\nLD_PRELOAD="%s" exec %s "$@"\n' "$libasan $T/powercut.so" "$for_real" >"$CRRFS"
	chmod 755 "$CRRFS"
	echo boot-0 >"$POWERCUT_BOOT"
}

# After kill9_crrfs: the power is back, the disk is what it is.
power_back() {
	/usr/bin/python3 "$TOP/tests/crash/powercut.py" "$POWERCUT_SHADOW" "$STATE"
	echo "boot-$RANDOM$RANDOM" >"$POWERCUT_BOOT"
}

# What docs/durability.md has a line for.
CALLS=(save save_synced save_big save_by_rename tag chmod rename rename_over rename_dir unlink mkdir rmdir symlink)

# ---- named points (base/crash.h) -----------------------------------------------------------------------------

# Of a flow of which points.py knows nothing, the test has functions: prepare_NAME, run_NAME and check_NAME, if needed.
points() { /usr/bin/python3 "$TOP/tests/crash/points.py" "$@"; }

flow() { # prepare|run FLOW DIR NOTES
	if declare -F "$1_$2" >/dev/null; then "$1_$2" "$3" "$4"; else points "$1" "$2" "$MNT" "$3" "$4"; fi
}

needs_points() {
	grep -qa CRRFS_CRASH "$CRRFS" || skip "crrfs is built without --enable-assertions"
}

died() { ! running "$MOUNT_PID"; }

dies_at_point() { # NAME: the mount that is armed
	local status=0
	retry_until "$LONG" died
	wait "$MOUNT_PID" || status=$?
	assert_eq $status 137 "exit status of crrfs at $1"
	if is_mounted "$MNT"; then unmount_now "$MNT"; fi
}

dies_at_start() { # NAME[:N] [OPTIONS]: a mount that does not come to be
	local status=0 options
	options=$(base_options)${2:+,$2}
	MOUNTS+=("$MNT")
	CRRFS_CRASH=$1 timeout "$LONG" "$CRRFS" "s3://$SRC" "$MNT" -f -o "$options" </dev/null >>"$MOUNT_LOG" 2>&1 || status=$?
	assert_eq $status 137 "exit status of crrfs at $1"
	if is_mounted "$MNT"; then unmount_now "$MNT"; fi
}

# Lines of FLOW POINT[:N] [POINT[:N] of the next mount's start, or -] [MOUNT OPTIONS]
die_at_points() {
	local name point again options n=0
	mount_crrfs
	while read -r name point again options; do
		n=$((n + 1))
		flow prepare "$name" "$name-$n" "$T/points.$n"
		wait_repl
		umount_crrfs
		export CRRFS_CRASH=$point
		mount_crrfs "${options:-}"
		unset CRRFS_CRASH
		say "$name $point ${again:-}"
		flow run "$name" "$name-$n" "$T/points.$n" || fail "$name was refused"
		dies_at_point "$name $point"
		[ "${again:--}" = - ] || dies_at_start "$again" "${options:-}"
		mount_crrfs "${options:-}"
		if declare -F "check_$name" >/dev/null; then "check_$name" "$name-$n"; fi
		points check "$MNT" "$T/points.$n" || fail "after $name $point ${again:-}; see above"
	done
	wait_repl
	points check_all "$MNT" "$T"/points.*
	umount_crrfs
	points versions "$T"/points.* || fail "see above"
	s3 compare >/dev/null
	say "$n points"
}
