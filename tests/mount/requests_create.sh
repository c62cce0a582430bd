#!/bin/bash
# New files in a directory: one PUT each, and no question for each name whether it is there. Not in a directory that was
# made here, not in one of another client's with more names than a listing's page; and what others make is still seen.
. "$(dirname "$0")/lib.sh"
begin
lookups() { requests a | grep -cE '^(HeadObject|ListObjectsV2|ListObjects)	' || true; }
mount_crrfs attr_timeout=600,settle=1000
mkdir "$MNT/made"
mark_requests
for i in {1..50}; do echo "$i" >"$MNT/made/$i"; done
assert_eq "$(lookups)" 0 "lookups in a directory that was made here"
mkdir "$MNT/made/below"
echo x >"$MNT/made/below/x"
assert_eq "$(lookups)" 0 "and below it"
wait_repl
assert_requests a PutObject made/ 53
assert_eq "$(find "$MNT/made" | wc -l)" 53
# what is removed, renamed and made again
rm "$MNT/made/7"
[ ! -e "$MNT/made/7" ]
mv "$MNT/made/8" "$MNT/made/7"
assert_eq "$(cat "$MNT/made/7")" 8
[ ! -e "$MNT/made/8" ]
mv "$MNT/made" "$MNT/moved"
[ ! -e "$MNT/made/9" ]
assert_eq "$(cat "$MNT/moved/9" "$MNT/moved/below/x")" "$(printf '9\nx')"

# another client's, of 1,200 names
s3 fill a big/ 1200
mark_requests
for i in {100..160}; do echo "$i" >"$MNT/big/zz-new$i"; done
[ "$(lookups)" -le 20 ] || fail "$(lookups) lookups for 61 new files"
assert_requests a PutObject big/ 61
umount_crrfs

# names that another client makes are there after attr_timeout
mount_crrfs attr_timeout=1
mkdir "$MNT/seen"
for i in {1..10}; do [ ! -e "$MNT/seen/no$i" ]; done
echo other >"$T/f"
s3 put a seen/theirs "$T/f"
s3 put a seen/deep/theirs "$T/f"
retry_until "$LONG" test -e "$MNT/seen/theirs"
retry_until "$LONG" test -e "$MNT/seen/deep/theirs"
assert_eq "$(cat "$MNT/seen/deep/theirs")" other
