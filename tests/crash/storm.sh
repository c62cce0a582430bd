#!/bin/bash
# Kills, power cuts, orderly ends and faults of both servers, one after the other or at once, while files are written, tagged,
# renamed and removed. Whatever was acknowledged is there after the next mount, and at the destination, once and in order.
# ROUNDS, SEED; "make soak" does this for an hour.
# servers: s3d
# timeout: 1800
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
# shellcheck source=tests/crash/crash.sh
. "$(dirname "$0")/crash.sh"
rounds=${ROUNDS:-6}
RANDOM=${SEED:-1}
# What a server does wrong, of some requests or until the faults are cleared. No wrong ETag or checksum: what is not what was
# sent is sent once more, and both versions stay.
faults=(
	'count=3 skip=5 action=status:503:SlowDown'
	'count=4 action=status:500:InternalError'
	'count=2 skip=3 action=reset'
	'count=2 skip=7 action=reset-early'
	'count=2 skip=4 action=reset-after'
	'op=PutObject count=3 skip=2 action=reset-after'
	'op=DeleteObject count=2 action=reset-after'
	'op=CopyObject count=2 action=reset-after'
	'op=CreateMultipartUpload count=1 action=reset-after'
	'op=CompleteMultipartUpload count=1 action=reset-after'
	'op=UploadPart count=2 action=truncate'
	'op=PutObject count=2 action=error200'
	'op=PutObjectTagging count=2 action=status:409:OperationAborted'
	'op=GetObject count=3 action=truncate'
	'op=ListObjectsV2 count=2 action=error200'
	'op=HeadObject count=3 action=status:503:SlowDown'
	'count=40 action=latency:60'
	'skip=10 count=1 action=stall'
	'op=PutObject count=5 action=status:403:AccessDenied'
)
kills=0 cuts=0 ends=0 happened=()

tell() { echo "storm: round=$round $*" >>"$MOUNT_LOG"; } # among what the mounts say

random_fault() { fault=${faults[RANDOM % ${#faults[@]}]}; } # no $(): a subshell has a RANDOM of its own

faults_begin() { # in two rounds of three, at one side or at both
	local fault side sides=('' a b 'a b' 'a a b b' '')
	for side in ${sides[RANDOM % 6]}; do
		random_fault
		s3d_admin "$side" faults POST "$fault"
		happened+=("$side: $fault")
		tell "fault $side $fault"
	done
}

faults_end() { no_faults a && no_faults b; }

enough() { more_acknowledged "$1" || work_is_over; } # NUMBER

mount_ends() {
	case $((RANDOM % 5)) in
	0 | 1)
		tell kill
		kill9_crrfs
		work_end
		faults_end
		kills=$((kills + 1))
		;;
	2 | 3)
		tell power cut
		kill9_crrfs
		work_end
		faults_end
		power_back
		cuts=$((cuts + 1))
		;;
	*)
		tell end
		faults_end
		work_stop
		umount_crrfs
		ends=$((ends + 1))
		;;
	esac
}

begin
make_rules all,markers
power_begin
for ((round = 1; round <= rounds; round++)); do
	mount_crrfs timeout=10
	check_all
	work_begin $((${SEED:-1} * 100 + round)) refusals
	faults_begin
	retry_until "$LONG" enough $(($(acknowledged) + 10 + RANDOM % 60))
	mount_ends
done
mount_crrfs
check_all
ctl retry "$MNT" >/dev/null
wait_repl
check_all
umount_crrfs
check_sides
check_leftovers 0 $((rounds * 2))
say "$kills kills, $cuts power cuts, $ends orderly ends, ${#happened[@]} faults; $(wc -l <"$T/history.a") versions on both sides;" \
	"$(oracle total "$T"/notes.*)"
