#!/bin/bash
# A file that is renamed while it is being written is saved under its new name, once.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
mkdir "$MNT/dir"
exec 5>"$MNT/before"
echo one >&5
mv "$MNT/before" "$MNT/dir/after"
echo two >&5
exec 5>&-
assert_eq "$(tr '\n' ' ' <"$MNT/dir/after")" "one two "
[ ! -e "$MNT/before" ] || fail "the old name is still there"
random_file "$T/big" $((11 * 1024 * 1024))
exec 6>"$MNT/big"
head -c 7000000 "$T/big" >&6
mv "$MNT/big" "$MNT/dir/big"
tail -c +7000001 "$T/big" >&6
exec 6>&-
assert_file_equal "$T/big" "$MNT/dir/big"
wait_repl
assert_eq "$(s3 keys b | grep -v '/$' | tr '\n' ' ')" "dir/after dir/big "
assert_eq "$(s3 count-versions b dir/after , count-versions b dir/big | tr '\n' ' ')" "1 1 "
s3 compare
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
