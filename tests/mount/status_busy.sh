#!/bin/bash
# Questions of crrctl while files are written, renamed, tagged and removed: every one is answered, nothing is held up or
# lost, and none of it is a data race (tests/audit.sh tsan looks).
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
change() { # NUMBER
	local i f=$MNT/f$1
	for ((i = 0; i < 12; i++)); do
		echo "$i" >"$f"
		echo more >>"$f"
		set_xattr "$f" user.s3.tag.round "$i"
		chmod 600 "$f"
		mv "$f" "$f.moved"
		rm "$f.moved"
		: >"$f"
	done
	echo last >"$f"
}
PIDS=()
for number in 1 2 3; do
	change $number &
	PIDS+=($!)
done
CHILDREN+=("${PIDS[@]}")
asked=0
while running "${PIDS[0]}" || running "${PIDS[1]}" || running "${PIDS[2]}"; do
	assert_match "$(ctl status --json "$MNT")" '"bucket"'
	ctl queue "$MNT" >/dev/null
	ctl wait --timeout 1 "$MNT" >/dev/null 2>&1 || true # commits what is held, too
	asked=$((asked + 1))
done
[ $asked -ge 1 ] || fail "nothing was asked"
for pid in "${PIDS[@]}"; do wait "$pid"; done
wait_repl
for number in 1 2 3; do assert_eq "$(cat "$MNT/f$number")" last; done
s3 compare
umount_crrfs
