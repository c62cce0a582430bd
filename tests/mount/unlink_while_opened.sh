#!/bin/bash
# servers: s3d
# rm of a file while its first open(2) waits for the source, in vain: what rm answered is what the source then has.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
make_rules all,markers
mount_crrfs attr_timeout=600,timeout=5,retry_first=0.1,retry_max=0.2,posix_meta=no
echo text >"$T/text"
s3 put a file "$T/text"
ls "$MNT" >"$T/names"
stat "$MNT/file" >"$T/stat"
fault a "op=HeadObject count=-1 action=status:503" "op=GetObjectTagging count=-1 action=status:503"
mark_requests
/usr/bin/python3 -c 'import os, sys; os.open(sys.argv[1], os.O_WRONLY)' "$MNT/file" 2>"$T/open.err" &
pid=$!
asked() { [ "$(count_requests a "HeadObject|GetObjectTagging" file)" -ge 1 ]; }
retry_until "$LONG" asked
rm "$MNT/file"
if wait $pid; then fail "the open needed the source, and had an answer"; fi
no_faults a
assert_eq "$(s3 keys a '')" "" "keys at the source after rm"
assert_eq "$(s3 count-versions a file , count-markers a file | tr "\n" " ")" "1 1 " "versions and delete markers at the source"
