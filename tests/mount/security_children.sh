#!/bin/bash
# Credentials from the environment stay with the mount: the hook of events= does not get them, nor the state folder, nor
# the log, nor a command line; and the process lets nobody look into it.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
base_options() { # without the profile
	printf 'url=%s,region=%s,use_path_request_style,rules=%s,destinations=%s,state=%s' "$S3_A_ENDPOINT" "$S3_A_REGION" \
		"$RULES" "$DESTINATIONS" "$STATE"
}
export AWS_ACCESS_KEY_ID=$S3_A_KEY AWS_SECRET_ACCESS_KEY=$S3_A_SECRET
cat >"$T/hook" <<-END
	#!/bin/sh
	cat >/dev/null
	{ env; tr '\0' ' ' <"/proc/\$\$/cmdline"; ls -l /proc/self/fd; } >"$T/hook.new" 2>&1
	mv "$T/hook.new" "$T/hook.out"
END
chmod 755 "$T/hook"
mount_crrfs "events=|$T/hook"
deny b PutObject
echo text >"$MNT/file"
retry_until "$LONG" test -s "$T/hook.out"
grep -q '^PATH=' "$T/hook.out" || fail "the hook has no PATH: $(cat "$T/hook.out")"
if grep -qE "AWS_|$S3_A_SECRET|$S3_B_SECRET" "$T/hook.out"; then fail "the hook got credentials: $(cat "$T/hook.out")"; fi
# its files are what it opened, nothing of the mount's
if grep -qE "queue.db|staging|socket:|/dev/fuse" "$T/hook.out"; then fail "the hook got files: $(cat "$T/hook.out")"; fi
tr '\0' ' ' <"/proc/$MOUNT_PID/cmdline" >"$T/cmdline"
# a process that cannot be dumped belongs to root in /proc, whoever it is
assert_eq "$(stat -c %U "/proc/$MOUNT_PID/environ")" root
kill -ABRT "$MOUNT_PID"
wait "$MOUNT_PID" 2>/dev/null || true
unmount_now "$MNT"
assert_eq "$(find / -xdev -maxdepth 2 -name "core*" -newer "$T/cmdline" -size +0 -type f 2>/dev/null)" "" "core dumps"
for secret in "$S3_A_SECRET" "$S3_B_SECRET"; do
	if grep -rqaF -- "$secret" "$T/cmdline" "$MOUNT_LOG" "$STATE"; then fail "a secret was written"; fi
done
