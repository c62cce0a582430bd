#!/bin/bash
# A mount without rules: it says so, replicates nothing, and takes rules at the next mount.
. "$(dirname "$0")/lib.sh"
begin
saved=$RULES
base_options() {
	printf 'url=%s,region=%s,use_path_request_style,profile=a,destinations=%s,state=%s' \
		"$S3_A_ENDPOINT" "$S3_A_REGION" "$DESTINATIONS" "$STATE"
}
mount_crrfs
line_of "$MOUNT_LOG" 'rules=none' >"$T/out"
echo 1 >"$MNT/before"
wait_repl
assert_eq "$(ctl rules show "$MNT")" "no rules: nothing is replicated" "crrctl rules show"
assert_match "$(ctl rules explain "$MNT/before")" "no rules: nothing is replicated" "crrctl rules explain"
assert_errno "No such attribute" xattr "$MNT/before" user.s3.replication-status
ctl rules reload "$MNT"
umount_crrfs
assert_eq "$(s3 keys b)" "" "what was replicated"
mount_crrfs "rules=$saved"
echo 1 >"$MNT/after"
wait_repl
umount_crrfs
assert_eq "$(s3 keys b)" after "what was replicated"
