#!/bin/bash
# What a directory's rename left to be deleted is deleted later, and only that: files that were written or removed since, under
# the new name, stay as the user left them. Of a rename that failed, and of one that has happened.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "faults"
make_rules all,markers
rename() { /usr/bin/python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1" "$2"; }
renames() { queue_says 'SELECT count(*) FROM move'; }
mount_crrfs max_attempts=1
mkdir "$MNT/failed" "$MNT/done"
for i in $(seq 6); do echo "$i" | tee "$MNT/failed/f$i" >"$MNT/done/f$i"; done
wait_repl
# it fails, and so does its undoing
fault a "op=CopyObject key=new/f6 count=-1 action=status:403:AccessDenied" \
	"op=DeleteObject key=new/f* count=-1 action=status:403:AccessDenied"
assert_errno "Permission denied" rename "$MNT/failed" "$MNT/new"
# everything is copied, and cannot be deleted
fault a "op=DeleteObject key=done/f* count=-1 action=status:403:AccessDenied"
rename "$MNT/done" "$MNT/moved"
no_faults a
assert_eq "$(renames)" 2 "renames that left something"
assert_eq "$(s3 keys a new/ , keys a done/ | grep -c f)" 11 "keys that were left"
mkdir -p "$MNT/new"
echo mine >"$MNT/new/f1"
chmod 600 "$MNT/new/f2"
rm "$MNT/moved/f1"
echo mine >"$MNT/moved/f2"
umount_crrfs
mount_crrfs
assert_eq "$(renames)" 0 "renames that left something"
assert_eq "$(s3 keys a done/)" "" "keys under the old name"
assert_eq "$(s3 keys a new/ | tr '\n' ' ')" "new/f1 new/f2 " "what the user wrote where the copies were"
assert_eq "$(cat "$MNT/new/f1" "$MNT/moved/f2" | tr '\n' ' ')" "mine mine "
assert_eq "$(s3 keys a moved/ | grep f | tr '\n' ' ')" "moved/f2 moved/f3 moved/f4 moved/f5 moved/f6 "
assert_eq "$(cat "$MNT/failed/"* | tr '\n' ' ')" "1 2 3 4 5 6 "
wait_repl
s3 compare
