#!/bin/bash
# Tags and ACLs that are changed at a replica go back to the version it was made of where the rule of that bucket replicates
# modifications of replicas, and nowhere where it does not. No body is sent.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,modifications
back make_rules all,modifications
back make_destinations
mount_crrfs
back mount_crrfs
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
wait_repl
is_there() { [ -e "$1" ]; }
for key in small big; do
	retry_until "$LONG" is_there "$BACK/$key"
	set_xattr "$BACK/$key" user.s3.tag.seen yes
	set_xattr "$BACK/$key" user.s3.acl public-read
done
back wait_repl
for key in small big; do assert_match "$(s3 acl a $key)" 'READ .*/AllUsers' "ACL of the original $key"; done
assert_eq "$(s3 tags a small , tags a big | tr '\n' ' ')" "seen=yes seen=yes " "tags at the original"
# the other way as ever
set_xattr "$MNT/small" user.s3.tags 'colour=red'
wait_repl
assert_eq "$(s3 tags b small)" colour=red "tags at the replica"
# an older version is meant where the replica is not of the current one
s3 put a small "$T/big"
old=$(s3 versions a small | awk '$3 == "old" { print $2 }')
set_xattr "$BACK/small" user.s3.tags 'colour=red&late=yes'
back wait_repl
assert_eq "$(s3 tags a small , tags a small "$old" | tr '\n' ' ')" "colour=red late=yes " "tags of the versions"
# not without the rule's word for it
back umount_crrfs
back make_rules all
back mount_crrfs
set_xattr "$BACK/big" user.s3.tag.alone yes
set_xattr "$BACK/big" user.s3.acl private
back wait_repl
assert_match "$(s3 acl a big)" 'READ .*/AllUsers' "ACL of the original, without the rule's word"
assert_eq "$(s3 tags a big , tags b big | tr '\n' ' ')" "seen=yes alone=yes seen=yes " "tags at both"
wait_repl
assert_eq "$(s3 count-versions a big , count-versions b big , count-versions b small | tr '\n' ' ')" "1 1 1 " "versions"
