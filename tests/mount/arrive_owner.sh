#!/bin/bash
# Owner override: the source's ACL stays behind, the bucket's owner gets full control, and the account of the rule is
# checked by the destination. Later changes of the ACL do not follow.
. "$(dirname "$0")/lib.sh"
ACCOUNT_b=444455556666
begin
make_rules tag=go:yes,account=$ACCOUNT_b,owner
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/x"
s3 put a public "$T/x" --acl public-read , mput a public-big "$T/big" 5242880,rest --acl public-read
mount_crrfs
mark_requests
let_go public public-big
wait_repl
s3 put b probe "$T/x"
owner=$(s3 acl b probe | sed -n 's/^owner //p')
for key in public public-big; do
	assert_eq "$(s3 acl b $key)" "owner $owner"$'\n'"FULL_CONTROL $owner" "ACL of $key"
done
assert_requests a GetObjectAcl '' 0
assert_requests b PutObjectAcl '' 0
if [ "$S3_SERVER" = rgw ]; then exit 0; fi # it does not look at x-amz-expected-bucket-owner
# somebody else's bucket gets nothing
umount_crrfs
make_rules tag=go:yes,account="$OTHER_ACCOUNT",owner
mount_crrfs
s3 put a later "$T/x" , mput a later-big "$T/big" 5242880,rest
let_go later later-big
for key in later later-big; do
	failed() { [ "$(xattr "$MNT/$key" user.s3.replication-status)" = FAILED ]; }
	retry_until "$LONG" failed
	if s3 exists b $key; then fail "$key went to the wrong account"; fi
done
ctl queue "$MNT" | grep -q AccessDenied || fail "no reason: $(ctl queue "$MNT")"
