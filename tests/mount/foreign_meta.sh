#!/bin/bash
# Another client gives an object other metadata, the bytes and so the ETag are the same: a listing shows it by the time, also
# where the database knows the ETag; what this mount wrote itself needs no request.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
mount_crrfs
echo body >"$MNT/file"
echo body >"$MNT/other"
sleep 1.1 # longer than attributes are believed; and times are whole seconds
mark_requests
assert_eq "$(ls -l "$MNT" | cut -c1-10 | grep -c -- -rw-r--r--)" 2
assert_requests a HeadObject '' 0
changed() { # MODE of the file by ls -l
	ls -l "$MNT" | grep -q "^$1 .* file"
}
sleep 1.1
s3 remake a file "$(s3 version-id a file)" - mode=33216
retry_until "$LONG" changed -rwx------
umount_crrfs
sleep 1.1
s3 remake a file "$(s3 version-id a file)" - mode=33152
mount_crrfs
mark_requests
changed -rw------- || fail "the database was believed: $(ls -l "$MNT")"
assert_requests a HeadObject other 0
