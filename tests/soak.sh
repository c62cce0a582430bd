#!/bin/bash
# soak.sh - what ./check does for seconds, for as long as you like: storms of kills, power cuts and faults with an oracle
# (crash/storm.sh), and random operations beside a local folder (random/soak.sh), each turn with another seed.
# It stops at the first difference, and says with which seed.
#
#   make soak                      without end       make soak SOAK_SECONDS=3600     an hour
#   make soak SEED=7               begin there       ROUNDS=30 STEPS=400             how long a turn is
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export CRRFS_BUILD=${CRRFS_BUILD:-$PWD} S3_SERVER=s3d
limit=${SOAK_SECONDS:-0} seed=${SEED:-1}
out=$(mktemp "${TMPDIR:-/tmp}/crrfs-soak.XXXXXX")
declare -A total=()
turns=0 steps=0

finish() {
	local word text=
	for word in kills power\ cuts orderly\ ends faults versions acknowledged\ changes; do
		text+="${total[$word]:-0} $word, "
	done
	echo "soak: $SECONDS s, $turns turns, ${text}$steps steps beside a local folder: ${1:-0 lost, 0 duplicated}"
	rm -f "$out"
}
trap 'finish "stopped in turn $((turns + 1)), until then 0 lost, 0 duplicated"; exit 130' INT TERM

turn() { # NAME COMMAND...
	local name=$1
	shift
	if ! "$@" </dev/null >"$out" 2>&1; then
		cat "$out"
		echo "soak: $name with SEED=$seed failed"
		finish "1 failed"
		exit 1
	fi
}

# "storm: 3 kills, 4 power cuts, ..." into the sums
add_up() {
	local number word
	while read -r number word; do
		total[$word]=$((${total[$word]:-0} + number))
	done < <(sed -n 's/^storm: //p' "$out" | sed 's/ on both sides; \([0-9]*\) .*/\n\1 acknowledged changes/; s/[,;] /\n/g')
}

until [ "$limit" != 0 ] && [ $SECONDS -ge "$limit" ]; do
	turn storm env SEED="$seed" ROUNDS="${ROUNDS:-30}" tests/crash/storm.sh
	add_up
	echo "turn $seed: $(grep '^storm: ' "$out")"
	if [ "$(id -u)" = 0 ]; then # it acts as another user, too
		turn comparison env SEED="$seed" STEPS="${STEPS:-400}" tests/random/soak.sh
		steps=$((steps + ${STEPS:-400}))
	fi
	turns=$((turns + 1)) seed=$((seed + 1))
done
finish
