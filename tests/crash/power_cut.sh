#!/bin/bash
# The power goes while files are written, tagged, renamed and removed, and the disk has only what was synced: whatever was
# acknowledged is there after the next mount, and at the destination, once and in order.
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
rounds=${POWER_CUTS:-4} seed=${SEED:-1}
begin
make_rules all,markers
power_begin
for ((round = 1; round <= rounds; round++)); do
	mount_crrfs
	check_all
	work_begin $((seed * 100 + round))
	retry_until "$LONG" more_acknowledged $(($(acknowledged) + 60 + round * 13))
	kill9_crrfs
	work_end
	power_back
done
mount_crrfs
check_all
wait_repl
check_all
umount_crrfs
check_sides
check_leftovers 0 $((rounds * 2))
say "$rounds power cuts, $(oracle total "$T"/notes.*)"
