#!/bin/bash
# crrctl rules put, get, delete: the configuration that the bucket itself keeps, with S3's checks before anything is put.
. "$(dirname "$0")/lib.sh"
begin
where=(--url "$S3_A_ENDPOINT" --region "$S3_A_REGION" --profile a --path-style --destinations "$DESTINATIONS")
rules() { ctl rules "${where[@]}" "$@" "s3://$SRC"; }
refused() { # words command...: the message, on one line
	local words=$1
	shift
	assert_fails rules "$@"
	grep -qF -- "$words" "$T/err" || fail "expected '$words' from: $*; got: $(cat "$T/err")"
}
refused "The replication configuration was not found" get
make_rules prefix=Tax/,id=tax
rules put "$RULES" 2>"$T/err"
assert_eq "$(cat "$T/err")" "" "what was said of the rules"
rules get >"$T/got.xml"
rules get --json >"$T/got.json"
assert_match "$(cat "$T/got.xml")" "<ReplicationConfiguration .*<Prefix>Tax/</Prefix>" "the XML"
assert_match "$(cat "$T/got.json")" '"ReplicationConfiguration"' "the JSON"
# both can be put again, and say the same
for form in xml json; do
	ctl rules check "$T/got.$form" >"$T/reading.$form" || {
		# what this server has not kept (Ceph: the role) is told
		[ "$S3_SERVER" = rgw ] || fail "what get prints is not what put takes"
	}
done
[ "$S3_SERVER" = rgw ] || assert_file_equal "$T/reading.xml" "$T/reading.json"
# the witness
s3 getrules a >"$T/out"
assert_match "$(cat "$T/out")" '"ID": "tax"' "what boto3 sees"
assert_match "$(cat "$T/out")" "\"Bucket\": \"$DST_ARN\"" "what boto3 sees"
# the mount takes them from there
plain=$RULES
RULES=bucket
mount_crrfs
mkdir "$MNT/Tax"
echo 1 >"$MNT/Tax/a"
echo 1 >"$MNT/b"
wait_repl
RULES=$plain
make_rules prefix=,id=all
ctl rules put "$plain" "$MNT"
ctl rules reload "$MNT"
echo 1 >"$MNT/c"
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "Tax/ Tax/a c " "what was replicated"
umount_crrfs
# refused before anything is put
make_rules prefix=x
sed -i 's/"Enabled"/"On"/' "$RULES"
refused "MalformedXML" put "$RULES"
make_rules prefix=x,to=c
refused "InvalidRequest: Destination bucket must exist." put "$RULES"
s3 mkbucket c
refused "InvalidRequest: Destination bucket must have versioning enabled." put "$RULES"
make_rules prefix=x
sed -i "s/$DST/$SRC/" "$RULES" "$DESTINATIONS"
sed -i "s#^url = .*#url = $S3_A_ENDPOINT#" "$DESTINATIONS"
sed -i 's/^profile = b/profile = a/' "$DESTINATIONS"
refused "InvalidRequest: Destination bucket cannot be the same as the source bucket." put "$RULES"
make_destinations
assert_match "$(rules get)" "<ID>all</ID>" "what stayed"
# what a server does not keep is said: Ceph has no deletions and no prefix of version 1
if [ "$S3_SERVER" = rgw ]; then
	make_rules all,id=m,markers
	rules put "$RULES" 2>"$T/err"
	assert_match "$(cat "$T/err")" 'warning: kept as "1. m: all objects' "what was said of the rules"
	cat >"$RULES" <<-END
		{"Role": "arn:aws:iam::123456789012:role/crr",
		 "Rules": [{"ID": "v1", "Prefix": "Tax/", "Status": "Enabled", "Destination": {"Bucket": "$DST_ARN"}}]}
	END
	refused "Rule has neither Filter nor Prefix" put "$RULES"
fi
# the end of it
rules delete
refused "The replication configuration was not found" get
make_rules prefix=x
s3 versioning a Suspended
refused "InvalidRequest: Versioning must be 'Enabled' on the bucket to apply a replication configuration" put "$RULES"
s3 versioning a Enabled
refused "SignatureDoesNotMatch" get --profile wrong
