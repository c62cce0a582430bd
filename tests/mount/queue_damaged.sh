#!/bin/bash
# servers: s3d
# A queue file that cannot be used: the mount says in one line which file and what to do, and leaves it as it is.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs drain_timeout=0
echo one >"$MNT/one"
wait_repl
# rows that wait, so that there is something to lose
proxy_down
for i in $(seq 30); do echo "$i" >"$MNT/waits$i"; done
umount_crrfs
assert_eq "$(stat -c %s "$STATE/lock")" 0 "a pid after an orderly end"
db=$STATE/queue.db
cp "$db" "$T/good.db"

bytes() { find "$STATE" -name "queue.db*" -not -name "*-shm" -type f -size +0 -exec sha256sum {} +; }
refused() { # regex: it does not mount, and the file and its log are left as they are
	local before
	before=$(bytes)
	mount_fails any
	one_clear_line "$db.*($1)"
	assert_eq "$(bytes)" "$before" "bytes of the queue ($1)"
}
put_back() {
	rm -f "$db" "$db"-wal "$db"-shm
	cp "$T/good.db" "$db"
}
say "truncated, overwritten, of others"
size=$(stat -c %s "$db")
for at in 0 1 512 4096 5000 $((size / 2)) $((size - 4096)) $((size - 1)); do
	put_back
	truncate -s "$at" "$db"
	refused 'damaged.*left as it is.*crrctl queue repair --state'
done
put_back
dd if=/dev/urandom of="$db" bs=4096 seek=3 count=2 conv=notrunc status=none
refused 'damaged.*queue repair'
put_back
seq -f 'Dear diary, day %g' 100 >"$db"
refused 'damaged \(file is not a database.*queue repair'
put_back
sqlite3 "$db" 'PRAGMA user_version = 99'
refused 'made by a newer crrfs.*use the crrfs that made it'
put_back
sqlite3 "$db" 'PRAGMA application_id = 99'
refused 'another program.*another state directory'
put_back
chmod 400 "$db"
refused 'cannot be written.*chmod 600'
rm -f "$db"
ln -s "$T/good.db" "$db"
refused 'symbolic links'
rm -f "$db"
mkdir "$db"
mount_fails any
one_clear_line "$db: it is not a file"
rmdir "$db"

say "other people's changes"
put_back
mount_crrfs
all_rows() { assert_eq "$(ctl queue --state "$STATE" --json | grep -c '"key": "waits')" 30 rows; }
all_rows
kill9_crrfs
[ -s "$db-wal" ] || fail "no log after kill -9"
rm "$db-shm"
: >"$MOUNT_LOG"
mount_crrfs # the index of the log is made anew
if grep -q 'queue\.db' "$MOUNT_LOG"; then fail "a complaint about a lost -shm"; fi
all_rows
kill9_crrfs
rm "$db-wal" "$db-shm"
echo stray >"$STATE/staging/stray"
mount_crrfs
line_of "$MOUNT_LOG" "queue.db-wal.*not there.*crrctl resync" >/dev/null
line_of "$MOUNT_LOG" "staging=kept files=1" >/dev/null
assert_eq "$(cat "$STATE/failed/stray")" stray "what nobody knows"
kill9_crrfs
rm "$db"*
: >"$MOUNT_LOG"
mount_crrfs
line_of "$MOUNT_LOG" "queue.db .*not there.*made anew.*crrctl resync" >/dev/null
proxy_up
ctl resync --wait "$MNT" >"$T/resync"
umount_crrfs
s3 compare

say "caches are made anew"
printf 'no database' >"$STATE/meta.db"
rm -f "$STATE"/meta.db-*
: >"$MOUNT_LOG"
mount_crrfs
line_of "$MOUNT_LOG" "meta.db.*set aside as.*made anew" >/dev/null
assert_eq "$(cat "$STATE/meta.db.damaged")" 'no database'
assert_eq "$(cat "$MNT/waits7")" 7
umount_crrfs

say "a full disk, a read-only one"
[ "$(id -u)" = 0 ] || exit 0
mv "$STATE" "$STATE.kept"
mkdir "$STATE"
mount -t tmpfs -o size=4m,mode=700 tmpfs "$STATE" || exit 0
MOUNTS+=("$STATE")
cp -a "$STATE.kept/." "$STATE"
cat /dev/zero >"$STATE/fill" 2>/dev/null || true
before=$(bytes)
mount_fails any
one_clear_line "$STATE.*(full|space)"
assert_eq "$(bytes)" "$before" "bytes of the queue on a full disk"
rm "$STATE/fill"
mount -o remount,ro "$STATE"
mount_fails any
one_clear_line "$STATE.*[Rr]ead-only"
mount -o remount,rw "$STATE"
mount_crrfs
assert_eq "$(cat "$MNT/waits7")" 7
umount_crrfs
umount "$STATE"
