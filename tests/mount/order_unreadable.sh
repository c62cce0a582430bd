#!/bin/bash
# servers: s3d
# A key that cannot be read holds up the order check of no other one: permission may come back, what only its customer can
# decrypt will not.
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
mount_crrfs order_check=2
fault a "op=HeadObject count=-1 action=status:403:AccessDenied" # no key is looked at before the others wrote
for key in a b c; do echo one >"$MNT/$key"; done
wait_repl
echo two >"$T/two"
s3 put a a "$T/two" , put a b "$T/two" --customer-key 0123456789abcdef0123456789abcdef , put a c "$T/two"
fault a "op=HeadObject key=a count=-1 action=status:403:AccessDenied"
current() { [ "$(s3 get b "$1" "$T/now" && cat "$T/now")" = "$2" ]; }
retry_until "$LONG" current c two
assert_eq "$(s3 count-versions b a , count-versions b b | tr '\n' ' ')" "1 1 " "versions of what cannot be read"
no_faults a
retry_until "$LONG" current a two
wait_looked_at
assert_eq "$(s3 count-versions b b)" 1 "versions of what is its customer's"
