#!/bin/bash
# kill -9 with a queue that could not be sent, again and again: nothing is lost, the order of versions stays.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
proxy_down
mount_crrfs
for i in 1 2 3; do echo "version $i" >"$MNT/file"; done
set_xattr "$MNT/file" user.s3.tag.class tax
kill9_crrfs
mount_crrfs
echo "version 4" >"$MNT/file"
echo gone >"$MNT/gone"
rm "$MNT/gone"
random_file "$T/big" 12000000
cp "$T/big" "$MNT/big"
kill9_crrfs
mount_crrfs
assert_eq "$(cat "$MNT/file")" "version 4"
assert_eq "$(s3 keys b)" ""
kill9_crrfs
proxy_up
mount_crrfs
wait_repl
s3 compare
assert_eq "$(s3 count-versions b file , count-versions b gone , count-markers b gone , count-versions b big | tr '\n' ' ')" \
	"4 1 1 1 "
n=4
s3 versions b file | cut -f2 >"$T/ids"
while read -r id; do
	s3 get b file "$T/got" "$id"
	assert_eq "$(cat "$T/got")" "version $n" "versions in order, newest first"
	n=$((n - 1))
done <"$T/ids"
