#!/bin/bash
# Objects from before the mount are not replicated by mounting, and are once they are saved anew.
. "$(dirname "$0")/lib.sh"
begin
echo old >"$T/x"
s3 put a old "$T/x" , put a other "$T/x"
mount_crrfs
assert_eq "$(cat "$MNT/old" "$MNT/other" | tr '\n' ' ')" "old old "
wait_repl
assert_eq "$(s3 keys b)" ""
echo more >>"$MNT/old"
wait_repl
assert_eq "$(s3 keys b)" old
s3 compare --prefix old
