#!/bin/bash
# storage_class=: what is written has it, also in parts and by copies; the replica gets the source's class.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs storage_class=STANDARD_IA
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$MNT/small"
cp "$T/big" "$MNT/big"
mkdir "$MNT/dir"
s3 put a foreign "$T/big"
retry_until "$LONG" test -e "$MNT/foreign"
chmod 600 "$MNT/foreign"
sync "$MNT" "$MNT/foreign" # a new folder waits for a chmod otherwise, a chmod for more
class() { s3 head "$1" "$2" | sed -n 's/^storage-class: //p'; }
for key in small big dir/ foreign; do assert_eq "$(class a $key)" STANDARD_IA "class of $key"; done
assert_eq "$(xattr "$MNT/small" user.s3.storage-class)" STANDARD_IA
wait_repl
for key in small big dir/ foreign; do assert_eq "$(class b $key)" STANDARD_IA "class of the replica of $key"; done
s3 compare
