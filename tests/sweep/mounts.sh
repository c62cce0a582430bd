#!/bin/bash
# mounts.sh - the failure sweep of a whole mount: see mounts.py. Started by sweep_all.sh, which has built SWEPT for it.
#
#   SWEPT=TREE/tests/sweep/crrfs_swept tests/sweep/mounts.sh [HOW-MANY [POINT]]      SEED=7: other points
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
CRRFS=${SWEPT:?} LONG=120
begin
make_rules all,markers
touch "$MOUNT_LOG"
MOUNTS+=("$MNT")
# what fails for ever shall not take for ever
options=$(base_options),timeout=2,max_attempts=2,retry_first=0.05,retry_max=0.2,drain_timeout=2,settle=0.1,repl_threads=2
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=1 /usr/bin/python3 -B "$TOP/tests/sweep/mounts.py" "$CRRFS" "$CRRCTL" "$SRC" "$MNT" \
	"$STATE" "$MOUNT_LOG" "$options" "${1:-10}" "${SEED:-1}" ${2:+"$2"} || fail "points are not well; see above"
