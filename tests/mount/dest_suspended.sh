#!/bin/bash
# Versioning is suspended at the destination under us: what would replace an older version there is FAILED, not COMPLETED, and
# when versioning is enabled again all versions arrive.
. "$(dirname "$0")/lib.sh"
begin
make_rules all
mount_crrfs heal_first=0.2,heal_max=1,retry_first=0.1,retry_max=1
echo one >"$MNT/f"
wait_repl
s3 versioning b Suspended
echo two >"$MNT/f"
has_status() { [[ $(xattr "$MNT/f" "user.s3.replication.$DST") == $1* ]]; }
until_parked() { ctl status --json "$MNT" | grep -q '"failed": *1'; }
retry_until "$LONG" until_parked
echo three >"$MNT/f"
assert_eq "$(xattr "$MNT/f" user.s3.replication-status)" PENDING "of what waits behind it"
s3 versioning b Enabled
retry_until "$LONG" has_status COMPLETED
wait_repl
bodies() { s3 history "$1" | sed -n 's/^f\t\(.*\)\\n$/\1/p' | tr '\n' ' '; } # a|b
assert_eq "$(bodies a)" "one two three " "versions at the source"
# "two" once more: the one that was written without a version id
assert_match "$(bodies b)" '^one (two )+three $' "versions at the destination"
