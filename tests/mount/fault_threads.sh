#!/bin/bash
# No thread can be made any more while the mount runs (a limit of processes): what is asked goes on with those that are there, or
# waits for them; nothing is lost, the log says once what to raise, and when there is room again the mount needs nobody's help.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
meddler_start a
refuse_begin
make_rules all,markers
AGAIN=11
mount_crrfs "url=$MEDDLE_A,timeout=3600,retry_first=0.1,retry_max=0.5,heal_first=0.2"
mkdir "$MNT"/d{1..40} # who looks up names in one directory waits in the kernel, one for the other
echo known >"$MNT/known"
wait_repl

say "with those that are there"
refuse "thread $AGAIN 0"
writers=()
for i in $(seq 12); do
	(for k in 1 2 3; do echo "$i $k" >"$MNT/file-$i-$k"; done; mv "$MNT/file-$i-1" "$MNT/moved-$i") &
	writers+=($!)
done
for pid in "${writers[@]}"; do wait "$pid" || fail "a writer failed"; done
random_file "$T/big" 12000000
cp "$T/big" "$MNT/big"
assert_file_equal "$T/big" "$MNT/big"
wait_repl
s3 compare

say "all of them wait for the source"
ls -d "$MNT"/d*/ >/dev/null
meddle a 'freeze - -1 -'
waiters=()
for i in $(seq $(($(cat "/proc/$MOUNT_PID/task/"*/comm | grep -c '^fuse$') + 2))); do
	cat "$MNT/d$i/never" 2>>"$T/err" &
	waiters+=($!)
done
said() { grep 'threads=short' "$MOUNT_LOG"; }
retry_until "$LONG" said
assert_match "$(said)" 'why=".*TasksMax='
df "$MNT" >"$T/df" &
asker=$!
refuse
retry_until "$LONG" grep 'threads=enough' "$MOUNT_LOG"
wait $asker || fail "df"
for pid in "${waiters[@]}"; do running "$pid" || fail "told something without the source: $(cat "$T/err")"; done
assert_eq "$(said | wc -l)" 1 "lines in the log"
kill "${waiters[@]}"
meddle a
for pid in "${waiters[@]}"; do wait "$pid" 2>>"$T/err" || true; done
assert_eq "$(cat "$MNT/known")" known
echo after >"$MNT/after"
wait_repl
s3 compare
umount_crrfs
