#!/bin/bash
# servers: s3d
# durability=replicas: a replica that FAILED is an error of close at once; the version stays queued.
. "$(dirname "$0")/lib.sh"
only_on s3d "permissions"
begin
mount_crrfs durability=replicas,replicas_wait=10000,heal_first=80000
deny b PutObject
assert_errno "Input/output error" dd if="$T/credentials" of="$MNT/f" status=none
assert_eq "$(xattr "$MNT/f" user.s3.replication-status)" FAILED
allow b PutObject
ctl retry "$MNT"
wait_repl
assert_versions f 1
