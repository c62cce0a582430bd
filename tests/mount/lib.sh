# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120,SC2153,SC2317 # the tests use what is made here
# lib.sh - what every mount test needs. Sourced; plain bash.
#
#   #!/bin/bash
#   . "$(dirname "$0")/lib.sh"
#   begin                                   own servers or buckets, own folder $T, cleaned up at the end
#   make_rules prefix=Tax/                  the rules file
#   mount_crrfs                             s3://$SRC on $MNT, state in $STATE
#   echo hello >"$MNT/Tax/a"
#   wait_repl
#   s3 compare --prefix Tax/
#
# S3_SERVER=s3d (default) or rgw selects the server, CRRFS_BUILD the build tree. A command that fails ends the
# test as failed (set -e). Exit status: 0 passed, 1 failed, 77 skipped, with the reason on the last line.
# "# servers: s3d" in a test's head says that it needs faults which only that server can make.
# No test asserts a time: what takes time is polled, with a bound that only a hang reaches.

set -eEuo pipefail
shopt -s inherit_errexit

TEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$TEST_DIR/../.." && pwd)
BUILD=$(cd "${CRRFS_BUILD:-$TOP}" && pwd)
CRRFS=$BUILD/crrfs
CRRCTL=$BUILD/crrctl
S3D=${S3D:-$BUILD/tests/s3d/s3d}
TEST_NAME=$(basename "$0" .sh)
S3_SERVER=${S3_SERVER:-s3d}
LONG=${TEST_PATIENCE:-120} # seconds that only a hang reaches
MOUNTS=()                  # mountpoints of ours
CHILDREN=()                # processes of ours
DAEMONS=()                 # processes that our mounts left in the background
ASIDE=()
LAST_LINE=
USE_TLS=${USE_TLS:-} # set before begin: the servers speak https with the certificate $S3_CA

# ---- verdicts ----------------------------------------------------------------------------------------------

say() { echo "$TEST_NAME: $*"; }

