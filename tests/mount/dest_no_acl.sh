#!/bin/bash
# A destination that takes no ACLs: replicas get its owner's, a canned one stays in the metadata; said once.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a server without ACLs"
begin
mount_crrfs
echo text >"$T/f"
random_file "$T/big" $((11 * 1024 * 1024))
# ACLs that other tools gave
s3 put a one "$T/f" --acl public-read , put a two "$T/f" --acl public-read , put a big "$T/big" --acl public-read
s3 put a private "$T/f"
# it takes them no more while we are mounted
lacks b acl
ctl resync --wait "$MNT"
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "big one private two "
for key in one two big; do
	assert_eq "$(s3 meta b "$key" crrfs-acl)" public-read "ACL in the metadata of $key"
done
assert_eq "$(s3 meta b private crrfs-acl)" ""
assert_eq "$(grep -c 'acl=no why=' "$MOUNT_LOG")" 1 "words about it"
# and known from the beginning
umount_crrfs
rm -rf "$STATE"
mount_crrfs
s3 put a three "$T/f" --acl public-read
mark_requests
ctl resync --wait "$MNT"
wait_repl
assert_eq "$(s3 meta b three crrfs-acl)" public-read
assert_requests b PutObject three 1
