#!/bin/bash
# A permanent error parks the row as FAILED with S3's reason; crrctl retry sends it once the cause is gone.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=b prefix=Both/,to=c
cat >>"$T/credentials" <<-END
	[turned]
	aws_access_key_id = $S3_B_KEY
	aws_secret_access_key = $S3_B_SECRET
END
mount_crrfs
mkdir "$MNT/Both"
wait_repl
# the destination bucket goes away: first its objects, then itself
/usr/bin/python3 - <<'END'
import boto3, os
from botocore.config import Config
c = boto3.client('s3', endpoint_url=os.environ['S3_C_ENDPOINT'], aws_access_key_id=os.environ['S3_C_KEY'],
                 aws_secret_access_key=os.environ['S3_C_SECRET'], region_name=os.environ['S3_C_REGION'],
                 config=Config(s3={'addressing_style': 'path'}))
b = os.environ['S3_C_BUCKET']
for v in c.list_object_versions(Bucket=b).get('Versions', []):
    c.delete_object(Bucket=b, Key=v['Key'], VersionId=v['VersionId'])
c.delete_bucket(Bucket=b)
END
echo text >"$MNT/Both/file"
failed() { [ "$(xattr "$MNT/Both/file" user.s3.replication-status)" = FAILED ]; }
retry_until "$LONG" failed
assert_match "$(xattr "$MNT/Both/file" "user.s3.replication.$DST2")" FAILED
assert_match "$(ctl queue "$MNT")" NoSuchBucket "crrctl queue"
assert_match "$(ctl status "$MNT")" NoSuchBucket "crrctl status"
s3 compare --to b
# what comes after it waits behind it, and nobody waits for that
echo more >"$MNT/Both/file"
status=0
ctl wait --timeout "$LONG" "$MNT" || status=$?
assert_eq $status 2 "status of crrctl wait while something is FAILED"
third_bucket
ctl retry "$MNT"
wait_repl
assert_eq "$(xattr "$MNT/Both/file" user.s3.replication-status)" COMPLETED
s3 compare --to c --prefix Both/file --extra-ok
