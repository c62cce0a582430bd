#!/bin/bash
# durability=replicas: close, fsync and the rename that ends a save return when every destination has the version; when one
# does not in replicas_wait, close says so, and the version stays queued.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
proxy_start
make_destinations "$PROXY_URL"
make_rules to=b to=c
there() { assert_eq "$(s3 count-versions a "$1" , count-versions b "$1" , count-versions c "$1" | tr '\n' ' ')" "$2 $2 $2 "; }
mount_crrfs durability=replicas
echo text >"$MNT/f"
there f 1
echo more >>"$MNT/f"
there f 2
random_file "$T/big" $((12 * 1024 * 1024))
cp "$T/big" "$MNT/big"
there big 1
sed -i s/text/TEXT/ "$MNT/f"
there f 3
/usr/bin/python3 - "$MNT/synced" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b'text')
os.fsync(fd)
print(fd)
END
there synced 1
cat "$MNT/f" >/dev/null
umount_crrfs

mount_crrfs durability=C,replicas_wait=1,timeout=2,connect_timeout=1
proxy_down
assert_errno "Connection timed out" dd if="$T/credentials" of="$MNT/late" status=none
assert_file_equal "$T/credentials" "$MNT/late"
assert_eq "$(s3 count-versions a late)" 1
ctl queue "$MNT" | grep -q "late" || fail "the row is gone"
echo text >"$MNT/.late.swp" # a temporary name waits for nobody
mv "$MNT/.late.swp" "$MNT/renamed" || fail "the rename happened, and does not say so"
proxy_up
wait_repl
for key in late renamed; do there $key 1; done
