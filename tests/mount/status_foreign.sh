#!/bin/bash
# user.s3.replication-status of versions that this mount does not replicate is what the server says, by rules of its own.
# A replica says REPLICA, unless a change of it that goes back to its source is on its way or has failed.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/
echo text >"$T/x"
s3 put a foreign "$T/x" , put a Tax/foreign "$T/x" , put a replica "$T/x" crrfs-replica-of="$DST"
mount_crrfs attr_timeout=0
assert_errno "No such attribute" xattr "$MNT/foreign" user.s3.replication-status
for word in PENDING FAILED COMPLETED REPLICA; do
	set_replication_status a $word foreign
	assert_eq "$(xattr "$MNT/foreign" user.s3.replication-status)" $word
done
set_replication_status a '' foreign
assert_errno "No such attribute" xattr "$MNT/foreign" user.s3.replication-status

# what is replicated here is this mount's to tell
echo text >"$MNT/Tax/own"
wait_repl
set_replication_status a FAILED Tax/own
assert_eq "$(xattr "$MNT/Tax/own" user.s3.replication-status)" COMPLETED
set_replication_status a PENDING Tax/foreign
assert_eq "$(xattr "$MNT/Tax/foreign" user.s3.replication-status)" PENDING

# a change of a replica
assert_eq "$(xattr "$MNT/replica" user.s3.replication-status)" REPLICA
sed -i 's/"Prefix": "Tax\/"/"Prefix": ""/; s/"DeleteMarkerReplication"/"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}, &/' \
	"$RULES"
fault b "op=* count=-1 action=status:503"
remount_crrfs attr_timeout=0,retry_max=1
set_xattr "$MNT/replica" user.s3.tag.class tax
assert_eq "$(xattr "$MNT/replica" user.s3.replication-status)" PENDING
no_faults b
