#!/bin/bash
# servers: s3d
# A version that is overtaken while the order check looks at its key is not sent again: neither by the mount's own write nor
# by that of another.
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
mount_crrfs order_check=2
for key in x y; do echo one >"$MNT/$key"; done
wait_repl
fault a "op=HeadObject key=x count=1 action=stall"
echo two >"$T/two"
echo three >"$T/three"
s3 put a x "$T/two" , put a y "$T/two"
# it holds a listing with two of both by the time that it asks what the two of x carries
stalled() { s3d_admin a faults GET && ! grep -q 'count=1' "$T/s3d.out"; }
retry_until "$LONG" stalled
echo three >"$MNT/x"
s3 put a y "$T/three"
retry_until "$LONG" replicated "$MNT/x"
no_faults a
current() { [ "$(s3 get b "$1" "$T/now" && cat "$T/now")" = "$2" ]; }
retry_until "$LONG" current y three
wait_looked_at
arrived=$(s3 history b | sed 's/\\n$//' | tr '\t\n' ': ')
assert_eq "$arrived" "x:one x:three y:one y:three " "what is at the destination"
