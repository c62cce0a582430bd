#!/bin/bash
# The power goes right after each call returned: what it acknowledged is there, at each level of durability.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
make_rules all,markers
power_begin
for level in staged source replicas; do
	mount_crrfs durability=$level
	points prepare_all "$MNT" $level "$T/points.$level" "${CALLS[@]}"
	wait_repl
	points run_all "$MNT" $level "$T/points.$level" "${CALLS[@]}"
	kill9_crrfs
	power_back
	mount_crrfs durability=$level
	points check_all "$MNT" "$T/points.$level".*
	wait_repl
	umount_crrfs
done
points versions "$T"/points.*
s3 compare >/dev/null
check_leftovers
