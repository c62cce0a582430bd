#!/bin/bash
# servers: s3d
# A file whose upload was done, and the answer lost, is renamed: the source does not keep it under both names.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
make_rules all,markers
mount_crrfs durability=A,timeout=2,retry_first=0.1,retry_max=0.2
fault a "op=PutObject key=t count=1 action=reset-after" "op=ListObjectVersions count=-1 action=status:503" \
	"op=HeadObject count=-1 action=status:503" "op=PutObject count=-1 action=status:503"
echo text >"$MNT/t"
retry_until "$LONG" grep -q "op=commit key=\"t\"" "$MOUNT_LOG"
assert_fails mv "$MNT/t" "$MNT/u"
no_faults a
mv "$MNT/t" "$MNT/u"
wait_repl
assert_eq "$(s3 keys a '' , keys b '' | tr '\n' ' ')" "u u " "keys at the source, at the destination"
assert_eq "$(cat "$MNT/u")" text
