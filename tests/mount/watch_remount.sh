#!/bin/bash
# The watch goes on where it was: what was written while nothing was mounted is found by the next mount with a watch,
# and a mount without one leaves it.
. "$(dirname "$0")/lib.sh"
begin
printf one >"$T/one"
printf two >"$T/two"
s3 put a old "$T/one"
later() { [ "$(date +%s)" -gt "$1" ]; }
retry_until 10 later "$(($(date +%s) + 1))"
mount_crrfs watch=0.3
watching() { ctl resync "$MNT" --list | grep -q ' watch '; }
retry_until "$LONG" watching
kill9_crrfs
s3 put a x "$T/one" , put a x "$T/two"
mount_crrfs
echo mine >"$MNT/mine"
wait_repl
assert_eq "$(s3 keys b)" mine
remount_crrfs watch=0.3
arrived() { [ "$(s3 history b x)" = "$(printf 'x\tone\nx\ttwo')" ]; }
retry_until "$LONG" arrived
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "mine x "
assert_eq "$(s3 versions b | wc -l)" 3 "versions at the destination"
