#!/bin/bash
# user.s3.acl: read and set as a canned name or as grants; default_acl for what is written; what a chmod or rename keeps;
# the replica has the same. It is not listed: cp -a must not copy it.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
f=$MNT/file
public="FULL_CONTROL owner READ AllUsers "
acl() { s3 acl "$1" "$2" | awk '$1 == "owner" { me = $2; next } { sub(".*/", "", $2); printf "%s %s ", $1, $2 == me ? "owner" : $2 }'; }
all=http://acs.amazonaws.com/groups/global/AllUsers
authenticated=http://acs.amazonaws.com/groups/global/AuthenticatedUsers

echo text >"$f"
wait_repl
assert_eq "$(xattr "$f" user.s3.acl)" private
mark_requests
set_xattr "$f" user.s3.acl public-read
assert_requests a PutObjectAcl file 1
assert_requests a 'PutObject|GetObject' file 0
assert_eq "$(xattr "$f" user.s3.acl)" public-read
assert_eq "$(acl a file)" "$public"
assert_eq "$(list_xattrs "$f")" "" "listed xattrs"
for bad in nonsense owner= read=x "full-control=id:" "read=$all;" ""; do
	assert_errno "Invalid argument" set_xattr "$f" user.s3.acl "$bad"
done
assert_eq "$(xattr "$f" user.s3.acl)" public-read "after what was refused"

# grants as text, with the owner and without
set_xattr "$f" user.s3.acl authenticated-read
set_xattr "$f" user.s3.acl "read-acp=$authenticated;read=$all"
text=$(xattr "$f" user.s3.acl)
assert_match "$text" "^owner=[^;=]+;read-acp=$authenticated;read=$all\$" "text of grants"
assert_eq "$(acl a file)" "READ AllUsers READ_ACP AuthenticatedUsers "
owner=${text#owner=} owner=${owner%%;*}
set_xattr "$f" user.s3.acl "owner=$owner;full-control=id:$owner;read-acp=$all"
kept="FULL_CONTROL owner READ_ACP AllUsers "
assert_eq "$(acl a file)" "$kept"

# copies inside S3 keep it, and ask for it only where there is one
mark_requests
chmod 600 "$f"
assert_eq "$(acl a file)" "$kept" "after chmod"
mv "$f" "$MNT/moved"
assert_eq "$(acl a moved)" "$kept" "after rename"
set_xattr "$MNT/moved" user.s3.acl public-read
mv "$MNT/moved" "$f"
assert_eq "$(acl a file)" "$public" "after rename"
mark_requests
echo text >"$MNT/plain"
chmod 600 "$MNT/plain"
mv "$MNT/plain" "$MNT/plain2"
assert_requests a 'GetObjectAcl|PutObjectAcl' '' 0
# a new body is a new object
echo more >>"$f"
assert_eq "$(xattr "$f" user.s3.acl)" private "ACL of a new body"

# on a file that is being written: it is saved first
exec 5>"$MNT/open"
echo text >&5
set_xattr "$MNT/open" user.s3.acl public-read
exec 5>&-
assert_eq "$(acl a open)" "$public"
setfattr -x user.s3.acl "$MNT/open"
assert_eq "$(xattr "$MNT/open" user.s3.acl)" private
mkdir "$MNT/dir"
set_xattr "$MNT/dir" user.s3.acl public-read
assert_eq "$(acl a dir/)" "$public" "of a directory's marker"

remount_crrfs default_acl=public-read
assert_eq "$(xattr "$MNT/dir" user.s3.acl)" public-read
echo text >"$MNT/new"
random_file "$T/big" $((9 * 1024 * 1024))
cp "$T/big" "$MNT/big"
mkdir "$MNT/newdir"
ln -s new "$MNT/link"
sync "$MNT" # new folders and links wait for a chmod otherwise
for key in new big newdir/ link; do assert_eq "$(acl a $key)" "$public" "ACL of $key"; done
set_xattr "$MNT/new" user.s3.acl private
chmod 600 "$MNT/new" "$MNT/big"
assert_eq "$(xattr "$MNT/new" user.s3.acl)" private "after chmod"
assert_eq "$(xattr "$MNT/big" user.s3.acl)" public-read "after chmod"
wait_repl
umount_crrfs
mount_fails 1 default_acl=nonsense
one_clear_line 'default_acl=nonsense: expected a canned ACL'
s3 compare --acl --may-stay moved --may-stay plain
