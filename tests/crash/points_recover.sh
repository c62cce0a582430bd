#!/bin/bash
# The mount dies at a named point, and the next one dies while it puts that in order: the one after it finds and leaves what
# there is after one death.
# servers: s3d
# timeout: 900
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
begin
needs_points
make_rules all,markers
die_at_points <<'END'
save upload.put recover.reset
save upload.put recover.aborted
save upload.put recover.found
save upload.put ticket.committed
save ticket.begun recover.abandoned
save_big upload.part recover.aborted
save_big upload.completed recover.found
save_by_rename hold.kept:2 upload.put
save_by_rename hold.kept:2 recover.uploaded
save_by_rename rename.named recover.uploaded
save hold.synced:2 recover.swept durability=staged
chmod ticket.held recover.copied
chmod settle.copied recover.found
tag change.tagged recover.found
unlink change.deleted ticket.committed
mkdir ticket.held recover.uploaded
save hold.kept:2 upload.put durability=staged
rename rename.copied recover.moved
rename rename.copied recover.deleted
rename rename.copied recover.settled
rename_changed rename.copied recover.deleted
rename_changed change.deleted ticket.committed
rename_dir move.begun change.copied:2
rename_dir change.copied:2 move.copied
rename_dir move.decided change.deleted
rename_dir move.decided move.deleted
END
check_leftovers 0 2
