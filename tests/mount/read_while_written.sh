#!/bin/bash
# A second opener sees what the first has written, before it is closed; the old object stays until then.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo old >"$MNT/file"
exec 5<>"$MNT/file"
printf 'NEW and longer' >&5
assert_eq "$(cat "$MNT/file")" "NEW and longer"
assert_eq "$(stat -c %s "$MNT/file")" 14 "size while written"
s3 get a file "$T/got"
assert_eq "$(cat "$T/got")" old "the object before close"
exec 5>&-
s3 get a file "$T/got"
assert_eq "$(cat "$T/got")" "NEW and longer" "the object after close"
# a big one: parts are leaving while the file is being written and read
random_file "$T/big" $((12 * 1024 * 1024))
exec 6>"$MNT/big"
head -c 8000000 "$T/big" >&6
cmp -n 8000000 "$T/big" "$MNT/big" || fail "what is written so far"
tail -c +8000001 "$T/big" >&6
exec 6>&-
assert_file_equal "$T/big" "$MNT/big"
wait_repl
s3 compare
