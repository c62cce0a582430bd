#!/bin/bash
# The mount dies at each step of a directory's rename: all of it is under the one name or all under the other.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
needs_points
make_rules all,markers
run_rename_back() { # DIR NOTES: one of the copies fails, so those that were made are taken back
	fault a "op=CopyObject key=$1/e/2 count=-1 action=status:403"
	points run rename_back "$MNT" "$1" "$2"
	no_faults a
}
die_at_points <<'END'
rename_dir move.begun
rename_dir ticket.begun:3
rename_dir change.copied:2
rename_dir ticket.committed:3
rename_dir move.copied
rename_dir move.decided
rename_dir change.deleted
rename_dir change.deleted:3
rename_dir move.deleted
rename_dir move.dropped
rename_back move.back
rename_back move.deleted
END
check_leftovers
