#!/bin/bash
# cp --preserve=xattr brings tags and metadata; the version is born with them.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mount_crrfs
echo text >"$T/file"
if ! setfattr -n user.s3.tag.class -v tax "$T/file" 2>/dev/null; then
	# no xattrs on the local disk: within the mount then, from a file that the rule selects too
	echo text >"$MNT/origin"
	set_xattr "$MNT/origin" user.s3.tag.class tax
	set_xattr "$MNT/origin" user.colour blue
	cp --preserve=xattr "$MNT/origin" "$MNT/copy"
else
	set_xattr "$T/file" user.colour blue
	cp --preserve=xattr "$T/file" "$MNT/copy"
	random_file "$T/big" 9000000
	set_xattr "$T/big" user.s3.tag.class tax
	cp -a "$T/big" "$MNT/big"
fi
assert_eq "$(xattr "$MNT/copy" user.s3.tag.class) $(xattr "$MNT/copy" user.colour)" "tax blue"
cp -a "$MNT/copy" "$MNT/copy of copy"
wait_repl
assert_eq "$(s3 tags a copy)" class=tax
assert_eq "$(s3 meta b copy colour)" blue
assert_eq "$(s3 count-versions a copy , count-versions b copy , count-versions b 'copy of copy' | tr '\n' ' ')" "1 1 1 "
s3 compare --tag class=tax
