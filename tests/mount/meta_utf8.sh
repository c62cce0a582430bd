#!/bin/bash
# Metadata beyond ASCII, put there as UTF-8 by other programs, stays with the file through chmod and rename, and reaches
# the destination.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=

# boto3 refuses to send it: signed by botocore, sent by hand
put_utf8() { # key value
	/usr/bin/python3 - "$@" <<'EOF'
import http.client
import os
import sys
import urllib.parse
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

key, value = sys.argv[1:]
url = '%s/%s/%s' % (os.environ['S3_A_ENDPOINT'], os.environ['S3_A_BUCKET'], key)
request = AWSRequest('PUT', url, data=b'text\n', headers={'x-amz-meta-name': value, 'content-length': '5'})
credentials = Credentials(os.environ['S3_A_KEY'], os.environ['S3_A_SECRET'])
S3SigV4Auth(credentials, 's3', os.environ['S3_A_REGION']).add_auth(request)
where = urllib.parse.urlsplit(url)
connection = http.client.HTTPConnection(where.netloc)
connection.putrequest('PUT', where.path, skip_accept_encoding=True)
for header in request.headers:
    connection.putheader(header, request.headers[header].encode())
connection.endheaders(b'text\n')
answer = connection.getresponse()
sys.exit(0 if answer.status == 200 else 'PUT: %d %s' % (answer.status, answer.read().decode()))
EOF
}

value='Größe 3 €, 文件 😀'
on_the_wire=$(printf %s "$value" | iconv -f latin1 -t utf-8) # as boto3 shows bytes of headers
put_utf8 file "$value"
mount_crrfs
assert_eq "$(s3 meta a file name)" "$on_the_wire" "as it was made"
chmod 600 "$MNT/file"
mv "$MNT/file" "$MNT/renamed"
wait_repl
assert_eq "$(s3 meta a renamed name)" "$on_the_wire" "renamed, at the source"
assert_eq "$(s3 meta b renamed name)" "$on_the_wire" "renamed, at the destination"
assert_eq "$(cat "$MNT/renamed")" text
s3 compare --may-stay file