fail() {
	local i
	echo "FAIL: $*" >&2
	for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
		echo "  at $(basename "${BASH_SOURCE[i]}"):${BASH_LINENO[i - 1]} ${FUNCNAME[i]}" >&2
	done
	FAILED=yes
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

assert_eq() { # got expected [what]
	[ "$1" = "$2" ] || fail "${3:-value}: got '$1', expected '$2'"
}

assert_match() { # text regex [what]
	[[ $1 =~ $2 ]] || fail "${3:-text} does not match '$2': $1"
}

assert_file_equal() {
	cmp -- "$1" "$2" || fail "the files differ: $1 $2"
}

assert_fails() { # command...: it must fail in an ordinary way (not die of a signal)
	local status=0
	"$@" >"$T/out" 2>"$T/err" || status=$?
	[ $status != 0 ] || fail "should have failed: $*"
	[ $status -lt 128 ] || fail "died with status $status: $*"
}

# The errno of a failing command by its message: assert_errno "No space left" cmd...
assert_errno() {
	local words=$1
	shift
	assert_fails "$@"
	grep -qF -- "$words" "$T/err" || fail "expected '$words' from: $*; got: $(cat "$T/err")"
}

retry_until() { # seconds command...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >"$T/retry.out" 2>&1; do
		if [ $SECONDS -ge $end ]; then
			cat "$T/retry.out" >&2
			fail "gave up waiting for: $*"
		fi
		sleep 0.1
	done
}

# One line of text out of a file, pattern given: the first line of $1 that matches.
line_of() { grep -m1 -E -- "$2" "$1" || fail "$1 has no line like '$2'"; }

# ---- the servers -------------------------------------------------------------------------------------------

s3() { S3_SERVER=$S3_SERVER /usr/bin/python3 "$TEST_DIR/s3.py" "$@"; }

make_certificate() { # one for 127.0.0.1, in $T/tls
	mkdir "$T/tls"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1 \
		-keyout "$T/tls/key.pem" -out "$T/tls/cert.pem" -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
		2>"$T/tls/log" || fail "openssl: $(cat "$T/tls/log")"
}

# What a test may set before begin, for the s3d of side a (and so with _b):
#   S3D_OPTIONS_a=(--minio)   more options: --without FEATURE,..., --kms-key ARN, ... (tests/s3d/README.md)
#   S3D_BUCKET_a=lock         the bucket (on the gateway too): versioned (default), lock, or empty: never versioned
#   ACCOUNT_a=444455556666    the account that owns the bucket and the credentials
# Besides, each server knows the credentials OTHER_KEY, OTHER_SECRET (profile "other", s3.py "b+") of OTHER_ACCOUNT.
ACCOUNT_a=111122223333 ACCOUNT_b=111122223333
S3D_BUCKET_a=versioned S3D_BUCKET_b=versioned
S3D_HOST_a=127.0.0.1 S3D_HOST_b=127.0.0.1
S3D_OPTIONS_a=() S3D_OPTIONS_b=()
OTHER_ACCOUNT=999988887777 OTHER_KEY=AKIATESTOFTHEOTHER00 OTHER_SECRET=secret-of-the-other-account

canonical_id() { printf %s "$1" | sha256sum | cut -c1-64; } # account: as s3d makes it

start_s3d() { # a|b: one region of the test's own, with its bucket; again after a stop_s3d: at the same place
	local side=$1 region host=S3D_HOST_$1 port=S3D_PORT_$1 name scheme=http account=ACCOUNT_$1 kind=S3D_BUCKET_$1
	local -n more=S3D_OPTIONS_$1
	local options=(${more[@]+"${more[@]}"} --account "$ACCOUNT_a" --account "$ACCOUNT_b")
	case $side in a) region=us-east-1 name=$SRC ;; b) region=eu-west-1 name=$DST ;; esac
	rm -f "$T/s3d-$side.ready"
	if [ -n "$USE_TLS" ]; then
		options+=(--tls-cert "$T/tls/cert.pem" --tls-key "$T/tls/key.pem")
		scheme=https
	fi
	# the keys go by the environment, so that they are in no process list
	local keys=AKIATEST000000000$side$side$side:secret-of-test-in-region-$side:${!account}
	S3D_KEYS=$keys,$OTHER_KEY:$OTHER_SECRET:$OTHER_ACCOUNT "$S3D" --dir "$T/s3d-$side" \
		--listen "${!host}:${!port:-0}" --region $region --create "$name${!kind:+:${!kind}}" \
		--log "$T/s3d-$side.log" --ready-file "$T/s3d-$side.ready" "${options[@]}" \
		</dev/null >>"$T/s3d-$side.err" 2>&1 &
	printf -v "S3D_PID_$side" '%s' $!
	CHILDREN+=($!)
	retry_until "$LONG" test -s "$T/s3d-$side.ready"
	local R=${side^} at
	at=$(cat "$T/s3d-$side.ready")
	printf -v "$port" '%s' "${at##*:}"
	printf -v "S3_${R}_ENDPOINT" '%s' "$scheme://$at"
	printf -v "S3_${R}_REGION" '%s' $region
	printf -v "S3_${R}_KEY" '%s' "AKIATEST000000000$side$side$side"
	printf -v "S3_${R}_SECRET" '%s' "secret-of-test-in-region-$side"
	printf -v "S3_${R}_LOG" '%s' "$T/s3d-$side.log"
}

stop_s3d() { # a|b: its data stay
	local pid=S3D_PID_$1
	end_process "${!pid}"
}

s3d_admin() { # a|b PAGE METHOD LINE...: of /_s3d/PAGE
	local side=$1 page=$2 method=$3
	shift 3
	only_on s3d "faults and settings"
	printf '%s\n' "$@" | curl -skf -X "$method" --data-binary @- "$(endpoint_of "$side")/_s3d/$page" >"$T/s3d.out" ||
		fail "s3d $side $page $*"
}

# fault a|b LINE...: each line is words as in tests/s3d/README.md, "op=PutObject key=a* count=2 action=status:503"
fault() {
	local side=$1
	shift
	s3d_admin "$side" faults PUT "$@"
}
no_faults() { s3d_admin "$1" faults DELETE; }

# 403 for an S3 operation in the side's bucket, or for the header that needs its permission, until allow
deny() { # a|b|c OPERATION
	s3d_admin "$1" faults POST "op=$2 bucket=$(bucket_of "$1") name=$1-$2 action=deny"
}
allow() { s3d_admin "$1" "faults?name=$1-$2" DELETE; } # a|b|c OPERATION

# From now on the side's bucket is on a server without these; without FEATURES on a good one again.
lacks() { # a|b|c [FEATURE,...]
	s3d_admin "$1" settings PUT "without=${2:-} bucket=$(bucket_of "$1")"
}

kms_key() { s3d_admin "$1" settings PUT "kms-key=$2 state=$3"; } # a|b ARN enabled|disabled|unknown

# What HEAD and GET say in x-amz-replication-status. The key is URL-encoded.
set_replication_status() { # a|b|c STATUS KEY [VERSION]
	s3d_admin "$1" settings PUT "replication-status=$2 bucket=$(bucket_of "$1") key=$3${4:+ version=$4}"
}

