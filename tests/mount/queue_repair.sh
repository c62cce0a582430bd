#!/bin/bash
# servers: s3d
# crrctl queue check, repair, export: a damaged queue is kept, and made anew of what can be read; what is left is replicated.
. "$(dirname "$0")/lib.sh"
begin
db=$STATE/queue.db
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs drain_timeout=0
mkdir "$MNT/old"
for i in $(seq 10); do echo "$i" >"$MNT/old/$i"; done
wait_repl
proxy_down
for i in $(seq 60); do echo "$i" >"$MNT/new$i"; done

say "while it is mounted"
assert_eq "$(ctl queue check "$MNT")" "$db is sound"
assert_fails "$CRRCTL" queue repair --state "$STATE"
grep -q "a mount uses it (pid $MOUNT_PID); unmount it first" "$T/err" || fail "repair while mounted: $(cat "$T/err")"
ctl queue export "$MNT" >"$T/export"
rows() { /usr/bin/python3 - "$T/export" "$@" <<'END'; }
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
job = [r for r in rows if r['row'] == 'job']
assert {r['key'] for r in job} == {'old/'} | {'old/%d' % i for i in range(1, 11)} | {'new%d' % i for i in range(1, 61)}, job
assert {r['status'] for r in job} == {'COMPLETED', 'PENDING'}
done = {r['key']: r for r in rows if r['row'] == 'replica'}
assert set(done) == {'old/'} | {'old/%d' % i for i in range(1, 11)}, done
assert all(r['version'] and r['replica_version'] and r['done_ms'] > 0 for r in done.values())
assert {r['name']: r['value'] for r in rows if r['row'] == 'info'}['bucket'].startswith('src-')
assert [r for r in rows if r['row'] == 'destination']
END
rows
if grep -qF -e "$S3_A_SECRET" -e "$S3_B_SECRET" "$T/export"; then fail "a secret in the export"; fi
umount_crrfs

say "sound"
assert_eq "$(ctl queue check "$STATE")" "$db is sound"
assert_eq "$(ctl queue repair "$STATE")" "$db is sound, and was left as it is"
assert_fails "$CRRCTL" queue check "$T"
# the usual place, by the name of the bucket
mkdir -p "$T/xdg/crrfs"
if [ "$(id -u)" != 0 ]; then
	ln -s "$STATE" "$T/xdg/crrfs/$SRC"
	ctl queue check "s3://$SRC" >/dev/null
fi

say "rows that are wrong"
cp "$db" "$T/good.db"
sqlite3 "$db" "UPDATE job SET spec = '{' WHERE key = 'new7'; UPDATE tally SET n = n + 1"
status=0
ctl queue check "$STATE" >"$T/check" || status=$?
assert_eq $status 2 "exit status of check"
line_of "$T/check" 'job [0-9]+ makes no sense: new7' >/dev/null
line_of "$T/check" "the numbers of $DST_ARN are wrong" >/dev/null
line_of "$T/check" "crrctl queue repair --state $STATE" >/dev/null
ctl queue repair "$STATE" >"$T/repair" || fail "nothing is lost: $(cat "$T/repair")"
kept=$(sed -n 's/^the old file is kept as //p' "$T/repair")
cmp "$kept" "$db" >/dev/null && fail "the kept file is the new one"
assert_eq "$(ctl queue check "$STATE")" "$db is sound"
rm "$kept"

say "pages that are wrong"
cp "$T/good.db" "$db"
root=$(sqlite3 "$db" "SELECT rootpage FROM sqlite_schema WHERE name = 'job'")
page=$(sqlite3 "$db" "SELECT max(pageno) FROM dbstat WHERE name = 'job' AND pagetype = 'leaf'" 2>/dev/null || echo "$root")
dd if=/dev/zero of="$db" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
sha256sum <"$db" >"$T/damaged"
mount_fails any
one_clear_line "$db is damaged .*crrctl queue repair --state $STATE"
status=0
ctl queue repair "$STATE" >"$T/repair" || status=$?
assert_eq $status 2 "exit status of a repair that lost rows"
line_of "$T/repair" '^lost: job [0-9]+ of (new|old)' >/dev/null
line_of "$T/repair" "crrctl verify --repair" >/dev/null
kept=$(sed -n 's/^the old file is kept as //p' "$T/repair")
assert_eq "$(sha256sum <"$kept")" "$(cat "$T/damaged")" "the file that is kept"
assert_eq "$(ctl queue check "$STATE")" "$db is sound"
proxy_up
mount_crrfs
wait_repl
ctl resync --wait "$MNT" >"$T/resync"
s3 compare
assert_eq "$(s3 keys b | wc -l)" 71 "keys at the destination"
for i in 1 30 60; do assert_versions "new$i" 1; done # nothing is there twice
umount_crrfs

say "nothing is left"
echo 'Dear diary' >"$db"
echo stray >"$STATE/staging/stray"
status=0
ctl queue repair "$STATE" >"$T/repair" || status=$?
assert_eq $status 2 "exit status"
line_of "$T/repair" 'nothing can be read' >/dev/null
mount_crrfs
assert_eq "$(cat "$STATE/failed/stray")" stray
echo on >"$MNT/on"
wait_repl
umount_crrfs
