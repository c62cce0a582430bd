#!/bin/bash
# unlink makes a delete marker, replicated only where the rule says so; no version is ever removed for good.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=b,markers all,to=c
mount_crrfs
for i in 1 2; do
	echo "text $i" >"$MNT/file"
	echo "text $i" >"$MNT/other"
done
mark_requests
rm "$MNT/file"
[ ! -e "$MNT/file" ] || fail "still there"
assert_errno "No such file" cat "$MNT/file"
wait_repl
assert_eq "$(s3 count-markers a file , count-markers b file , count-markers c file | tr '\n' ' ')" "1 1 0 " "markers"
assert_eq "$(s3 count-versions a file , count-versions b file , count-versions c file | tr '\n' ' ')" "2 2 2 " "versions"
s3 exists c file
# again: a new life after the marker
echo again >"$MNT/file"
wait_repl
assert_eq "$(cat "$MNT/file")" again
s3 compare --to b , compare --to c
rm "$MNT/other" "$MNT/file"
wait_repl
assert_eq "$(s3 keys a , keys b)" ""
assert_requests a DeleteObjectVersion '' 0
assert_requests b DeleteObjectVersion '' 0
assert_requests c DeleteObjectVersion '' 0
