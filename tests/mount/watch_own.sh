#!/bin/bash
# What the mount itself writes while it watches is replicated once: an open file, one under another name, saves in a row.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs watch=0.05
mark_requests
exec 5>"$MNT/open"
head -c 20000000 /dev/zero >&5
for i in $(seq 1 15); do
	for name in a b c d; do echo "$name $i" >"$MNT/$name"; done
	echo "$i" >"$MNT/new-$i"
	mv "$MNT/new-$i" "$MNT/kept-$i"
done
rm "$MNT/d"
exec 5>&-
wait_repl
cycles=$(count_requests a ListObjectVersions)
[ "$cycles" -ge 3 ] || fail "the watch was not at work: $cycles"
assert_eq "$(s3 versions b | cut -f1,3,4 | sort | uniq -c)" "$(s3 versions a | cut -f1,3,4 | sort | uniq -c)" "versions"
s3 compare
