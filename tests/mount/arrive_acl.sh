#!/bin/bash
# ACLs follow: canned ones by header, grants with the destination's owner in the place of the source's, and what a
# destination cannot take is the nearest that it can.
. "$(dirname "$0")/lib.sh"
ACCOUNT_b=444455556666
S3D_OPTIONS_a=(--account 777766665555)
begin
make_rules tag=go:yes
echo text >"$T/x"
random_file "$T/big" $((9 * 1024 * 1024))
keys=(private public public-big users mixed)
s3 put a private "$T/x" , put a public "$T/x" --acl public-read , mput a public-big "$T/big" 5242880,rest --acl public-read \
	, put a users "$T/x" --acl authenticated-read , put a mixed "$T/x"
owner_a=$(s3 acl a private | sed -n 's/^owner //p')
if [ "$S3_SERVER" = s3d ]; then
	friend=$(canonical_id "$OTHER_ACCOUNT") stranger=$(canonical_id 777766665555)
	s3 putacl a mixed "FULL_CONTROL:$owner_a,READ:$friend,READ_ACP:$friend"
	s3 put a unknown "$T/x" , putacl a unknown "FULL_CONTROL:$owner_a,READ:$stranger"
	keys+=(unknown)
else
	s3 putacl a mixed "FULL_CONTROL:$owner_a"
fi
mount_crrfs
mark_requests
let_go "${keys[@]}"
wait_repl
grants() { s3 acl "$1" "$2" | sed "s/${3}/OWNER/g"; }
s3 put b probe "$T/x"
owner_b=$(s3 acl b probe | sed -n 's/^owner //p')
for key in private public public-big users mixed; do
	assert_eq "$(grants b $key "$owner_b")" "$(grants a $key "$owner_a")" "ACL of $key"
done
# canned ones cost no request of their own
assert_requests b 'PutObjectAcl|GetObjectAcl' pu 0
assert_requests b 'PutObjectAcl|GetObjectAcl' priv 0
if [ "$S3_SERVER" = s3d ]; then
	# nobody whom the destination knows: the owner alone
	assert_eq "$(grants b unknown "$owner_b")" $'owner OWNER\nFULL_CONTROL OWNER' "ACL of unknown"
	replicated "$MNT/unknown" || fail "unknown is not COMPLETED"
fi
