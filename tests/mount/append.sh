#!/bin/bash
# >> adds to the end, of an old file as well, also from several opens at once.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
for i in $(seq 20); do echo "line $i"; done >"$T/expected"
for i in $(seq 10); do echo "line $i" >>"$MNT/log"; done
remount_crrfs
exec 5>>"$MNT/log"
for i in $(seq 11 20); do echo "line $i" >&5; done
exec 5>&-
assert_file_equal "$T/expected" "$MNT/log"
random_file "$T/big" 6000000
cp "$T/big" "$MNT/big"
echo tail >>"$MNT/big"
echo tail >>"$T/big"
assert_file_equal "$T/big" "$MNT/big"
wait_repl
s3 get b log "$T/log" , get b big "$T/got" , compare
assert_file_equal "$T/expected" "$T/log"
assert_file_equal "$T/big" "$T/got"
