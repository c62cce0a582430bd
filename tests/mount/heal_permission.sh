#!/bin/bash
# What is FAILED runs again by itself when its cause is gone: versioning is on, permission is given.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
third_bucket
make_rules all,to=c prefix=Both/,to=b
mount_crrfs heal_first=0.2,heal_max=1,retry_first=0.1,retry_max=1
has_status() { [[ $(xattr "$MNT/$1" "user.s3.replication.$2") == $3* ]]; } # file destination words

# versioning is switched off: a copy would go through, and have no version id; it is made when versioning is on
s3 versioning c Suspended
fault c 'op=PutObject key=1 count=-1 action=status:403:DstBucketUnversioned'
echo again >"$MNT/1"
retry_until "$LONG" has_status 1 "$DST2" "FAILED DstBucketUnversioned"
no_faults c
mark_requests
asked() { [ "$(count_requests c GetBucketVersioning)" -ge 3 ]; }
retry_until "$LONG" asked
assert_eq "$(count_requests c PutObject)" 0 "copies while versioning is off"
s3 versioning c Enabled
retry_until "$LONG" has_status 1 "$DST2" COMPLETED
wait_repl
assert_match "$(xattr "$MNT/1" "user.s3.replication.$DST2")" '^COMPLETED [^ ]{8,}$' "the replica's version"

mkdir "$MNT/Both"
# permission is missing, for some keys longer than for others; what was written later waits behind
fault b 'op=PutObject key=Both/bad count=-1 action=deny' 'op=PutObject key=Both/* count=-1 action=deny'
for i in a b c d bad; do echo $i >"$MNT/Both/$i"; done
for i in a b c d bad; do retry_until "$LONG" has_status Both/$i "$DST" "FAILED DstPutObjectNotPermitted"; done
echo later >"$MNT/Both/a"
fault b 'op=PutObject key=Both/bad count=-1 action=deny'
for i in a b c d; do retry_until "$LONG" has_status Both/$i "$DST" COMPLETED; done
retry_until "$LONG" has_status Both/bad "$DST" "FAILED DstPutObjectNotPermitted"
no_faults b
retry_until "$LONG" has_status Both/bad "$DST" COMPLETED
wait_repl
s3 compare --prefix Both/
