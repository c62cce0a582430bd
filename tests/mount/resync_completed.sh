#!/bin/bash
# What the ledger calls COMPLETED is sent again when asked for: to a destination that was lost.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
echo one >"$MNT/x"
echo two >>"$MNT/x"
wait_repl
history=$(s3 history b)
s3 versions b | cut -f2 >"$T/ids"
while read -r id; do s3 rm b x "$id"; done <"$T/ids"
assert_eq "$(s3 versions b)" ""
ctl resync "$MNT" --wait >"$T/out"
assert_match "$(cat "$T/out")" ' 0 queued'
ctl resync "$MNT" --wait --status COMPLETED >"$T/out"
assert_eq "$(s3 history b)" "$history"
# nothing is sent where all is there
ctl resync "$MNT" --wait --status COMPLETED >"$T/out"
assert_eq "$(s3 history b)" "$history"
