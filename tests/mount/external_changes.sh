#!/bin/bash
# What another program writes, replaces and removes in the bucket is seen after the attribute time.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
mount_crrfs attr_timeout=0
echo one >"$T/x"
[ ! -e "$MNT/file" ] || fail "how?"
s3 put a file "$T/x" , put a dir/deep "$T/x"
appeared() { [ "$(cat "$MNT/file" "$MNT/dir/deep" | tr '\n' ' ')" = "one one " ]; }
retry_until "$LONG" appeared
echo "two two" >"$T/x"
s3 put a file "$T/x"
changed() { [ "$(cat "$MNT/file")" = "two two" ]; }
retry_until "$LONG" changed
s3 puttags a file class=tax
tagged() { [ "$(xattr "$MNT/file" user.s3.tag.class)" = tax ]; }
retry_until "$LONG" tagged
s3 rm a file , rm a dir/deep
vanished() { [ -z "$(ls "$MNT")" ]; }
retry_until "$LONG" vanished
