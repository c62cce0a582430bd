#!/bin/bash
# The mount dies at each step of a change of what is in the bucket: tags, metadata, names, removals. What was acknowledged
# has happened, once; what was not has happened wholly or not at all, and no file is under two names.
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
tag ticket.begun
tag change.tagged
tag ticket.committed
chmod ticket.begun
chmod ticket.held
chmod settle.copied
chmod ticket.committed
chmod change.copied - settle=0
rename ticket.begun
rename ticket.promised
rename rename.copied
rename ticket.committed
rename change.deleted
rename ticket.committed:2
rename rename.deleted
rename_over ticket.promised
rename_over rename.copied
rename_over change.deleted
rename_changed ticket.held
rename_changed ticket.promised
rename_changed rename.copied
rename_changed change.deleted
rename_changed rename.deleted
unlink ticket.begun
unlink change.deleted
unlink ticket.committed
mkdir ticket.begun
mkdir ticket.held
mkdir upload.put
mkdir ticket.committed
mkdir change.put - settle=0
mkdir ticket.committed - settle=0
rmdir ticket.begun
rmdir change.deleted
rmdir ticket.committed
END
check_leftovers
