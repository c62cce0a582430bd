#!/bin/bash
# fuzz_all.sh - every fuzz target (fuzz_*.c) over its corpus, and then with new inputs for a while.
# timeout: 1200
#
#   tests/fuzz/fuzz_all.sh [SECONDS [TARGET]...]      SECONDS for each target, default 8
#
# Built in a tree of its own with clang (Debian: clang libclang-rt-dev). An input that breaks
# something is left in FUZZ_OUT (default: a new folder under /tmp) and shown; put it into
# tests/fuzz/corpus/TARGET with the fix. New inputs that reach new code are kept there when
# FUZZ_KEEP is set.
#
# Without arguments, as ./check starts it, a few points of the failure sweep (tests/sweep/) follow in the same tree; they take
# crrctl and the S3 server of CRRFS_BUILD.
set -euo pipefail
cd "$(dirname "$0")/../.."
sweep=
[ $# != 0 ] || sweep=yes
seconds=${1:-8}
shift || true
command -v clang >/dev/null || {
	echo "skipped: clang is missing"
	exit 77
}
tree=${FUZZ_BUILD:-$(mktemp -d "${TMPDIR:-/tmp}/crrfs-fuzz.XXXXXX")}
out=${FUZZ_OUT:-$(mktemp -d "${TMPDIR:-/tmp}/crrfs-fuzz-out.XXXXXX")}
mkdir -p "$out"
clean() {
	[ -n "${FUZZ_BUILD:-}" ] || rm -rf "$tree"
	rmdir "$out" 2>/dev/null || true
}
trap clean EXIT
. tests/tree.sh
another_tree "$tree" fuzzers CC=clang CFLAGS='-O1 -g' --enable-sanitize=fuzzer

failed=0
[ $# != 0 ] || set -- tests/fuzz/fuzz_*.c
for target; do
	target=$(basename "$target" .c)
	program=$tree/tests/fuzz/$target
	kept=tests/fuzz/corpus/${target#fuzz_}
	fresh=$(mktemp -d)
	options=(-max_total_time="$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=1024 -verbosity=1
		-artifact_prefix="$out/$target-" -print_final_stats=0)
	[ ! -f "$kept.dict" ] || options+=(-dict="$kept.dict")
	folders=("$fresh" "$kept")
	[ -z "${FUZZ_KEEP:-}" ] || folders=("$kept")
	if "$program" "${options[@]}" "${folders[@]}" >"$fresh.log" 2>&1; then
		sed -n "s/^#\([0-9]*\).*DONE *cov: \([0-9]*\).*/$target: \1 inputs, \2 places of the code reached/p" "$fresh.log"
	else
		failed=$((failed + 1))
		echo "$target failed; its input is in $out:"
		tail -n 60 "$fresh.log"
	fi
	rm -rf "$fresh" "$fresh.log"
done
# always the same points: what is found another day is for make sweep to find
[ -z "$sweep" ] || SEED=1 SWEEP_BUILD=$tree tests/sweep/sweep_all.sh 1 4 || failed=$((failed + 1))
[ $failed = 0 ]
