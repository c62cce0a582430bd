#!/bin/bash
# Folders of .versions that are longer than a page: 1,200 versions of 400 keys, 1,100 of one key that is a folder
# as well. Each name once, nothing missing, in pages of versions and nothing else: no request for a single object.
# timeout: 600
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
V=$MNT/.versions
/usr/bin/python3 - <<'END'
import os, boto3
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
c = boto3.client('s3', endpoint_url=os.environ['S3_A_ENDPOINT'], aws_access_key_id=os.environ['S3_A_KEY'],
                 aws_secret_access_key=os.environ['S3_A_SECRET'], region_name=os.environ['S3_A_REGION'],
                 config=Config(s3={'addressing_style': 'path'}))
bucket = os.environ['S3_A_BUCKET']
def put(key, n):
    for i in range(n):
        c.put_object(Bucket=bucket, Key=key, Body=b'%d' % i)
with ThreadPoolExecutor(8) as threads:
    list(threads.map(lambda i: put('many/%03d' % i, 3), range(400)))
    list(threads.map(lambda i: put('hot/key', 110), range(10)))
    list(threads.map(lambda i: put('hot/key' + i, 1), ['/below', '-1', '.txt']))
    # gone, all but their past
    list(threads.map(lambda i: c.delete_object(Bucket=bucket, Key='many/%03d' % i), range(100)))
END
mount_crrfs
assert_eq "$(ls "$MNT/many" | wc -l)" 300 "files now"
mark_requests
ls -lU "$V/many" >"$T/many"
assert_requests a 'HeadObject|GetObject|ListObjects.*' '' 0
assert_requests a ListObjectVersions '' 4 # to find "many"; its own versions, as a key; 1,300 in two pages
for i in $(seq 0 399); do printf '%03d\n' "$i"; done >"$T/expected"
awk 'NR > 1 { print $NF }' "$T/many" | sort >"$T/names"
assert_file_equal "$T/expected" "$T/names"

ls -U "$V/hot" >"$T/hot"
[ "$(LC_ALL=C sort "$T/hot" | tr '\n' ' ')" = "key key-1 key.txt " ] || {
	requests a >&2
	fail "each name once, over the pages: $(cat -A "$T/hot")"
}
mark_requests
ls -lU "$V/hot/key" >"$T/hot"
assert_requests a 'HeadObject|GetObject|ListObjects.*' '' 0
s3 versions a hot/key | awk -F'\t' '$1 == "hot/key" { print $2 }' | sort >"$T/expected"
assert_eq "$(wc -l <"$T/expected")" 1100 "versions of one key"
awk 'NR > 1 { print $NF }' "$T/hot" | grep '~' | sed 's/^[^~]*~//' | sort >"$T/names"
sed -i 's/%7E/~/g' "$T/names"
assert_file_equal "$T/expected" "$T/names"
assert_eq "$(awk 'NR > 1 { print $NF }' "$T/hot" | grep -v '~')" below
# every deleted one's past
assert_eq "$(find "$V/many/007" -name '*.deleted' | wc -l)" 1
rest=("$V"/many/007/*~*) # sorted
assert_eq "$(cat "${rest[@]:0:3}")" 012
