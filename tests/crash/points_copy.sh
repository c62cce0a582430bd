#!/bin/bash
# The mount dies at each step of a copy to a destination, of a resync, of a change of the rules, and while old rows are
# removed: every version is at the destination once, in order.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
needs_points
make_rules all,markers

# of what others wrote, which only a resync finds
prepare_resync() { # DIR NOTES
	points prepare nothing "$MNT" "$1" "$2"
	printf others >"$T/others"
	s3 put a "$1/x" "$T/others" , put a "$1/y" "$T/others" , put a "$1/x" "$T/others"
}
run_resync() { "$CRRCTL" resync "$MNT" >/dev/null 2>&1 || true; }
check_resync() { # the next mount goes on with it
	retry_until "$LONG" resync_done
}
resync_done() { ! ctl resync "$MNT" --list | grep -q ' resync running '; }

prepare_rules() { points prepare save "$MNT" "$1" "$2"; }
run_rules() {
	make_rules all,markers,id="again-$1"
	"$CRRCTL" rules reload "$MNT" >/dev/null 2>&1 || true
}
check_rules() { assert_match "$(ctl rules show "$MNT")" "again-$1"; }

die_at_points <<'END'
save worker.claimed
save copy.put
save worker.copied
save worker.finished
save copy.put - durability=replicas
save_big copy.created - early_upload=no
save_big copy.noted - early_upload=no
save_big copy.part:2 - early_upload=no
save_big copy.part_noted:2 - early_upload=no
save_big copy.before_complete - early_upload=no
save_big copy.completed - early_upload=no
save_big worker.copied - early_upload=no
save_big copy.before_complete
save_big copy.completed
save_big worker.finished
tag copy.changed
tag worker.copied
unlink copy.deleted
unlink worker.copied
rename copy.from_base
rename copy.deleted
rename worker.copied:2
resync scan.offered
resync scan.offered:3
resync scan.page
resync scan.saved
rules rules.loaded
rules rules.published
rules rules.in_force
END

# Rows that are a month old are removed by the workers of the next mount.
/usr/bin/python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.execute("UPDATE job SET done_ms = done_ms - 2592000000 WHERE state = 4")' "$STATE/queue.db"
dies_at_start prune.some
mount_crrfs
assert_eq "$(ctl queue "$MNT" --all)" "nothing is waiting"
points check_all "$MNT" "$T"/points.*
umount_crrfs
points versions "$T"/points.*
check_leftovers 0 2
