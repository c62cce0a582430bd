#!/bin/bash
# The random comparison of a mount with a local folder: SEED (1), STEPS (0: without end), S3_SERVER; see compare.py.
# REPLAY=FILE does such a list again, KEEP_GOING=yes shows more than the first difference.
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root, to act as another user too"
begin
make_rules all,markers
# every mount has others
# shellcheck disable=SC2054 # commas within one
options=('' attr_timeout=0 exclusive hold=1,settle=0 early_upload=no,hold=0 settle=0.2,attr_timeout=60)
mounts=0
mount_next() { mount_crrfs "allow_other,${options[mounts++ % ${#options[@]}]}"; }
mount_next
mkdir "$T/local"
coproc COMPARE { exec /usr/bin/python3 -B "$(dirname "$0")/../random/compare.py" "$MNT" "$T/local" --seed "${SEED:-1}" \
	--steps "${STEPS:-0}" --remounts ${REPLAY:+--replay "$REPLAY"} ${KEEP_GOING:+--keep-going}; }
pid=$COMPARE_PID
exec {ask}<&"${COMPARE[0]}" {answer}>&"${COMPARE[1]}"
while read -r how <&"$ask"; do
	case $how in
	remount)
		umount_crrfs
		mount_next
		;;
	kill)
		kill9_crrfs
		mount_next
		;;
	buckets)
		wait_repl
		s3 compare
		;;
	esac
	echo yes >&"$answer"
done
status=0
wait "$pid" || status=$?
[ "$status" = 0 ] || fail "the mount differs from a local folder"
wait_repl
s3 compare
assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
