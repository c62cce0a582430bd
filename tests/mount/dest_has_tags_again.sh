#!/bin/bash
# A destination that had no tags, or seemed to have none, is asked again: by a reload, by the next mount, by crrctl.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a server that loses its tags for a while"
begin
lost() { # what is remembered of b: no tags; file has its tag in the metadata
	lacks b tagging
	ctl rules reload "$MNT"
	set_xattr "$MNT/file" user.s3.tag.class "$1"
	wait_repl
	assert_eq "$(s3 meta b file crrfs-tags)" "class=$1"
	lacks b
}
tagged() {
	set_xattr "$MNT/file" user.s3.tag.class "$1"
	wait_repl
	assert_eq "$(s3 tags b file)" "class=$1" "the tags of the replica"
}
lacks b tagging
mount_crrfs
echo text >"$MNT/file"
wait_repl
lacks b
ctl rules reload "$MNT"
tagged reloaded
lost one
umount_crrfs
mount_crrfs
tagged mounted
# what crrctl learns is written down: the next mount has only a short look
lost two
ctl rules check --probe "$RULES" "$MNT" >"$T/out"
umount_crrfs
mark_requests
mount_crrfs
assert_requests b PutObjectTagging .crrfs-probe/ 0
tagged probed
# one in use that cannot be reached is no reason to refuse the rules
deny b GetBucketVersioning
deny b PutObject
ctl rules reload "$MNT"
allow b GetBucketVersioning
allow b PutObject
ctl rules reload "$MNT"
tagged allowed
