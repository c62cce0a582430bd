#!/bin/bash
# A source without versioning is refused, but for -o unversioned_ok: then it says what is lost, and all else works.
. "$(dirname "$0")/lib.sh"
S3D_BUCKET_a=''
begin
if [ "$S3_SERVER" = rgw ]; then s3 versioning a Suspended; fi
mount_fails any
one_clear_line "Versioning must be 'Enabled'.*-o unversioned_ok"
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs unversioned_ok
grep -q "source=unversioned why=.*gone" "$MOUNT_LOG" || fail "no word of what is lost: $(cat "$MOUNT_LOG")"

echo text >"$MNT/file"
random_file "$MNT/big" $((11 * 1024 * 1024))
mkdir "$MNT/dir"
echo more >"$MNT/dir/file"
wait_repl
s3 compare
echo two >>"$MNT/file"
mv "$MNT/dir/file" "$MNT/moved"
chmod 600 "$MNT/big"
set_xattr "$MNT/file" user.s3.tag.class tax
wait_repl
s3 compare
assert_eq "$(s3 tags b file)" class=tax
assert_eq "$(cat "$MNT/file")" "text
two"
replicated "$MNT/file" || fail "status: $(xattr "$MNT/file" user.s3.replication-status)"
rm "$MNT/moved"
wait_repl
s3 compare

# written over before it was sent, from the outside too: the older copy has nothing to do, or goes first
proxy_down
echo three >"$MNT/file"
echo four >"$MNT/file"
random_file "$MNT/big" $((12 * 1024 * 1024)) other
rm -f "$STATE"/staging/*
echo outside >"$T/outside"
s3 put a big "$T/outside"
echo five >"$MNT/file"
proxy_up
wait_repl
s3 compare --extra-ok --prefix file
assert_eq "$(ctl queue "$MNT" | grep -c FAILED || true)" 0 "$(ctl queue "$MNT")"

# killed in the middle: a deletion, a save
proxy_down
echo six >"$MNT/file"
rm "$MNT/big"
kill9_crrfs
mount_crrfs unversioned_ok
proxy_up
wait_repl
s3 compare
