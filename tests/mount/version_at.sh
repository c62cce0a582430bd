#!/bin/bash
# version_at mounts the bucket as it was: bytes, modes, times and names of then, deleted ones too, nothing that came
# later; read-only, beside a running mount, and without a state directory.
. "$(dirname "$0")/lib.sh"
begin
PAST=$T/past
mkdir "$PAST" "$T/then"

# mount_past TIME [OPTIONS]: in the background of the test, on $PAST
mount_past() {
	MOUNTS+=("$PAST")
	"$CRRFS" "s3://$SRC" "$PAST" -f -o "$(base_options),version_at=$1${2:+,$2}" </dev/null >"$T/mount-past.log" 2>&1 &
	PAST_PID=$!
	CHILDREN+=("$PAST_PID")
	retry_until "$LONG" is_mounted "$PAST"
}
umount_past() {
	unmount_now "$PAST"
	wait "$PAST_PID" || fail "crrfs ended with status $?: $(tail -n3 "$T/mount-past.log")"
}
# the time of the newest thing in the bucket, and a moment more: versions that come later have a later time
now() {
	sleep 1.1 # a version is made in another second than the one before, where servers tell whole seconds
	date -u +%FT%T.%3NZ
	sleep 1.1
}
# The times of directories follow their names in a mount, and S3 keeps none of that.
tree() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%p %y %m\n' -o -printf '%p %y %m %s %T@ %l\n' \) | LC_ALL=C sort); }

mount_crrfs
mkdir -p "$MNT/a/b" "$MNT/gone/deep" "$MNT/empty"
wait_repl
before=$(now)
echo first >"$MNT/a/b/file"
echo stays >"$MNT/a/stays"
chmod 600 "$MNT/a/b/file"
touch -d '2020-02-02T02:02:02.5Z' "$MNT/a/b/file"
echo goes >"$MNT/gone/deep/goes"
ln -s b/file "$MNT/a/link"
echo awkward >"$MNT/a/sp ace ü%41+&"
setfattr -n user.s3.tag.class -v old "$MNT/a/b/file"
random_file "$MNT/a/large" 3000000
wait_repl
id=$(xattr "$MNT/a/b/file" user.s3.version-id)
tree "$MNT" >"$T/tree"
cp -a "$MNT/." "$T/then"
then=$(now)
echo second, and longer >"$MNT/a/b/file"
chmod 644 "$MNT/a/b/file"
rm -r "$MNT/gone"
rm "$MNT/a/link"
mkdir "$MNT/a/b/new"
echo new >"$MNT/a/b/new/file"
echo was-empty >"$MNT/empty/file"
mv "$MNT/a/stays" "$MNT/a/moved"
random_file "$MNT/a/large" 3000000 other

# as it was, beside the mount that goes on
mount_past "$then"
tree "$PAST" >"$T/tree-past"
assert_file_equal "$T/tree" "$T/tree-past"
diff -r "$T/then" "$PAST" || fail "not as it was"
rm -rf "$T/copy"
cp -a "$PAST" "$T/copy"
diff -r "$T/then" "$T/copy" || fail "a copy is not as it was"
assert_eq "$(cat "$PAST/a/b/file")" first
assert_eq "$(xattr "$PAST/a/b/file" user.s3.version-id)" "$id"
assert_eq "$(xattr "$PAST/a/b/file" user.s3.tags)" class=old
assert_eq "$(ls -A "$PAST" | tr '\n' ' ')" "a empty gone "
[ ! -e "$PAST/a/moved" ] && [ ! -e "$PAST/a/b/new" ] && [ ! -e "$PAST/.versions" ] || fail "something of later"
stat -f "$PAST" >/dev/null
assert_errno "Read-only file system" touch "$PAST/x"
assert_errno "Read-only file system" rm -f "$PAST/a/b/file"
assert_errno "Read-only file system" setfattr -n user.s3.tag.x -v y "$PAST/a/b/file"
echo third >"$MNT/a/b/file"
assert_eq "$(cat "$PAST/a/b/file")" first "the past, while the present changes"
umount_past
umount_crrfs

# without POSIX attributes; seconds since 1970; before there was anything; no state
mv "$STATE" "$T/state-away"
mount_past "$then" posix_meta=no
diff -r --no-dereference -x link "$T/then" "$PAST" || fail "not as it was, without POSIX attributes"
umount_past
mount_past "@$(date -d "$before" +%s)"
assert_eq "$(find "$PAST" -type f | wc -l)" 0 "files before there were any"
assert_eq "$(ls -A "$PAST" | tr '\n' ' ')" "a empty gone "
umount_past
mount_past @1000000000
assert_eq "$(ls -A "$PAST")" '' "the bucket before it was made"
umount_past
[ ! -e "$STATE" ] || fail "a state directory was made"

# hundreds of versions over the pages: the right one of each
/usr/bin/python3 - <<'END' >"$T/times"
import os, time, boto3
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
c = boto3.client('s3', endpoint_url=os.environ['S3_A_ENDPOINT'], aws_access_key_id=os.environ['S3_A_KEY'],
                 aws_secret_access_key=os.environ['S3_A_SECRET'], region_name=os.environ['S3_A_REGION'],
                 config=Config(s3={'addressing_style': 'path'}))
bucket = os.environ['S3_A_BUCKET']
def put(i, n, first):
    for k in range(n):
        c.put_object(Bucket=bucket, Key='many/%03d' % i, Body=b'%d' % (first + k))
with ThreadPoolExecutor(8) as threads:
    list(threads.map(lambda i: put(i, 5, 0), range(120)))
    list(threads.map(lambda i: c.delete_object(Bucket=bucket, Key='many/%03d' % i), range(20)))
    time.sleep(1.1)
    print(time.time())
    time.sleep(1.1)
    list(threads.map(lambda i: put(i, 5, 5), range(130)))
END
mount_past "$(date -u -d "@$(cat "$T/times")" +%FT%T.%3NZ)"
assert_eq "$(ls "$PAST/many" | tr '\n' ' ')" "$(seq -f %03g 20 119 | tr '\n' ' ')" "names then"
assert_eq "$(cat "$PAST"/many/*)" "$(printf '4%.0s' {1..100})" "the last versions then"
umount_past

# what is refused
mv "$T/state-away" "$STATE"
mount_fails any version_at=2999-01-01
one_clear_line "version_at is in the future"
mount_fails any "version_at=$then,rw"
one_clear_line "version_at is read-only: give ro instead of rw"
mount_fails any version_at=yesterday
one_clear_line "version_at=yesterday: expected a time such as"
s3 mkbucket c
mount_fails any "version_at=$then,url=$S3_C_ENDPOINT,region=$S3_C_REGION,profile=b" "$DST2"
one_clear_line "Versioning must be 'Enabled'"
