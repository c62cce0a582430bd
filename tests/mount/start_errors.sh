#!/bin/bash
# What is wrong at the start is said in one line before going to the background, with an exit status that is not 0.
. "$(dirname "$0")/lib.sh"
begin
mount_fails any profile=wrong
one_clear_line 'SignatureDoesNotMatch|AccessDenied|credential'
mount_fails any profile=nobody
one_clear_line nobody
mount_fails any '' no-such-bucket-here-$$
one_clear_line "no-such-bucket-here|NoSuchBucket"
mount_fails any url=http://127.0.0.1:9
one_clear_line '127\.0\.0\.1:9'
mount_fails any url=ftp://127.0.0.1
one_clear_line ftp
mount_fails 1 nonsense_option=1
one_clear_line nonsense_option
mount_fails any '' 'Bad_Bucket_Name'
one_clear_line 'Bad_Bucket_Name'
# the destination
make_destinations http://127.0.0.1:9
sed "s/profile = b/profile = nobody/" "$DESTINATIONS" >"$T/d"
good=$DESTINATIONS
DESTINATIONS=$T/d
mount_fails any
one_clear_line nobody
DESTINATIONS=$T/missing.conf
mount_fails any
one_clear_line missing.conf
printf '[%s]\nurl http://x\n' "$DST_ARN" >"$T/bad.conf"
DESTINATIONS=$T/bad.conf
mount_fails any
one_clear_line 'bad\.conf.*2'
DESTINATIONS=$good
make_destinations
# unversioned
third_bucket
s3 versioning b Suspended
mount_fails any
one_clear_line "[Vv]ersioning"
s3 versioning b Enabled , versioning a Suspended
mount_fails any
one_clear_line "[Vv]ersioning"
s3 versioning a Enabled
# usage
status=0
"$CRRFS" >"$T/out" 2>"$T/err" || status=$?
assert_eq $status 1 "exit status without arguments"
status=0
"$CRRFS" not-a-url "$MNT" >"$T/out" 2>"$T/err" || status=$?
assert_eq $status 1 "exit status for a strange bucket"
MNT=$T/not-there
mount_fails any
one_clear_line not-there
"$CRRFS" --help >"$T/out"
grep -q -- rules= "$T/out" || fail "--help does not tell of rules="
"$CRRFS" --version | grep -qi crrfs
