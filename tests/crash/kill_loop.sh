#!/bin/bash
# kill -9 at any moment, again and again, while files are written, tagged, renamed and removed: whatever was acknowledged
# is there after the next mount, and at the destination, once and in order.
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
rounds=${KILLS:-6} seed=${SEED:-1}
begin
make_rules all,markers
mount_crrfs
for ((round = 1; round <= rounds; round++)); do
	work_begin $((seed * 100 + round))
	retry_until "$LONG" more_acknowledged $(($(acknowledged) + 20 + round * 11))
	kill9_crrfs
	work_end
	mount_crrfs
	check_all
done
wait_repl
check_all
umount_crrfs
check_sides
check_leftovers 0 $((rounds * 2))
say "$rounds kills, $(oracle total "$T"/notes.*)"
