#!/bin/bash
# What ETags cannot prove (other parts, encryption), checksums of both servers prove; where there are none crrctl verify
# says that it does not know, and with --deep reads the bytes: one that is flipped is found.
. "$(dirname "$0")/lib.sh"
begin
where=(--url "$S3_A_ENDPOINT" --region "$S3_A_REGION" --path-style --profile a --destinations "$DESTINATIONS"
	--rules "$RULES")
verify() { # status [ARGUMENT...]
	local status=0 expected=$1
	shift
	ctl verify "${where[@]}" "$@" "s3://$SRC" >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = "$expected" ] || fail "status $status instead of $expected: $(cat "$T/out" "$T/err")"
}
sum() { echo "x-amz-checksum-sha256:$(openssl dgst -sha256 -binary "$1" | base64)"; } # FILE
# A pair as a replicator makes it, of two bodies: pair KEY SOURCE DESTINATION [OPTION OF THE DESTINATION...]
pair() {
	local key=$1 here=$2 there=$3 version
	shift 3
	s3 put a "$key" "$here" --header "$(sum "$here")"
	version=$(s3 version-id a "$key")
	s3 put b "$key" "$there" crrfs-replica-of="$SRC" crrfs-source-version="$version" "$@"
}
in_parts() { s3 remake b "$1" "$(s3 version-id b "$1")" - --parts "$2"; } # KEY BYTES

random_file "$T/body" 12000000
cp "$T/body" "$T/flipped"
printf '\377' | dd of="$T/flipped" bs=1 seek=11999990 conv=notrunc status=none
cmp -s "$T/body" "$T/flipped" && printf '\0' | dd of="$T/flipped" bs=1 seek=11999990 conv=notrunc status=none
pair same "$T/body" "$T/body"
in_parts same 6000000
pair other "$T/body" "$T/flipped"
in_parts other 6000000
verify 0
assert_match "$(cat "$T/out")" '^0 equal, 0 different, 0 missing, 0 extra, 0 behind, 2 unproved' "not known"
grep -q -- --deep "$T/err"
mark_requests
verify 2 --deep
assert_eq "$(grep -c ^differs "$T/out")" 1 "lines ($(cat "$T/out"))"
grep -q "^differs other .* at $DST_ARN: bytes\$" "$T/out"
assert_match "$(tail -n1 "$T/out")" '^1 equal, 1 different, 0 missing' "known"
# in ranges: nothing is held in one piece
[ "$(count_requests a GetObject same)" -ge 10 ] || fail "not in ranges: $(requests a)"

if [ "$S3_SERVER" = s3d ]; then # the gateway keeps no checksums
	say "checksums, where the destination encrypts and its ETag is no MD5"
	key=(--sse aws:kms --sse-key arn:aws:kms:eu-west-1:111122223333:key/1)
	make_rules prefix=sum/
	pair sum/same "$T/body" "$T/body" "${key[@]}"
	pair sum/other "$T/body" "$T/flipped" "${key[@]}"
	verify 0
	assert_match "$(cat "$T/out")" '^0 equal, .* 2 unproved' "one side has none"
	s3 rm b sum/same "$(s3 version-id b sum/same)" , rm b sum/other "$(s3 version-id b sum/other)"
	pair sum/same "$T/body" "$T/body" "${key[@]}" --header "$(sum "$T/body")"
	pair sum/other "$T/body" "$T/flipped" "${key[@]}" --header "$(sum "$T/flipped")"
	mark_requests
	verify 2 --current-only
	assert_match "$(tail -n1 "$T/out")" '^1 equal, 1 different, 0 missing' "both have one"
	grep -q "^differs sum/other .* at $DST_ARN: bytes\$" "$T/out"
	assert_requests a GetObject '' 0
fi
