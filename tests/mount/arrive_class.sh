#!/bin/bash
# A replica has its source's storage class, or the one that the rule gives; a class that the destination does not have
# is FAILED with the reason until it does.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=go:yes,priority=1 tag=cold:yes,class=ONEZONE_IA,priority=2 prefix=own/,class=STANDARD,priority=3
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/x"
s3 put a standard "$T/x" , put a ia "$T/x" --class STANDARD_IA , mput a big "$T/big" 5242880,rest --class STANDARD_IA \
	, put a moved "$T/x" --class STANDARD_IA --tags cold=yes , put a own/back "$T/x" --class STANDARD_IA
mount_crrfs
let_go standard ia big moved own/back
echo text >"$MNT/own/new"
cp "$T/big" "$MNT/own/big"
wait_repl
class_of() { s3 head b "$1" | sed -n 's/^storage-class: //p'; }
assert_eq "$(class_of standard) $(class_of ia) $(class_of big)" "STANDARD STANDARD_IA STANDARD_IA" "as the source"
assert_eq "$(class_of moved) $(class_of own/back)" "ONEZONE_IA STANDARD" "the rule's"
assert_eq "$(class_of own/new) $(class_of own/big)" "STANDARD STANDARD" "of files"
[ "$S3_SERVER" = s3d ] || exit 0
# a destination with one class only
lacks b classes
s3 put a rare "$T/x" --class STANDARD_IA , mput a rare-big "$T/big" 5242880,rest --class STANDARD_IA
let_go rare rare-big
for key in rare rare-big; do
	failed() { [ "$(xattr "$MNT/$key" user.s3.replication-status)" = FAILED ]; }
	retry_until "$LONG" failed
	if s3 exists b $key; then fail "$key is there in another class"; fi
done
assert_eq "$(ctl queue "$MNT" | grep -c InvalidStorageClass)" 2 "reasons in the queue"
lacks b
ctl retry "$MNT"
wait_repl
assert_arrived rare rare-big
# unless its default is said to be good enough
lacks b classes
umount_crrfs
sed -i "/^\[$DST_ARN\]/a class_fallback = yes" "$DESTINATIONS"
mount_crrfs
s3 put a meek "$T/x" --class STANDARD_IA , mput a meek-big "$T/big" 5242880,rest --class STANDARD_IA
let_go meek meek-big
wait_repl
assert_eq "$(class_of meek) $(class_of meek-big)" "STANDARD STANDARD" "fallback"
