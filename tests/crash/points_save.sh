#!/bin/bash
# The mount dies at each step of a file's way into the bucket: what was acknowledged is there once, and of what was not
# either all is there or nothing.
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
save ticket.begun
save upload.put
save ticket.committed
save commit.clean
save_big upload.created
save_big upload.noted
save_big upload.part
save_big upload.part:2
save_big upload.before_complete
save_big upload.completed
save_big ticket.committed
save_synced upload.put:2
save hold.synced:2 - durability=staged
save ticket.held:2 - durability=staged
save hold.kept:2 - durability=staged
save upload.put - durability=staged
save ticket.committed:2 - durability=staged
save_by_rename hold.synced:2
save_by_rename ticket.held:2
save_by_rename hold.kept:2
save_by_rename ticket.rekeyed
save_by_rename rename.named
save_by_rename upload.put
save_by_rename ticket.committed
symlink ticket.held
symlink upload.put
END
check_leftovers 0 4
