#!/bin/bash
# The source takes a save, a removal or a copy and says nothing: it is tried again for as long as timeout says, not four times as
# long, and then it is an error. What it did all the same is not done twice.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that stalls"
make_rules all,markers
mount_crrfs timeout=4,settle=0
for name in gone old; do echo "$name" >"$MNT/$name"; done
wait_repl
fails() { # OPERATION COMMAND...: two tries of half the time each
	local op=$1
	shift
	fault a "op=$op count=100 action=stall"
	assert_errno "timed out" "$@"
	s3d_admin a faults GET
	grep -q "count=98" "$T/s3d.out" || fail "tries of $op: $(cat "$T/s3d.out")"
	no_faults a
}
fails PutObject /usr/bin/python3 -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY))' "$MNT/new"
fails DeleteObject rm "$MNT/gone"

# it was done, and the answer lost
fault a "op=PutObject count=1 action=reset-after"
echo text >"$MNT/made"
fault a "op=DeleteObject count=1 action=reset-after"
rm "$MNT/old"
no_faults a
wait_repl
assert_versions made 1
assert_versions old 1 1
s3 compare
