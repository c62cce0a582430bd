#!/bin/bash
# sweep_all.sh - the failure sweep: work is done once and its fallible points are counted (allocations, SQL, file I/O, S3
# attempts, threads), then it is done again for each of them, which fails. With AddressSanitizer, UBSan and LeakSanitizer.
# timeout: 1200
#
#   tests/sweep/sweep_all.sh [POINTS [MOUNTS]]     POINTS of each scene and kind (points.c), MOUNTS of a whole mount
#                                                  (mounts.py); 0 = all of them. Default 6 and 6, by SEED (default: the day)
#
# Built in a tree of its own, SWEEP_BUILD or a new folder under /tmp.
set -euo pipefail
cd "$(dirname "$0")/../.."
points=${1:-6} mounts=${2:-6}
export SEED=${SEED:-$(date +%Y%m%d)}
tree=${SWEEP_BUILD:-$(mktemp -d "${TMPDIR:-/tmp}/crrfs-sweep.XXXXXX")}
clean() { [ -n "${SWEEP_BUILD:-}" ] || rm -rf "$tree"; }
trap clean EXIT
. tests/tree.sh
another_tree "$tree" sweepers CFLAGS='-O1 -g' --enable-sanitize=address

echo "seed $SEED"
status=0
"$tree/tests/sweep/points" -m "$points" -s "$SEED" || status=1
SWEPT=$tree/tests/sweep/crrfs_swept tests/sweep/mounts.sh "$mounts" || status=1
exit $status
