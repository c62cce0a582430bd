#!/bin/bash
# Programs that save under a temporary name and rename: only the final name is uploaded, as one version a save.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
for i in 1 2 3; do echo "file $i" >"$T/f$i"; done
mkdir "$T/tree" && mv "$T/"f? "$T/tree"
random_file "$T/tree/big" 7000000
rsync -a "$T/tree/" "$MNT/"
sed -i 's/file/FILE/' "$MNT/f1"
# as vim does: a swap file, the new content under the name itself, the swap file removed
echo swap >"$MNT/.f2.swp"
echo "new f2" >"$MNT/f2"
rm "$MNT/.f2.swp"
wait_repl
assert_eq "$(cat "$MNT/f1")" "FILE 1"
s3 compare
s3 versions b >"$T/versions"
grep -v -P '^(f1|f2|f3|big)\t' "$T/versions" && fail "temporary names were uploaded"
assert_eq "$(grep -c -P '^f1\t' "$T/versions")" 2 "versions of f1"
assert_eq "$(grep -c -P '^f2\t' "$T/versions")" 2 "versions of f2"
assert_eq "$(grep -c -P '^f3\t' "$T/versions")" 1 "versions of f3"
assert_eq "$(grep -c -P '^big\t' "$T/versions")" 1 "versions of big"
