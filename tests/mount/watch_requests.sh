#!/bin/bash
# A cycle of the watch with nothing new costs one request for each page of 1000 versions and no other; where tags decide,
# they are asked for once for each new version; at most watch_pages pages are listed each time.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
s3 fill a k 1500
later() { [ "$(date +%s)" -gt "$1" ]; }
retry_until 10 later "$(($(date +%s) + 1))"
mount_crrfs watch=0.2
pages() { [ "$(count_requests a ListObjectVersions)" -ge "$1" ]; }
mark_requests
retry_until "$LONG" pages 8
requests a | cut -f1 | sort | uniq -c >"$T/idle"
assert_eq "$(awk '{ print $2 }' "$T/idle")" ListObjectVersions "requests of idle cycles"
printf text >"$T/x"
mark_requests
s3 put a new "$T/x" --tags class=other
retry_until "$LONG" pages 8
assert_requests a GetObjectTagging '' 1
assert_requests a HeadObject '' 0
# a cycle longer than its pages goes on at the next time
remount_crrfs watch=0.2,watch_pages=1
s3 put a zz "$T/x" --tags class=tax
there() { s3 exists b zz; }
retry_until "$LONG" there
