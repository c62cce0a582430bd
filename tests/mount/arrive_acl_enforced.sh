#!/bin/bash
# A destination whose bucket owner is enforced takes no ACLs: replicas get its owner's, and the log says so once.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "PutBucketOwnershipControls"
make_rules tag=go:yes
echo text >"$T/x"
owner=$(s3 put a public "$T/x" --acl public-read , put a public2 "$T/x" --acl public-read , put a grants "$T/x" \
	, acl a grants | sed -n 's/^owner //p')
s3 putacl a grants "FULL_CONTROL:$owner,READ:$(canonical_id "$OTHER_ACCOUNT")" , ownership b BucketOwnerEnforced
mount_crrfs
let_go public grants
wait_repl
let_go public2
wait_repl
s3 compare --tag go=yes
for key in public public2 grants; do replicated "$MNT/$key" || fail "$key is not COMPLETED"; done
assert_eq "$(grep -c 'acl=no' "$MOUNT_LOG")" 1 "lines about it in the log"
