#!/bin/bash
# An object that a later tag brings into a rule's reach is replicated then; also a large and a foreign one.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
random_file "$T/big" $((13 * 1024 * 1024))
echo foreign >"$T/x"
s3 put a foreign "$T/x" colour=green
mount_crrfs
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
wait_repl
assert_eq "$(s3 keys b)" "" "keys before the tag"
for name in small big foreign; do set_xattr "$MNT/$name" user.s3.tag.class tax; done
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "big foreign small "
s3 compare --tag class=tax
assert_eq "$(s3 count-versions a big , count-versions b big | tr '\n' ' ')" "1 1 "
assert_eq "$(s3 parts a big)" "$(s3 parts b big)" "parts"
