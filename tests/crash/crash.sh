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
	local for_real=$CRRFS
	cc -shared -fPIC -O2 -o "$T/powercut.so" "$TOP/tests/crash/powercut.c" -ldl || fail "the preload does not build"
	export POWERCUT_SHADOW=$T/shadow POWERCUT_BOOT=$T/boot POWERCUT_DIR=$STATE
	mkdir "$POWERCUT_SHADOW"
	CRRFS=$T/crrfs
	printf '#!/bin/bash\nLD_PRELOAD=%s exec %s "$@"\n' "$T/powercut.so" "$for_real" >"$CRRFS"
	chmod 755 "$CRRFS"
	echo boot-0 >"$POWERCUT_BOOT"
}

# After kill9_crrfs: the power is back, the disk is what it is.
power_back() {
	/usr/bin/python3 "$TOP/tests/crash/powercut.py" "$POWERCUT_SHADOW" "$STATE"
	echo "boot-$RANDOM$RANDOM" >"$POWERCUT_BOOT"
}