start_servers() {
	case $S3_SERVER in
	s3d)
		[ -x "$S3D" ] || skip "$S3D is not built"
		[ -z "$USE_TLS" ] || make_certificate
		start_s3d a
		start_s3d b
		[ -z "$USE_TLS" ] || S3_CA=$T/tls/cert.pem
		;;
	rgw)
		"$TOP/tests/rgw/up.sh" >"$T/rgw.env" 2>"$T/rgw.log" || {
			cat "$T/rgw.log" >&2
			skip "the gateway does not start: $(tail -n1 "$T/rgw.log")"
		}
		# shellcheck disable=SC1091
		. "$T/rgw.env"
		[ -z "$USE_TLS" ] || S3_A_ENDPOINT=$S3_A_TLS S3_B_ENDPOINT=$S3_B_TLS
		;;
	*) fail "S3_SERVER=$S3_SERVER: neither s3d nor rgw" ;;
	esac
	S3_C_ENDPOINT=$S3_B_ENDPOINT S3_C_REGION=$S3_B_REGION S3_C_KEY=$S3_B_KEY S3_C_SECRET=$S3_B_SECRET
	S3_C_LOG=$S3_B_LOG
	export S3_A_ENDPOINT S3_A_REGION S3_A_KEY S3_A_SECRET S3_B_ENDPOINT S3_B_REGION S3_B_KEY S3_B_SECRET
	S3_D_ENDPOINT=$S3_B_ENDPOINT S3_D_REGION=$S3_B_REGION S3_D_KEY=$S3_B_KEY S3_D_SECRET=$S3_B_SECRET
	export S3_C_ENDPOINT S3_C_REGION S3_C_KEY S3_C_SECRET S3_D_ENDPOINT S3_D_REGION S3_D_KEY S3_D_SECRET
	export S3_OTHER_KEY=$OTHER_KEY S3_OTHER_SECRET=$OTHER_SECRET
	[ -z "$USE_TLS" ] || export S3_CA
}

only_on() { # server reason
	[ "$S3_SERVER" = "$1" ] || skip "needs $1: $2"
}

# ---- begin and end -----------------------------------------------------------------------------------------

begin() {
	FAILED=
	T=$(mktemp -d "${TMPDIR:-/tmp}/crrfs-test.XXXXXX")
	trap 'LAST_LINE="$(basename "${BASH_SOURCE[0]}"):$LINENO: $BASH_COMMAND"' ERR
	trap at_exit EXIT
	trap 'exit 143' TERM
	trap 'exit 130' INT
	[ -x "$CRRFS" ] || fail "$CRRFS is not built"
	export LC_ALL=C.UTF-8 HOME=$T/home XDG_STATE_HOME=$T/xdg
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION \
		http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
	export AWS_SHARED_CREDENTIALS_FILE=$T/credentials AWS_CONFIG_FILE=$T/config AWS_EC2_METADATA_DISABLED=true
	export no_proxy='*' NO_PROXY='*'
	mkdir "$HOME"
	MNT=$T/mnt
	STATE=$T/state
	RULES=$T/rules.json
	DESTINATIONS=$T/destinations.conf
	MOUNT_LOG=$T/mount.log
	MOUNT_PID=
	mkdir "$MNT"
	umask 022
	local id
	id=$(printf '%s-%d-%s' "${TEST_NAME//[^a-z0-9]/}" $$ "$(date +%s%N | tail -c 7)")
	SRC=src-$id DST=dst-$id DST2=other-$id DST3=more-$id
	export S3_A_BUCKET=$SRC S3_B_BUCKET=$DST S3_C_BUCKET=$DST2 S3_D_BUCKET=$DST3
	SRC_ARN=arn:aws:s3:::$SRC DST_ARN=arn:aws:s3:::$DST DST2_ARN=arn:aws:s3:::$DST2
	DST3_ARN=arn:aws:s3:::$DST3
	start_servers
	[ "$S3_SERVER" = s3d ] || s3 mkbucket a "--$S3D_BUCKET_a" , mkbucket b "--$S3D_BUCKET_b"
	cat >"$T/credentials" <<-END
		[a]
		aws_access_key_id = $S3_A_KEY
		aws_secret_access_key = $S3_A_SECRET
		[b]
		aws_access_key_id = $S3_B_KEY
		aws_secret_access_key = $S3_B_SECRET
		[other]
		aws_access_key_id = $OTHER_KEY
		aws_secret_access_key = $OTHER_SECRET
		[wrong]
		aws_access_key_id = $S3_A_KEY
		aws_secret_access_key = this-is-not-the-secret
	END
	printf '[profile a]\nregion = %s\n[profile b]\nregion = %s\n' "$S3_A_REGION" "$S3_B_REGION" >"$T/config"
	chmod 600 "$T/credentials"
	make_destinations
	make_rules all
}

