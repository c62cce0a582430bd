#!/bin/bash
# The service changes under us: keys expire in the middle of an upload and are replaced in their file, a clock is wrong, a
# bucket is deleted and made again.
# servers: s3d
. "$(dirname "$0")/lib.sh"
NEW_KEY=AKIATESTNEWKEY000000 NEW_SECRET=the-new-secret
S3D_OPTIONS_a=(--key "$NEW_KEY:$NEW_SECRET:$ACCOUNT_a") S3D_OPTIONS_b=(--key "$NEW_KEY:$NEW_SECRET:$ACCOUNT_b")
begin
third_bucket
make_rules all,markers
random_file "$T/big" 17000000

say "keys that expire while parts are on their way"
rotate() { # a|b
	sed -i "/^\\[$1\\]/,/^\\[/{s/^aws_access_key_id.*/aws_access_key_id = $NEW_KEY/;s/^aws_secret_access_key.*/aws_secret_access_key = $NEW_SECRET/}" \
		"$T/credentials"
}
options=retry_first=0.1,retry_max=0.5,heal_first=0.2,heal_max=1
cp "$T/credentials" "$T/credentials.old"
mount_crrfs $options
expire() { # a|b [KEY]
	s3d_admin "$1" settings PUT "expired-key=${2:-}"
}
for side in a b; do
	key=S3_${side^}_KEY
	# the second part is under way with the old key, and the others come with one that is good for nothing
	fault $side 'op=UploadPart skip=1 count=1 action=stall'
	cp "$T/big" "$MNT/rotated-$side" &
	writer=$!
	asked() { grep UploadPart "$T/s3d-$side.log"; }
	retry_until "$LONG" asked
	expire $side "${!key}"
	rotate $side
	no_faults $side
	wait $writer || fail "the program was told of it ($side)"
	wait_repl
	expire $side
done
# at the destination they may be bad for long: it waits, and goes on when the file has good ones
cp "$T/credentials.old" "$T/credentials"
expire b "$S3_B_KEY"
cp "$T/big" "$MNT/late"
says_why() { ctl status "$MNT" | grep ExpiredToken; }
retry_until "$LONG" says_why
rotate b
wait_repl
expire b
s3 compare
umount_crrfs
cp "$T/credentials.old" "$T/credentials"

say "a clock that is wrong"
refuse_begin
for off in 7200 -7200; do
	refuse "clock $off"
	mount_crrfs $options
	echo "clock $off" >"$MNT/clock"
	cat "$MNT/rotated-a" >/dev/null
	wait_repl
	# and is set right, and wrong again, while we look
	refuse
	echo "right" >"$MNT/clock"
	refuse "clock $((off * 2))"
	echo "wrong" >"$MNT/clock"
	cp "$T/big" "$MNT/clock-big"
	wait_repl
	umount_crrfs
	refuse
done
s3 compare

say "the bucket of a destination is deleted and made again"
make_rules all,to=c
mount_crrfs $options
s3 rmbucket c
echo one >"$MNT/remade"
failed() { [[ $(xattr "$MNT/remade" "user.s3.replication.$DST2") == FAILED* ]]; }
retry_until "$LONG" failed
third_bucket
healed() { [[ $(xattr "$MNT/remade" "user.s3.replication.$DST2") == COMPLETED* ]]; }
retry_until "$LONG" healed
wait_repl
assert_eq "$(s3 exists c remade && echo there)" there

say "that of the source is deleted: errors, and nothing looks as if it was removed"
ls "$MNT" >"$T/names"
s3 rmbucket a
assert_fails ls "$MNT"
assert_fails cp "$T/credentials" "$MNT/new"
assert_fails cat "$MNT/never-seen"
s3 mkbucket a --versioned
echo again >"$MNT/again"
wait_repl
assert_eq "$(ls "$MNT")" again
assert_eq "$(s3 exists c again && echo there)" there

umount_crrfs
