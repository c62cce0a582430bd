#!/bin/bash
# 200 processes write at once: own files, one shared file with O_APPEND, one with pwrite at own places.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
mkdir "$MNT/own"
for i in $(seq 200); do
	{
		{ echo "writer $i"; head -c $((i * 100)) /dev/zero; } >"$MNT/own/$i"
		echo "writer $i says a line" >>"$MNT/appended"
		printf '%05d\n' "$i" | dd of="$MNT/placed" bs=6 seek=$((i - 1)) conv=notrunc status=none
	} &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a writer failed"; done
assert_eq "$(find "$MNT/own" -type f | wc -l)" 200 files
for i in 1 77 200; do assert_eq "$(head -n 1 "$MNT/own/$i") $(stat -c %s "$MNT/own/$i")" "writer $i $((i * 100 + 8 + ${#i}))"; done
assert_eq "$(sort -u "$MNT/appended" | wc -l) $(wc -l <"$MNT/appended")" "200 200" "lines, lines"
assert_eq "$(sha256sum <"$MNT/placed")" "$(seq -f %05g 200 | sha256sum)" "the file that all wrote to"
wait_repl
s3 compare
assert_eq "$(s3 keys a | wc -l) $(s3 keys b | wc -l)" "203 203" keys
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
