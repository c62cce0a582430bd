#!/bin/bash
# What is copied at the destination carries what a replica that was sent carries: lock, ACL, class, encryption, owner.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "keys, classes and locks in one bucket"
S3D_BUCKET_a=lock S3D_BUCKET_b=lock
begin
key_a=arn:aws:kms:us-east-1:111122223333:key/aaaa key_b=arn:aws:kms:eu-west-1:111122223333:key/bbbb
kms_key a $key_a enabled
kms_key b $key_b enabled
make_rules prefix=kms/,kms=$key_b prefix=ia/,class=STANDARD_IA prefix=plain/
random_file "$T/big" $((11 * 1024 * 1024))
random_file "$T/small" 50000
random_file "$T/edit" 4096 edit
for dir in kms ia plain; do
	sse=()
	[ $dir != kms ] || sse=(--sse aws:kms --sse-key "$key_a")
	s3 put a $dir/small "$T/small" ${sse[@]+"${sse[@]}"} , mput a $dir/big "$T/big" 5242880,rest ${sse[@]+"${sse[@]}"}
done
mount_crrfs
ctl resync "$MNT" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
everything() { [ "$(s3 keys b | wc -l)" = 6 ]; }
retry_until "$LONG" everything
wait_repl
mark_requests
for dir in kms ia plain; do
	set_xattr "$MNT/$dir/small" user.s3.acl public-read
	set_xattr "$MNT/$dir/big" user.s3.acl public-read
	wait_repl
	for name in small big; do
		mv "$MNT/$dir/$name" "$MNT/$dir/new-$name"
		chmod 600 "$MNT/$dir/new-$name"
	done
done
wait_repl
assert_eq "$(count_bodies b)" 0 "bodies sent to b"
for name in small big; do
	for dir in kms ia plain; do
		s3 get b $dir/new-$name "$T/got"
		assert_file_equal "$T/$name" "$T/got"
		assert_eq "$(s3 acl b $dir/new-$name)" "$(s3 acl a $dir/new-$name)" "ACL of $dir/new-$name"
		s3 head b $dir/new-$name >"$T/head.$dir"
	done
	grep -qx "sse-key: $key_b" "$T/head.kms" || fail "not under the rule's key: $(cat "$T/head.kms")"
	grep -q STANDARD_IA "$T/head.ia" || fail "the class is lost: $(cat "$T/head.ia")"
done

# a retention that the bucket gives to the new name
umount_crrfs
s3 lockconf a GOVERNANCE:2
mount_crrfs
mv "$MNT/plain/new-small" "$MNT/plain/kept-small"
mv "$MNT/plain/new-big" "$MNT/plain/kept-big"
for path in "$T/big" "$MNT/plain/kept-big"; do dd if="$T/edit" of="$path" bs=4096 seek=100 conv=notrunc status=none; done
wait_repl
for name in small big; do
	assert_match "$(s3 lock b plain/kept-$name)" 'retention GOVERNANCE' "lock of $name"
	assert_eq "$(s3 lock b plain/kept-$name)" "$(s3 lock a plain/kept-$name)" "lock of $name"
	s3 get b plain/kept-$name "$T/got"
	assert_file_equal "$T/$name" "$T/got"
done
# (a locked bucket refuses the first part that comes without a Content-MD5)
requests b | awk -F'\t' '$1 == "UploadPart" && $3 == 200' >"$T/sent"
assert_eq "$(wc -l <"$T/sent")" 1 "parts sent to b: $(cat "$T/sent")"
