#!/bin/bash
# rm -r of a tree: for each directory one listing, or two (the kernel tells later of a close than of the open that follows
# it), and none to see that it is empty. What others put into it stays.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
make_tree() { # 2 + 4 directories, 12 files
	mkdir -p "$T/tree"/{a,b}/{x,y}
	local d i
	for d in "$T"/tree/*/*; do for i in 1 2 3; do echo "$i" >"$d/f$i"; done; done
	cp -a "$T/tree" "$MNT/tree"
}
remove_tree() { # options
	make_tree
	remount_crrfs "$@"
	mark_requests
	rm -r "$MNT/tree"
	assert_requests a HeadObject '' 0
	assert_requests a DeleteObject '' 19
	lists=$(count_requests a ListObjectsV2) # one for the lookup of the first
	[ "$lists" -ge 8 ] && [ "$lists" -le 15 ] || fail "$lists listings of 7 directories"
	requests a >"$T/requests"
	if grep 'max-keys=2&' "$T/requests"; then fail "rmdir has asked"; fi
	assert_eq "$(s3 keys a)" ""
}
mount_crrfs attr_timeout=60
remove_tree attr_timeout=60
umount_crrfs
rm -rf "$STATE" # what the listings alone tell
mount_crrfs exclusive
remove_tree exclusive
# made, filled and emptied here
mark_requests
mkdir "$MNT/d"
echo text >"$MNT/d/file"
assert_errno "not empty" rmdir "$MNT/d"
mv "$MNT/d/file" "$MNT/file"
rmdir "$MNT/d"
assert_requests a 'PutObject|DeleteObject|CopyObject' d/ 2 # of the file
assert_requests a ListObjectsV2 d 0
# what cannot be a name, what is hidden, or what is of others keeps a directory
echo x >"$T/x"
s3 put a odd//x "$T/x" , put a two/a "$T/x" , put a two/a/b "$T/x" , put a late/a "$T/x"
set_xattr "$MNT" user.s3.invalidate 1
retry_until "$LONG" test -d "$MNT/odd"
ls -l "$MNT/odd" "$MNT/two" "$MNT/late" >/dev/null
assert_errno "not empty" rmdir "$MNT/odd"
rm -r "$MNT/two/a"
assert_errno "not empty" rmdir "$MNT/two"
rm "$MNT/late/a"
s3 put a late/b "$T/x"
ls -l "$MNT/late" >/dev/null
assert_errno "not empty" rmdir "$MNT/late"
