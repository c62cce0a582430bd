#!/bin/bash
# The host, or the disk with the state directory, is lost right after each call returned. Of what was kept here nothing half
# is left; what the source had acknowledged is there, and a resync brings it to the destination; what the destinations had
# acknowledged is there, too.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
lose() { # LEVEL OPTIONS: all calls, and then the state directory
	mount_crrfs "$2"
	points prepare_all "$MNT" "$1" "$T/points.$1" "${CALLS[@]}"
	wait_repl
	[ "$1" = replicas ] || proxy_down
	points run_all "$MNT" "$1" "$T/points.$1" "${CALLS[@]}"
	kill9_crrfs
	rm -r "$STATE"
	[ "$1" = replicas ] || proxy_up
}
lose source durability=source,settle=0,hold=0
mount_crrfs
points check_all "$MNT" "$T"/points.source.*
ctl resync "$MNT" --wait >/dev/null
wait_repl
umount_crrfs
points versions "$T"/points.source.*
s3 compare >/dev/null

lose replicas durability=replicas,settle=0,hold=0
for call in save save_synced save_big save_by_rename; do
	assert_eq "$(s3 history b "replicas/$call/")" "$(s3 history a "replicas/$call/")" "$call at the destination"
done
mount_crrfs
points check_all "$MNT" "$T"/points.replicas.*
ctl resync "$MNT" --wait >/dev/null
wait_repl
umount_crrfs
points versions "$T"/points.replicas.*
s3 compare >/dev/null

lose staged durability=staged
mount_crrfs
points check_whole "$MNT" "$T"/points.staged.*
ctl resync "$MNT" --wait >/dev/null
wait_repl
umount_crrfs
check_sides
