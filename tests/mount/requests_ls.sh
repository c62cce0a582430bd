#!/bin/bash
# ls -l of 10,000 keys that this mount wrote is 10 LIST and no HEAD; so it is after a remount.
# Keys that it never saw cost one HEAD each, once; none with posix_meta=no.
# first
# timeout: 600
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
keys=${LS_KEYS:-10000}
mount_crrfs attr_timeout=600 # on a slow machine, too, a folder is looked up once
mkdir "$MNT/many"
# with the marker many/ it is $keys keys
/usr/bin/python3 - "$MNT/many" $((keys - 1)) <<'END'
import sys
from concurrent.futures import ThreadPoolExecutor
def make(i):
    with open('%s/file-%05d' % (sys.argv[1], i), 'w') as file:
        file.write(str(i))
with ThreadPoolExecutor(8) as threads:
    list(threads.map(make, range(int(sys.argv[2]))))
END
# A page is 1000 keys; the gateway's are a few keys shorter, and only it knows by how many: as many as the public client needs.
pages=$(((keys + 999) / 1000))
if [ "$S3_SERVER" = rgw ]; then pages=$(s3 pages a many/); fi
look() { # folder files pages heads: the listing is complete and costs exactly this, and at most one LIST to find the folder itself
	local listing="max-keys=1000&prefix=$1%2F" got
	mark_requests
	assert_eq "$(ls -lU "$MNT/$1" | grep -c '^-')" "$2" "files in $1"
	assert_requests a HeadObject '' "$4"
	assert_requests a GetObject '' 0
	requests a | grep '^ListObjects' >"$T/lists" || true
	got=$(grep -c -- "$listing" "$T/lists") || true
	assert_eq "$got" "$3" "LIST for $1: $(cat "$T/lists")"
	got=$(grep -vc -- "$listing" "$T/lists") || true
	[ "$got" -le 1 ] || fail "$got lookups of $1, expected at most one: $(cat "$T/lists")"
}
look many $((keys - 1)) "$pages" 0
remount_crrfs attr_timeout=600
look many $((keys - 1)) "$pages" 0
# strangers
/usr/bin/python3 - <<'END'
import os, boto3
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
c = boto3.client('s3', endpoint_url=os.environ['S3_A_ENDPOINT'], aws_access_key_id=os.environ['S3_A_KEY'],
                 aws_secret_access_key=os.environ['S3_A_SECRET'], region_name=os.environ['S3_A_REGION'],
                 config=Config(s3={'addressing_style': 'path'}))
with ThreadPoolExecutor(4) as threads:
    list(threads.map(lambda i: c.put_object(Bucket=os.environ['S3_A_BUCKET'], Key='foreign/%03d' % i, Body=b'x'), range(300)))
END
look foreign 300 1 300
remount_crrfs attr_timeout=600 # what the state database knows
look foreign 300 1 0
umount_crrfs
rm -rf "$STATE"
mount_crrfs posix_meta=no,attr_timeout=600
look foreign 300 1 0
