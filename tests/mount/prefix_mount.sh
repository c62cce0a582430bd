#!/bin/bash
# s3://BUCKET/PREFIX mounts a part of the bucket; rules still speak of whole keys.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=home/me/Tax/
echo outside >"$T/x"
s3 put a outside "$T/x" , put a home/metoo "$T/x" , put a home/me/inside "$T/x"
mount_crrfs '' home/me
assert_eq "$(ls "$MNT")" inside
mkdir "$MNT/Tax"
echo text >"$MNT/Tax/file"
echo text >"$MNT/other"
wait_repl
assert_eq "$(s3 keys b | grep -v '/$')" home/me/Tax/file
s3 compare --prefix home/me/Tax/
