#!/bin/bash
# A replica that came from the destination is not missing there: nothing is sent again over what the destination has made
# since.
. "$(dirname "$0")/lib.sh"
begin
for i in 2 3 4; do printf %s "$i" >"$T/$i"; done
s3 put a k "$T/2" crrfs-replica-of="$DST"
mount_crrfs
printf 3 >"$MNT/k"
wait_repl
s3 put b k "$T/4"
ctl resync "$MNT" --wait >"$T/out"
assert_match "$(cat "$T/out")" ' 0 queued'
assert_eq "$(s3 history b)" "$(printf 'k\t3\nk\t4')"