# A second destination bucket, side c, in the same region as b.
third_bucket() { s3 mkbucket c --versioned; }
fourth_bucket() { s3 mkbucket d --versioned; } # side d, for a third destination

# Where the destinations are. An argument replaces the URL of b (a proxy, or a dead port).
make_destinations() {
	cat >"$DESTINATIONS" <<-END
		# the tests' destinations
		[$DST_ARN]
		url = ${1:-$S3_B_ENDPOINT}
		region = $S3_B_REGION
		profile = b
		use_path_request_style = yes

		[$DST2_ARN]
		url = $S3_C_ENDPOINT
		region = $S3_C_REGION
		profile = b
		use_path_request_style = yes

		[$DST3_ARN]
		url = $S3_D_ENDPOINT
		region = $S3_D_REGION
		profile = b
		use_path_request_style = yes
	END
}

# make_rules RULE...: each rule is words with commas between them, e.g. "prefix=Tax/,tag=class:tax,to=c,priority=3":
#   all | prefix=P | tag=K:V (several: all needed) ; to=b|c|d ; priority=N ; markers (deletes as well) ; disabled ; id=ID
#   class=STORAGE_CLASS ; account=N ; owner (the replicas are account's) ; kms=KEY ; modifications (of replicas, too)
make_rules() {
	local rule word n=0 sep='' words
	{
		printf '{"Role": "arn:aws:iam::123456789012:role/crr", "Rules": ['
		for rule; do
			n=$((n + 1))
			local prefix='' tags=() to=$DST_ARN priority=$n markers=Disabled status=Enabled id=rule-$n filter list tag
			local more='' criteria=''
			IFS=, read -ra words <<<"$rule"
			for word in "${words[@]}"; do
				case $word in
				all) ;;
				prefix=*) prefix=${word#*=} ;;
				tag=*) tags+=("${word#*=}") ;;
				to=b) to=$DST_ARN ;;
				to=c) to=$DST2_ARN ;;
				to=d) to=$DST3_ARN ;;
				priority=*) priority=${word#*=} ;;
				markers) markers=Enabled ;;
				disabled) status=Disabled ;;
				id=*) id=${word#*=} ;;
				class=*) more+=", \"StorageClass\": \"${word#*=}\"" ;;
				account=*) more+=", \"Account\": \"${word#*=}\"" ;;
				owner) more+=', "AccessControlTranslation": {"Owner": "Destination"}' ;;
				kms=*)
					more+=", \"EncryptionConfiguration\": {\"ReplicaKmsKeyID\": \"${word#*=}\"}"
					criteria+='"SseKmsEncryptedObjects": {"Status": "Enabled"}'
					;;
				modifications) criteria+='"ReplicaModifications": {"Status": "Enabled"}' ;;
				*) fail "make_rules: what is $word" ;;
				esac
			done
			list=
			for tag in ${tags[@]+"${tags[@]}"}; do
				list="$list${list:+, }{\"Key\": \"${tag%%:*}\", \"Value\": \"${tag#*:}\"}"
			done
			if [ ${#tags[@]} = 0 ]; then
				filter="{\"Prefix\": \"$prefix\"}"
			elif [ ${#tags[@]} = 1 ] && [ -z "$prefix" ]; then
				filter="{\"Tag\": $list}"
			elif [ -z "$prefix" ]; then
				filter="{\"And\": {\"Tags\": [$list]}}"
			else
				filter="{\"And\": {\"Prefix\": \"$prefix\", \"Tags\": [$list]}}"
			fi
			printf '%s\n  {"ID": "%s", "Priority": %d, "Status": "%s", "Filter": %s,' "$sep" "$id" "$priority" \
				"$status" "$filter"
			[ -z "$criteria" ] || printf ' "SourceSelectionCriteria": {%s},' "$criteria"
			printf ' "DeleteMarkerReplication": {"Status": "%s"}, "Destination": {"Bucket": "%s"%s}}' "$markers" "$to" \
				"$more"
			sep=,
		done
		printf '\n]}\n'
	} >"$RULES.new"
	mv "$RULES.new" "$RULES"
}

at_exit() {
	local status=$? pid where
	trap - ERR EXIT
	set +eE
	if [ $status != 0 ] && [ $status != 77 ]; then
		[ -n "$FAILED" ] || echo "FAIL: status $status at $LAST_LINE" >&2
		show_logs >&2
	fi
	for where in ${MOUNTS[@]+"${MOUNTS[@]}"}; do
		if is_mounted "$where"; then
			unmount_now "$where"
		fi
	done
	for pid in ${CHILDREN[@]+"${CHILDREN[@]}"} ${DAEMONS[@]+"${DAEMONS[@]}"}; do
		end_process "$pid"
	done
	# the gateway has all buckets of all tests in memory
	if [ -z "${KEEP:-}" ] && [ "$S3_SERVER" = rgw ] && [ "$(du -sm "$T" | cut -f1)" -ge 10 ]; then
		timeout 60 /usr/bin/python3 "$TEST_DIR/s3.py" rmbucket a , rmbucket b >/dev/null 2>&1
	fi
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $T"
	else
		rm -rf "$T" "${ASIDE[@]}"
	fi
	exit $status
}

show_logs() {
	local log
	for log in "$T"/mount*.log "$T"/s3d-*.err "$T"/err "$T"/proxy.log; do
		[ -s "$log" ] || continue
		echo "---- the end of $(basename "$log")"
		tail -n 40 "$log" | cut -c1-600
	done
	if [ -n "${MOUNT_PID:-}" ] && [ -d "$STATE" ]; then
		echo "---- crrctl status, queue"
		timeout 10 "$CRRCTL" status --state "$STATE" 2>&1 | head -20
		timeout 10 "$CRRCTL" queue --state "$STATE" 2>&1 | head -20
	fi
	echo "---- end of logs"
}

# A process of ours that is there and no zombie. Its id may be another's soon after it ended: a child has us for its parent,
# a daemon a place below $T in its command.
running() {
	local stat state parent
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -r state parent _ <<<"${stat##*) }"
	[ "$state" != Z ] || return 1
	[ "$parent" = $$ ] || grep -qF -- "$T/" "/proc/$1/cmdline" 2>/dev/null
}

end_process() {
	local i
	running "$1" || return 0
	kill "$1" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		running "$1" || return 0
		sleep 0.05
	done
	kill -9 "$1" 2>/dev/null
	return 0
}

# ---- the mount ---------------------------------------------------------------------------------------------

is_mounted() { awk -v m="$1" '$2 == m { found = 1 } END { exit !found }' /proc/self/mounts; }

unmount_now() { # even if it is dead or busy
	if [ "$(id -u)" = 0 ]; then
		umount -l "$1" 2>/dev/null || fusermount3 -uz "$1"
	else
		fusermount3 -uz "$1"
	fi
}

base_options() {
	printf 'url=%s,region=%s,use_path_request_style,profile=a,rules=%s,destinations=%s,state=%s' \
		"$S3_A_ENDPOINT" "$S3_A_REGION" "$RULES" "$DESTINATIONS" "$STATE"
}

# mount_crrfs [OPTIONS [PREFIX]]: mounts s3://$SRC[/PREFIX] on $MNT, in the foreground of a child, log in $MOUNT_LOG
mount_crrfs() {
	local options
	options=$(base_options)${1:+,$1}
	MOUNTS+=("$MNT")
	"$CRRFS" "s3://$SRC${2:+/$2}" "$MNT" -f -o "$options" </dev/null >>"$MOUNT_LOG" 2>&1 &
	MOUNT_PID=$!
	CHILDREN+=("$MOUNT_PID")
	local end=$((SECONDS + 60))
	until is_mounted "$MNT" && stat -f "$MNT" >/dev/null 2>&1; do
		running "$MOUNT_PID" || fail "crrfs ended instead of mounting: $(tail -n3 "$MOUNT_LOG")"
		[ $SECONDS -lt $end ] || fail "crrfs does not mount"
		sleep 0.05
	done
}

# The mount must fail: its message goes to $T/err, its status is checked. mount_fails STATUS OPTIONS [BUCKET]
mount_fails() {
	local expected=$1 status=0 options
	options=$(base_options)${2:+,$2}
	MOUNTS+=("$MNT")
	timeout "$LONG" "$CRRFS" "s3://${3:-$SRC}" "$MNT" -o "$options" </dev/null >"$T/out" 2>"$T/err" || status=$?
	if is_mounted "$MNT"; then fail "this should not have mounted"; fi
	[ $status != 0 ] || fail "exit status 0, but nothing is mounted"
	[ "$expected" = any ] || assert_eq $status "$expected" "exit status"
}

# One line in plain words, no secret in it.
one_clear_line() { # regex
	local lines
	lines=$(grep -vc '^ *$' "$T/err") || true
	assert_eq "$lines" 1 "lines of the message ($(cat "$T/err"))"
	assert_match "$(cat "$T/err")" "$1" message
	if grep -qF -e "$S3_A_SECRET" -e "$S3_B_SECRET" "$T/err"; then fail "a secret in the message"; fi
}

# A command in the world of a second mount: of the same bucket on $SECOND, or of $DST on $BACK, which replicates to $SRC.
SECOND_PID='' BACK_PID=''
second() { # command...
	SECOND=$T/second
	local MNT=$SECOND STATE=$T/state-second MOUNT_LOG=$T/mount-second.log MOUNT_PID=$SECOND_PID
	mkdir -p "$MNT"
	"$@"
	SECOND_PID=$MOUNT_PID
}
back() { # command...
	BACK=$T/back
	local -x AWS_SHARED_CREDENTIALS_FILE=$T/credentials-back
	local here=("$SRC" "$SRC_ARN" "$S3_A_ENDPOINT" "$S3_A_REGION") MOUNT_PID=$BACK_PID
	local SRC=$DST SRC_ARN=$DST_ARN S3_A_ENDPOINT=$S3_B_ENDPOINT S3_A_REGION=$S3_B_REGION
	local DST=${here[0]} DST_ARN=${here[1]} S3_B_ENDPOINT=${here[2]} S3_B_REGION=${here[3]}
	local MNT=$BACK STATE=$T/state-back MOUNT_LOG=$T/mount-back.log
	local RULES=$T/rules-back.json DESTINATIONS=$T/destinations-back.conf
	sed 's/^\[a\]/[was-a]/; s/^\[b\]/[a]/; s/^\[was-a\]/[b]/' "$T/credentials" >"$AWS_SHARED_CREDENTIALS_FILE"
	chmod 600 "$AWS_SHARED_CREDENTIALS_FILE"
	mkdir -p "$MNT"
	"$@"
	BACK_PID=$MOUNT_PID
}

umount_crrfs() { # an orderly end: unmount, wait for the process, status 0
	local end=$((SECONDS + LONG)) status=0
	until { if [ "$(id -u)" = 0 ]; then umount "$MNT"; else fusermount3 -u "$MNT"; fi; } 2>"$T/umount.err"; do
		[ $SECONDS -lt $end ] || fail "cannot unmount: $(cat "$T/umount.err")"
		sleep 0.1
	done
	end_of_mount
	wait "$MOUNT_PID" || status=$?
	assert_eq $status 0 "exit status of crrfs"
}

end_of_mount() { # wait for the process to end
	local end=$((SECONDS + LONG))
	while running "$MOUNT_PID"; do
		[ $SECONDS -lt $end ] || fail "crrfs is still running after it was told to end"
		sleep 0.05
	done
}

kill9_crrfs() {
	kill -9 "$MOUNT_PID"
	wait "$MOUNT_PID" 2>/dev/null || true
	if is_mounted "$MNT"; then
		unmount_now "$MNT"
	fi
}

remount_crrfs() {
	umount_crrfs
	mount_crrfs "$@"
}

ctl() { timeout "$LONG" "$CRRCTL" "$@"; }

wait_repl() { # [seconds]: until everything is replicated
	timeout $((${1:-$LONG} + 20)) "$CRRCTL" wait --timeout "${1:-$LONG}" "$MNT" >"$T/wait.out" 2>&1 || {
		cat "$T/wait.out" >&2
		fail "crrctl wait"
	}
}

queue_says() { sqlite3 -readonly -cmd '.timeout 10000' "$STATE/queue.db" "$1"; } # SQL

all_looked_at() { # every copy is done, and the order check has looked at it
	[ "$(queue_says 'SELECT count(*) FROM job WHERE state <> 4 OR checked = 0')" = 0 ]
}
wait_looked_at() { retry_until "$LONG" all_looked_at; }

# Does /proc say how much memory crrfs takes? Of a build for ASan or TSan it counts what they note of it, too.
shows_memory() { ! grep -qE 'lib[at]san' <<<"$(ldd "$BUILD/crrfs" 2>/dev/null)"; } # no pipe: ldd is killed where grep ends first

# ---- files and xattrs --------------------------------------------------------------------------------------

random_file() { # path bytes [seed]: the same bytes for the same seed
	openssl enc -aes-128-ctr -nosalt -pass "pass:${3:-$TEST_NAME}" -pbkdf2 -iter 1 -in /dev/zero 2>/dev/null |
		head -c "$2" >"$1" || [ "$(stat -c %s "$1")" = "$2" ]
}

xattr() { getfattr --absolute-names --only-values -n "$2" -- "$1"; } # file name
set_xattr() { setfattr -n "$2" -v "$3" -- "$1"; }                   # file name value
list_xattrs() { getfattr --absolute-names -m- -- "$1" | sed '1d;/^$/d' | sort; }        # names
dump_xattrs() { getfattr --absolute-names -d -m- -- "$1" | sed '1d;/^$/d' | sort; }     # name="value"

replicated() { # file: its status says COMPLETED
	[ "$(xattr "$1" user.s3.replication-status)" = COMPLETED ]
}

# Objects that no mount wrote, under a rule for the tag go=yes: this makes them match, and the queue copies them.
let_go() { # key...
	local key
	for key; do set_xattr "$MNT/$key" user.s3.tag.go yes; done
}

assert_arrived() { # key...: b has what a has
	local key
	for key; do
		s3 what a "$key" >"$T/what.a"
		s3 what b "$key" >"$T/what.b"
		diff "$T/what.a" "$T/what.b" || fail "$key differs at the destination"
	done
}

# On both sides, by ListObjectVersions. After wait_repl.
assert_versions() { # key versions [delete-markers]
	local got
	got=$(s3 count-versions a "$1" , count-markers a "$1" , count-versions b "$1" , count-markers b "$1" | tr '\n' ' ')
	assert_eq "$got" "$2 ${3:-0} $2 ${3:-0} " "versions and delete markers of $1 at the source, at the destination"
}

# ---- the same in a local folder ------------------------------------------------------------------------------

# One command in $T/local and in $MNT/work, each as the current folder; make_twins makes both.
make_twins() { mkdir -p "$T/local" "$MNT/work"; }
on_both() { # command...
	local top
	for top in "$T/local" "$MNT/work"; do (cd "$top" && "$@"); done
}

facts_of() { # folder [times]: name, type, mode, owner, target, size, links, and with "times" the modification time
	(cd "$1" && find . -mindepth 1 \( -type d -printf "%P\t%y\t%m\t%U:%G\0" \) -o \
		-printf "%P\t%y\t%m\t%U:%G\t%l\t%s\t%n${2:+\t%T@}\0" | sort -z | tr '\0' '\n')
}

same_trees() { # local folder, folder in the mount [times]: names, contents and metadata are equal
	facts_of "$1" "${3:-}" >"$T/facts.local"
	facts_of "$2" "${3:-}" >"$T/facts.mount"
	diff "$T/facts.local" "$T/facts.mount" || fail "the metadata differ: $1 $2"
	diff -r --no-dereference "$1" "$2" || fail "the trees differ: $1 $2"
}

# The twins are equal now, in both buckets, and for the next mount, which knows nothing of this one.
twins_last() { # [times]
	same_trees "$T/local" "$MNT/work" "${1:-}"
	wait_repl
	s3 compare , tree a "$T/local" work/
	assert_eq "$(s3 uploads a , uploads b)" "" "unfinished uploads"
	umount_crrfs
	mv "$STATE" "$STATE.before"
	mount_crrfs
	same_trees "$T/local" "$MNT/work" "${1:-}"
}

# ---- counting requests -------------------------------------------------------------------------------------

log_of() { local name=S3_${1^}_LOG; echo "${!name}"; }
endpoint_of() { local name=S3_${1^}_ENDPOINT; echo "${!name}"; }
bucket_of() { local name=S3_${1^}_BUCKET; echo "${!name}"; }

# The log is written a little after the answer: ask for something unmistakable and wait until that is there.
flush_log() { # a|b
	local mark=by-the-test-$RANDOM-$RANDOM
	curl -sk -o /dev/null --max-time 20 "$(endpoint_of "$1")/$(bucket_of "$1")/$mark" || true
	retry_until "$LONG" grep -qa "$mark" "$(log_of "$1")"
}

mark_requests() { # from here on requests count
	flush_log a
	flush_log b
	MARK_A=$(stat -c %s "$(log_of a)")
	MARK_B=$(stat -c %s "$(log_of b)")
}

# requests a|b: operation, bytes, status, key, query; one line for each request of crrfs since mark_requests
requests() {
	flush_log "$1"
	if [ "$1" = a ]; then s3 requests a "$(log_of a)" "$MARK_A"; else s3 requests "$1" "$(log_of b)" "$MARK_B"; fi
}

count_requests() { # a|b OPERATION-regex [key-prefix]
	requests "$1" | awk -F'\t' -v op="^($2)\$" -v p="${3:-}" '$1 ~ op && index($4, p) == 1 { n++ } END { print n + 0 }'
}

sum_bytes() { # a|b OPERATION-regex [key-prefix]
	requests "$1" | awk -F'\t' -v op="^($2)\$" -v p="${3:-}" '$1 ~ op && index($4, p) == 1 { n += $2 } END { printf "%d\n", n }'
}

# Requests that brought 4 KiB or more to a side. (The gateway's log tells no copy from a put, but for the bytes.)
count_bodies() { # a|b [key-prefix]
	requests "$1" | awk -F'\t' -v p="${2:-}" \
		'$1 ~ /^(PutObject|UploadPart)$/ && $2 >= 4096 && index($4, p) == 1 { n++ } END { print n + 0 }'
}
sum_bodies() { # a|b [key-prefix]
	requests "$1" | awk -F'\t' -v p="${2:-}" \
		'$1 ~ /^(PutObject|UploadPart)$/ && $2 >= 4096 && index($4, p) == 1 { n += $2 } END { printf "%d\n", n }'
}

assert_requests() { # a|b OPERATION-regex key-prefix expected
	local got
	got=$(count_requests "$1" "$2" "$3")
	[ "$got" = "$4" ] || {
		requests "$1" >&2
		fail "requests $2 for '$3' at $1: got $got, expected $4"
	}
}

# ---- faults ------------------------------------------------------------------------------------------------

# A TCP forwarder to side b that can be told to refuse: proxy_start; make_destinations "$PROXY_URL"; proxy_down, proxy_up
proxy_start() { # [a|b|c]
	PROXY_FILE=$T/proxy.port
	forwarder proxy.py "${1:-b}"
}
forwarder() { # PROGRAM a|b|c
	local to
	to=$(endpoint_of "$2")
	/usr/bin/python3 -B "$TEST_DIR/$1" "$to" "$PROXY_FILE" >>"$T/proxy.log" 2>&1 &
	PROXY_PID=$!
	CHILDREN+=("$PROXY_PID")
	retry_until "$LONG" test -s "$PROXY_FILE"
	PROXY_URL=${to%%:*}://127.0.0.1:$(cat "$PROXY_FILE")
}
proxy_down() {
	rm -f "$PROXY_FILE.down"
	kill -USR1 "$PROXY_PID"
	retry_until "$LONG" test -e "$PROXY_FILE.down"
}
proxy_up() {
	kill -USR2 "$PROXY_PID"
	retry_until "$LONG" test ! -e "$PROXY_FILE.down"
}

# One that meddles with what passes, for each side that is named: see meddle.py. The mount goes through it:
#   meddler_start a b; make_destinations "$MEDDLE_B"; mount_crrfs "url=$MEDDLE_A"
#   meddle a "answer 1000 2 GET"; ...; meddled a 2; meddle a
meddler_start() { # a|b...
	local side PROXY_FILE PROXY_PID PROXY_URL
	for side; do
		PROXY_FILE=$T/meddle-$side
		forwarder meddle.py "$side"
		printf -v "MEDDLE_${side^}" '%s' "$PROXY_URL"
		printf -v "MEDDLE_PID_${side^}" '%s' "$PROXY_PID"
	done
}
meddle() { # a|b [RULE...]: from now on; without rules all passes
	local at=$T/meddle-$1
	shift
	printf '%s\n' "# $RANDOM$RANDOM" "$@" >"$at.rules.new" # the same rules once more are others
	: >"$at.acted"
	mv "$at.rules.new" "$at.rules"
}
meddled() { # a|b N: the rules have acted so often, since they were given
	[ "$(wc -l <"$T/meddle-$1.acted")" -ge "$2" ] || fail "the fault did not happen $2 times: $(cat "$T/meddle-$1.acted")"
}

# From the next mount on the machine can be told to refuse, see refuse.c: refuse "fsync 5" "thread 11 3"; refuse
refuse_begin() {
	local for_real=$CRRFS
	cc -shared -fPIC -O2 -o "$T/refuse.so" "$TEST_DIR/refuse.c" -ldl || fail "the preload does not build"
	CRRFS=$T/crrfs
	printf '#!/bin/bash\nLD_PRELOAD=%s FAULT_FILE=%s FAULT_DIR=%s ASAN_OPTIONS=verify_asan_link_order=0 exec %s "$@"\n' \
		"$T/refuse.so" "$T/refuse" "$STATE" "$for_real" >"$CRRFS"
	chmod 755 "$CRRFS"
}
refuse() { # [LINE...]
	[ $# = 0 ] || printf '%s\n' "$@" >"$T/refuse.new"
	[ $# != 0 ] || : >"$T/refuse.new"
	mv "$T/refuse.new" "$T/refuse"
}
