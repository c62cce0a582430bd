#!/bin/bash
# Many ask for names of one directory at the same time: one question for the first, one listing for all others. Who is killed
# meanwhile goes at once.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that stalls"
echo x >"$T/x"
s3 put a dir/there "$T/x"
mount_crrfs attr_timeout=600
stat "$MNT/dir" >/dev/null

under_way() { # N: so many listings wait for their answer
	s3d_admin a faults GET && grep -q "count=$((100 - $1))" "$T/s3d.out"
}
all_wait() {
	local pid
	for pid in "${asking[@]}"; do [ "$(cat "/proc/$pid/wchan")" = request_wait_answer ] || return 1; done
}
mark_requests
fault a "op=ListObjectsV2 count=100 action=stall"
asking=()
for i in there {1..15}; do
	stat "$MNT/dir/$i" >/dev/null 2>"$T/said.$i" &
	asking+=($!)
done
retry_until "$LONG" all_wait
retry_until "$LONG" under_way 2

kill "${asking[15]}"
gone() { ! running "${asking[15]}"; }
retry_until 20 gone # a hang is 60 seconds
unset 'asking[15]'
all_wait || fail "another one went with it"

no_faults a
found=0
for pid in "${asking[@]}"; do wait "$pid" && found=$((found + 1)); done
assert_eq "$found" 1 "names found"
assert_requests a ListObjectsV2 "" 2
for i in {1..14}; do grep -q "No such file" "$T/said.$i" || fail "$i: $(cat "$T/said.$i")"; done
