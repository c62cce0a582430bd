#!/bin/bash
# coverage.sh - which lines and branches the tests reach, by folder; see docs/coverage.md.
#
#   tests/coverage.sh [TEST]...     as tests/run takes them; default: the unit and mount tests
#   tests/coverage.sh --report      of what ran in the tree before
#   COVERAGE_BUILD=DIR              builds in DIR and keeps it: a second run adds to the first
#   COVERAGE_LIST=yes               lists every line that was not reached, too
#
# After them a part of the failure sweep (COVERAGE_POINTS of each scene and kind, default 60): what handles an allocation, an
# SQL step or a file access that fails is run there.
# A process that is killed writes no counts: of tests that kill their mount, what that one did is not counted.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=${COVERAGE_BUILD:-$(mktemp -d "${TMPDIR:-/tmp}/crrfs-coverage.XXXXXX")}
mkdir -p "$tree"
[ -n "${COVERAGE_BUILD:-}" ] || trap 'rm -rf "$tree"' EXIT
report() { /usr/bin/python3 -B tests/coverage.py "$tree" ${COVERAGE_LIST:+--lines}; }
if [ "${1:-}" = --report ]; then
	report
	exit
fi
[ $# != 0 ] || set -- tests/unit tests/mount
# The sources are copied: a tree that is built itself cannot be built elsewhere, and the counts are of these very lines.
tar -c --exclude=.git --exclude='*.[oa]' --exclude='*.gcda' --exclude='*.gcno' --exclude=./config.status \
	--exclude=./config.h --exclude=./Makefile --exclude=.deps --exclude=./crrfs --exclude=./crrctl . |
	tar -C "$tree" -x
# a shell of its own, as "||" would switch off -e for a function
bash -ec '
	cd "$1"
	[ -x configure ] || ./autogen.sh
	[ -f Makefile ] || ./configure -q --enable-coverage CFLAGS="-O0 -g"
	make -s -j"$(nproc)"
	make -s -j"$(nproc)" check TESTS=
	make -s -j"$(nproc)" sweepers
' - "$tree" >"$tree/build.log" 2>&1 || {
	tail -n 40 "$tree/build.log"
	exit 1
}
status=0
env -u CRRFS_BUILD "$tree/tests/run" -j "${COVERAGE_JOBS:-2}" -s s3d -t 900 "$@" || status=$?
"$tree/tests/sweep/points" -m "${COVERAGE_POINTS:-60}" -s 1 >"$tree/sweep.log" 2>&1 || {
	tail -n 20 "$tree/sweep.log"
	status=1
}
report
exit $status
