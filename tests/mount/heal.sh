#!/bin/bash
# What is FAILED since there is no bucket runs again by itself when the bucket is made; so does what waits behind it.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=c
mount_crrfs heal_first=0.2,heal_max=1,retry_first=0.1,retry_max=1
has_status() { [[ $(xattr "$MNT/$1" "user.s3.replication.$DST2") == $2* ]]; } # file words

s3 rmbucket c
for i in 1 2 3; do echo $i >"$MNT/$i"; done
for i in 1 2 3; do retry_until "$LONG" has_status $i "FAILED DstBucketNotFound"; done
echo later >"$MNT/1"
third_bucket
for i in 1 2 3; do retry_until "$LONG" has_status $i COMPLETED; done
wait_repl
s3 compare --to c
grep -q 'heal=released' "$MOUNT_LOG" || fail "the log does not tell of it"
