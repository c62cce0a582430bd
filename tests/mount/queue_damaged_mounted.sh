#!/bin/bash
# A queue that turns out to be damaged while it is mounted: writes that need it fail, reads go on, the file is left as it is.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/
db=$STATE/queue.db

ends() { # it ends with a status that tells, and leaves the file as it is
	local status=0 before
	before=$(sha256sum <"$db")
	until umount "$MNT" 2>/dev/null || fusermount3 -u "$MNT" 2>/dev/null; do sleep 0.1; done
	end_of_mount
	wait "$MOUNT_PID" || status=$?
	assert_eq $status 1 "exit status of crrfs"
	assert_eq "$(sha256sum <"$db")" "$before" "the file after the end"
}
is_told() {
	assert_eq "$(grep -c "file=$db error=damaged.*unmount, then crrctl queue repair" "$MOUNT_LOG")" 1 "messages ($1)"
	if [ "$(grep -c error "$MOUNT_LOG")" -gt 20 ]; then fail "a storm in the log"; fi
}

say "taken away"
mount_crrfs
mkdir "$MNT/Tax"
echo before >"$MNT/Tax/before"
wait_repl
mv "$db" "$T/aside.db"
cp "$T/aside.db" "$db"
assert_errno "Input/output error" cp "$RULES" "$MNT/Tax/after"
assert_eq "$(cat "$MNT/Tax/before")" before
echo free >"$MNT/needs-no-queue"
is_told "taken away"
ends
assert_eq "$(s3 count-versions a Tax/after)" 0 "versions that no row stands behind"
assert_eq "$(s3 count-versions a needs-no-queue)" 1
rm -rf "$STATE"

say "overwritten"
: >"$MOUNT_LOG"
mount_crrfs
wait_repl
for i in $(seq 40); do echo "$i" >"$MNT/Tax/f$i"; done
wait_repl
sqlite3 "$db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null # all pages are in the file now
dd if=/dev/urandom of="$db" bs=4096 seek=1 count=$(($(stat -c %s "$db") / 4096 - 1)) conv=notrunc status=none
fails() { ! cp "$RULES" "$MNT/Tax/f$((RANDOM % 40))" 2>"$T/err"; }
retry_until "$LONG" fails # pages that SQLite has in memory do for a while
grep -q "Input/output error" "$T/err" || fail "what it says: $(cat "$T/err")"
assert_eq "$(cat "$MNT/Tax/before")" before
is_told overwritten
ends
