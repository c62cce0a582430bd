#!/bin/bash
# A destination that is dead does not hold up a resync for the others; where it is the only one, the walk waits for it.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=b all,to=c
s3 fill a k 2300
proxy_start c
make_destinations
awk -v arn="[$DST2_ARN]" -v url="$PROXY_URL" '/^\[/ { at = $0 == arn } at && /^url/ { $0 = "url = " url } 1' \
	"$DESTINATIONS" >"$T/new"
mv "$T/new" "$DESTINATIONS"
mount_crrfs
proxy_down
ctl resync "$MNT" >"$T/out"
all_there() { [ "$(s3 keys "$1" | wc -l)" = 2300 ]; }
retry_until "$LONG" all_there b
assert_eq "$(s3 keys c)" ""
proxy_up
retry_until "$LONG" all_there c
