#!/bin/bash
# What was removed for good, at either side, is no loss of order: nothing is sent again (S3: a delete of a version id is
# never replicated, DstObjectHardDeleted).
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs order_check=4
arrived() { s3 history b | sed 's/\\n$//' | tr '\t\n' ': '; }
for key in f here there; do echo one >"$MNT/$key"; done
wait_repl
echo two >"$MNT/f"
rm "$MNT/here"
echo two >"$MNT/there"
wait_repl
expected="f:one f:two here:one here:<marker> there:one "
s3 rm a f "$(s3 version-id a f)" # before it is looked at, with f
marker=$(s3 versions a here | awk -F'\t' '$4 == "marker" { print $2 }')
s3 rm a here "$marker" , rm b there "$(s3 version-id b there)"
wait_looked_at
assert_eq "$(arrived)" "$expected" "what is at the destination"
