#!/bin/bash
# The source is slow to tell of one name: other names of the same directory do not wait for that. It tells nothing at all, and
# many wait for it: each may be killed at once, and df and what is known are still there.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that stalls"
echo x >"$T/x"
s3 put a dir/ /dev/null , put a dir/one "$T/x" , put a dir/two "$T/x"
mount_crrfs attr_timeout=3600
mkdir "$MNT/known"
sync "$MNT/known"
stat "$MNT" "$MNT/known" "$MNT/dir" >/dev/null

say "one name"
fault a "op=HeadObject key=dir/one count=-1 action=stall"
stat "$MNT/dir/one" >/dev/null &
one=$!
waits() { [ "$(cat /proc/$one/wchan)" = request_wait_answer ]; }
retry_until "$LONG" waits
sleep 0.5 # it is still the same question
timeout 20 cat "$MNT/dir/two" >/dev/null || fail "one name waits for another"
running $one || fail "it did not wait"
no_faults a
wait $one

say "many names"
fault a "op=ListObjectsV2 count=-1 action=stall" "op=HeadObject count=-1 action=stall"
many=()
for i in $(seq 100); do
	stat "$MNT/dir/unknown$i" >/dev/null 2>&1 &
	many+=($!)
done
all_wait() {
	local pid n=0
	for pid in "${many[@]}"; do [ "$(cat "/proc/$pid/wchan")" = request_wait_answer ] && n=$((n + 1)); done
	[ $n = 100 ]
}
retry_until "$LONG" all_wait
timeout 20 df "$MNT" >/dev/null || fail "df waits"
timeout 20 stat "$MNT" "$MNT/known" >/dev/null || fail "what is known waits"
kill "${many[@]}"
all_gone() {
	local pid
	for pid in "${many[@]}"; do ! running "$pid" || return 1; done
}
retry_until 20 all_gone # a hang is 60 seconds, each
no_faults a
wait "${many[@]}" || true
assert_eq "$(cat "$MNT/dir/one")" x
