#!/bin/bash
# ls -l of 10,000 keys that this mount wrote is 10 LIST and no HEAD; so it is after a remount.
# Keys that it never saw cost one HEAD each, once; none with posix_meta=no.
# first
# timeout: 600
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
keys=${LS_KEYS:-10000}
mount_crrfs
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
lists=$(((keys + 999) / 1000))
look() { # the listing is complete and costs this much
	mark_requests
	assert_eq "$(ls -lU "$MNT/$1" | grep -c '^-')" "$2" "files in $1"
	assert_requests a HeadObject '' "$4"
	assert_requests a GetObject '' 0
	local got
	got=$(count_requests a 'ListObjects(V2)?')
	[ "$got" -le "$3" ] || {
		requests a | head -50 >&2
		fail "$got LIST for $1, expected $3"
	}
}
look many $((keys - 1)) "$lists" 0
remount_crrfs
look many $((keys - 1)) $((lists + 1)) 0
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
look foreign 300 2 300
sleep 1.1 # attributes are cached for a second; the point here is what the state database knows
look foreign 300 2 0
umount_crrfs
rm -rf "$STATE"
mount_crrfs posix_meta=no
look foreign 300 2 0
