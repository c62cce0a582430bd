#!/bin/bash
# O_TRUNC replaces the content, and the old version stays; with nothing written the file is empty.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo "the long first text" >"$MNT/file"
echo second >"$MNT/file"
assert_eq "$(cat "$MNT/file")" second
: >"$MNT/file"
assert_eq "$(stat -c %s "$MNT/file")" 0 size
wait_repl
assert_eq "$(s3 count-versions a file , count-versions b file | tr '\n' ' ')" "3 3 " "versions, one a save"
s3 compare
