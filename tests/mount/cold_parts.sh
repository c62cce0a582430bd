#!/bin/bash
# A large object that is read back from the source: several parts are on their way at a time, each read once and sent once.
# When one of them fails, those that arrived are not sent again.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
mount_crrfs retry_first=0.2,retry_max=0.5,max_attempts=1
random_file "$T/big" $((41 * 1024 * 1024))
sizes=5242880,5242880,5242880,5242880,5242880,5242880,5242880,rest
s3 mput a big "$T/big" $sizes , mput a again "$T/big" $sizes
mark_requests
fault b "op=UploadPart count=100 action=stall"
ctl resync "$MNT" --prefix big >/dev/null
under_way() { # at least N parts
	local left
	s3d_admin b faults GET
	left=$(sed -n 's/.*count=\([0-9]*\).*/\1/p' "$T/s3d.out")
	[ $((100 - left)) -ge "$1" ]
}
retry_until "$LONG" under_way 4
no_faults b
wait_repl
assert_requests b UploadPart big 8
assert_requests a GetObject big 8
assert_eq "$(sum_bytes b UploadPart big)" "$(stat -c %s "$T/big")" "bytes sent"

mark_requests
fault b "op=UploadPart skip=3 count=1 action=status:503:SlowDown"
ctl resync "$MNT" --prefix again >/dev/null
wait_repl
assert_requests b UploadPart again 9
assert_requests b CreateMultipartUpload again 1
s3 compare
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts of source and replica"
assert_eq "$(s3 uploads b)" "" "unfinished uploads"
