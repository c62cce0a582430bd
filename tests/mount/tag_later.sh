#!/bin/bash
# A tag set on a clean file makes no version, and the replica gets it, without its body being sent again.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
random_file "$T/f" 100000
cp "$T/f" "$MNT/file"
wait_repl
mark_requests
set_xattr "$MNT/file" user.s3.tag.class tax
wait_repl
assert_requests a PutObjectTagging file 1
assert_requests a 'PutObject|GetObject' file 0
assert_requests b 'PutObject|GetObject|UploadPart|CreateMultipartUpload' file 0
assert_eq "$(s3 tags b file)" class=tax
setfattr -x user.s3.tag.class "$MNT/file"
set_xattr "$MNT/file" user.s3.tag.year 2026
wait_repl
assert_eq "$(s3 tags b file)" year=2026
assert_eq "$(s3 count-versions a file , count-versions b file | tr '\n' ' ')" "1 1 "
s3 compare
