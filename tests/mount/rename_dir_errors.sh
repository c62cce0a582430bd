#!/bin/bash
# A directory's rename that fails in the middle: while it copies, it is told and everything is as it was; when all was copied it
# has happened, and what could not be deleted under the old name goes later. Nobody has both names for good.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
make_rules all,markers
rename() { /usr/bin/python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1" "$2"; }
mount_crrfs max_attempts=1
mkdir "$MNT/old" "$MNT/empty"
for i in $(seq 50); do echo "$i" >"$MNT/old/f$i"; done
wait_repl # the new directories, too
s3 keys a old/ >"$T/before"
fault a "op=CopyObject key=*/f30 count=-1 action=status:403:AccessDenied" \
	"op=CopyObject key=new/f30 count=-1 action=status:403:AccessDenied" \
	"op=CopyObject key=empty/f30 count=-1 action=status:403:AccessDenied"
assert_errno "Permission denied" rename "$MNT/old" "$MNT/new"
assert_eq "$(s3 keys a new/)" "" "keys left under the new name"
s3 keys a old/ | diff "$T/before" - || fail "the old folder has changed"
[ ! -e "$MNT/new" ] || fail "there is a new folder"
assert_eq "$(cat "$MNT/old/f30" "$MNT/old/f50" | tr '\n' ' ')" "30 50 "
# over an empty directory: that stays
assert_errno "Permission denied" rename "$MNT/old" "$MNT/empty"
assert_eq "$(s3 keys a empty/)" empty/ "the folder that was to be replaced"
no_faults a
# all copied: it has happened
fault a "op=DeleteObject key=old/f30 count=-1 action=status:403:AccessDenied"
rename "$MNT/old" "$MNT/new"
assert_eq "$(cat "$MNT/new/f30" "$MNT/new/f50" | tr '\n' ' ')" "30 50 "
grep -q "some-are-under-both-names" "$MOUNT_LOG" || fail "not in the log"
grep -q . <(s3 keys a old/) || fail "f30 could not be deleted: how was it?"
# what is made there now is a new file
sleep 1.1
mkdir -p "$MNT/old"
echo later >"$MNT/old/later"
umount_crrfs
no_faults a
mount_crrfs
assert_eq "$(s3 keys a old/ | grep -v '/$')" old/later "keys under the old name"
assert_eq "$(ls "$MNT/new" | wc -l)" 50
wait_repl
s3 compare
