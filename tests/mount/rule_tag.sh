#!/bin/bash
# A tag rule selects objects with exactly this tag.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mount_crrfs
for name in yes wrong-value wrong-case no-tag two-tags; do
	echo "this is $name" >"$MNT/$name"
done
set_xattr "$MNT/yes" user.s3.tag.class tax
set_xattr "$MNT/wrong-value" user.s3.tag.class taxi
set_xattr "$MNT/wrong-case" user.s3.tag.Class tax
set_xattr "$MNT/two-tags" user.s3.tags 'owner=me&class=tax'
wait_repl
s3 compare --tag class=tax
assert_eq "$(s3 keys b | tr '\n' ' ')" "two-tags yes " "keys at the destination"
assert_eq "$(s3 tags b two-tags | tr '\n' ' ')" "class=tax owner=me "
