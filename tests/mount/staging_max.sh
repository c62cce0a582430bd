#!/bin/bash
# staging_max bounds the bytes that are kept for a dead destination; beyond it the replicas come from the source.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
proxy_down
mount_crrfs staging_max=8M
for i in $(seq 8); do
	random_file "$T/f$i" 3000000 "$i"
	cp "$T/f$i" "$MNT/f$i"
done
within() { [ "$(du -sk "$STATE" | cut -f1)" -lt 16000 ]; }
retry_until "$LONG" within
for i in $(seq 8); do assert_file_equal "$T/f$i" "$MNT/f$i"; done
proxy_up
wait_repl
s3 compare
assert_eq "$(s3 keys b | wc -l)" 8 "keys at the destination"
# staged bytes go once they are replicated
gone() { [ "$(du -sk "$STATE" | cut -f1)" -lt 4000 ]; }
retry_until "$LONG" gone
# one file larger than the quota still works
random_file "$T/big" 20000000
cp "$T/big" "$MNT/big"
wait_repl
assert_file_equal "$T/big" "$MNT/big"
s3 compare
