#!/bin/bash
# What is wrong with a destination is said at the mount, before data is written; what the probe wrote is gone after it.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "denied operations"
begin
third_bucket
PROBE=.crrfs-probe/

untouched() {
	assert_eq "$(s3 versions b , uploads b , versions c , uploads c)" "" "what is left at the destinations"
}

refused() { # regex: mount fails with these words; nothing was written
	rm -rf "$STATE"
	mount_fails any
	one_clear_line "$1"
	untouched
}

gone() { ! pgrep -f -- "^$CRRFS s3://$SRC " >/dev/null; }

# warned REGEX [fresh]: it mounts in the background and says this on the terminal ("" = nothing)
warned() {
	MOUNTS+=("$MNT")
	[ -z "${2:-}" ] || rm -rf "$STATE"
	timeout "$LONG" "$CRRFS" "s3://$SRC" "$MNT" -o "$(base_options)" </dev/null >"$T/out" 2>"$T/err" ||
		fail "no mount: $(cat "$T/err")"
	unmount_now "$MNT"
	retry_until "$LONG" gone
	if [ -n "$1" ]; then one_clear_line "$1"; else assert_eq "$(cat "$T/err")" "" "words"; fi
}

# all is well: no words; asked for at length once, then in short
mark_requests
warned "" fresh
untouched
[ "$(count_requests b 'PutObject.*' $PROBE)" -gt 3 ] || fail "not probed"
mark_requests
warned ""
untouched
assert_requests b PutObject $PROBE 1
assert_requests b PutObjectTagging $PROBE 0
assert_requests b GetBucketVersioning '' 1

# permissions, also such as were there the last time
deny b PutObject
warned "warning: .*'$DST'.*s3:PutObject"
allow b PutObject
deny b PutObjectTagging
warned "warning: .*'$DST'.*s3:PutObjectTagging" fresh
allow b PutObjectTagging
deny b PutObjectAcl
warned "warning: .*'$DST'.*s3:PutObjectAcl" fresh
untouched
allow b PutObjectAcl

# buckets and credentials
deny b GetBucketVersioning
deny b PutObject
refused "'$DST'.*403 AccessDenied.*policy"
allow b GetBucketVersioning
allow b PutObject
s3 versioning b Suspended
refused "'$DST'.*must have versioning enabled.*put-bucket-versioning.*unversioned_ok"
s3 versioning b Enabled
cp "$DESTINATIONS" "$T/good.conf"
sed -i '0,/profile = b/s//profile = wrong/' "$DESTINATIONS"
refused "'$DST'.*InvalidAccessKeyId.*credentials"
cp "$T/good.conf" "$DESTINATIONS"
S3_B_BUCKET=none-$DST make_rules all
sed -i "s/$DST\"/nothing-$DST\"/" "$RULES"
sed "s/$DST\]/nothing-$DST]/" "$T/good.conf" >"$DESTINATIONS"
refused "'nothing-$DST'.*NoSuchBucket.*create it"
cp "$T/good.conf" "$DESTINATIONS"
make_rules all
sed -i "s/$DST\"/$SRC\"/" "$RULES"
refused "$SRC_ARN is the source bucket itself"

# one that does not answer is no reason not to mount; what it can do is asked before the first copy
proxy_start
make_rules all
make_destinations "$PROXY_URL"
proxy_down
warned "warning: .*'$DST'.*unreachable" fresh
lacks b tagging
mount_crrfs
printf hello >"$T/f"
(
	cd "$MNT"
	mkdir Tax
	: >Tax/f
	set_xattr Tax/f user.s3.tag.class tax
	cat "$T/f" >Tax/f
)
proxy_up
wait_repl
assert_eq "$(s3 meta b Tax/f crrfs-tags)" class=tax
umount_crrfs
lacks b

# rules that are read again are looked at in the same way
s3 rm b Tax/f , versioning c Suspended
make_destinations
make_rules prefix=Tax/
mount_crrfs
make_rules prefix=Tax/ to=c
assert_fails ctl rules reload "$MNT"
assert_match "$(cat "$T/err")" "'$DST2'.*must have versioning enabled"
s3 versioning c Enabled
mark_requests
ctl rules reload "$MNT"
[ "$(count_requests c 'PutObject.*' $PROBE)" -gt 3 ] || fail "the new destination was not probed"
assert_eq "$(s3 versions c)" "" "what is left"
