#!/bin/bash
# tags=at-create: a version that others made without the tag, and tagged later, is not offered by the order check either.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=go:yes
mount_crrfs tags=at-create,order_check=4
for key in born later; do
	echo one >"$T/$key"
	setfattr -n user.s3.tag.go -v yes "$T/$key"
	cp --preserve=xattr "$T/$key" "$MNT/$key"
done
wait_repl
echo two >"$T/two"
s3 put a later "$T/two" , puttags a later go=yes
wait_looked_at
assert_eq "$(s3 count-versions b later)" 1 "versions of what was tagged later"
