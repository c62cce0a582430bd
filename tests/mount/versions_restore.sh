#!/bin/bash
# crrctl restore makes an older version the current one: bytes, metadata and tags, by one copy in S3, replicated.
. "$(dirname "$0")/lib.sh"
begin
V=$MNT/.versions
make_rules prefix=docs/
mount_crrfs
versions_of() { s3 versions a "$1" | awk -F'\t' -v k="$1" '$1 == k && $4 != "marker" { print $2 }' | tac; }

mkdir -p "$MNT/docs/deep/er"
f=$MNT/docs/deep/er/report.txt
random_file "$T/one" 300000 one
cp "$T/one" "$f"
setfattr -n user.color -v blue "$f" # a second version, with the same bytes
setfattr -n user.s3.tag.class -v tax "$f"
chmod 640 "$f"
touch -d '2020-02-02T02:02:02Z' "$f"
sync "$f"
old=$(xattr "$f" user.s3.version-id)
echo other >"$f"
setfattr -n user.color -v red "$f"
setfattr -n user.s3.tag.class -v none "$f"
sync "$f"
before=$(versions_of docs/deep/er/report.txt | wc -l)

check_old() { # path: what was old is there
	assert_file_equal "$T/one" "$1"
	assert_eq "$(xattr "$1" user.color)" blue
	assert_eq "$(xattr "$1" user.s3.tags)" class=tax
	assert_eq "$(stat -c '%a %Y' "$1")" "640 $(date -d '2020-02-02T02:02:02Z' +%s)"
}

# by id, while it is there, also for one who has it open
exec 5<"$f"
wait_repl # the folders, too
mark_requests
ctl restore -- "$f" "$old" >"$T/said"
assert_requests a 'PutObject|CopyObject|CreateMultipartUpload' docs/ 1
[ "$(sum_bytes a 'PutObject|CopyObject' docs/)" -lt 1000 ] || fail "the bytes were sent again"
exec 5<&-
made=$(s3 version-id a docs/deep/er/report.txt)
assert_match "$(cat "$T/said")" "restored from version $old, as version $made" "what restore says"
assert_eq "$(versions_of docs/deep/er/report.txt | wc -l)" $((before + 1)) "one new version"
retry_until "$LONG" cmp "$T/one" "$f"
check_old "$f"
s3 get a docs/deep/er/report.txt "$T/body"
assert_file_equal "$T/one" "$T/body"
wait_repl
s3 compare --prefix docs/
assert_eq "$(s3 tags b docs/deep/er/report.txt)" class=tax

# deleted, with its folders: the newest that is no marker
rm -r "$MNT/docs"
wait_repl
[ ! -e "$MNT/docs" ] || fail "docs is still there"
ctl restore "$f" latest
retry_until "$LONG" test -e "$f"
check_old "$f"
wait_repl
s3 compare --prefix docs/ --may-stay docs/ --may-stay docs/deep/ --may-stay docs/deep/er/

# by its name in .versions, to another name, from within the mount
name=$(LC_ALL=C ls "$V/docs/deep/er/report.txt" | grep -- "~" | head -n1)
(cd "$MNT/docs" && ctl restore deep/er/report.txt "$name" --to copy.txt)
assert_file_equal "$T/one" "$MNT/docs/copy.txt"
wait_repl
s3 exists b docs/copy.txt

# a name in .versions of a file that is only there
echo x >"$T/x"
s3 put a docs/gone "$T/x" , rm a docs/gone
marker=$(basename "$V"/docs/gone/*.deleted)
ctl restore "$MNT/docs/gone" latest
assert_eq "$(cat "$MNT/docs/gone")" x

# a long copy holds nobody up but another restore
if [ "$S3_SERVER" = s3d ]; then
	fault a 'op=CopyObject count=1 action=stall'
	ctl restore -- "$f" "$old" >"$T/said" &
	restoring=$!
	stalls() { s3d_admin a faults GET && ! grep -q 'count=1' "$T/s3d.out"; }
	retry_until "$LONG" stalls
	ctl status "$MNT" >"$T/status"
	assert_match "$(cat "$T/status")" ', pid [0-9]+' "the status while a copy is under way"
	assert_fails ctl restore "$f" latest
	one_clear_line "another restore is under way"
	no_faults a
	wait $restoring
	check_old "$f"

	# the unmount does not wait for it
	fault a 'op=CopyObject count=1 action=stall'
	ctl restore -- "$f" "$old" >/dev/null 2>&1 &
	restoring=$!
	retry_until "$LONG" stalls
	umount_crrfs
	if wait $restoring; then fail "restored by a mount that is gone"; fi
	no_faults a
	mount_crrfs
	wait_repl
fi

# what cannot be, in clear words
refused() { # words arguments...
	local words=$1
	shift
	assert_fails ctl restore "$@"
	one_clear_line "$words"
}
# an id of the gateway may begin with -
refused "delete marker" -- "$MNT/docs/gone" "$marker"
refused "delete marker" -- "$MNT/docs/gone" "$(s3 versions a docs/gone | awk -F'\t' '$4 == "marker" { print $2 }')"
refused "has no version 'nonsense'" "$MNT/docs/gone" nonsense
refused "'docs/never' has no versions" "$MNT/docs/never" latest
refused "is a directory now" "$MNT/docs/gone" latest --to "$MNT/docs/deep"
refused "is a file now" "$MNT/docs/gone" latest --to "$MNT/docs/copy.txt/below"
refused "is a directory: restore the files" "$MNT/docs/" latest
refused "not in the mount" "$MNT/docs/gone" latest --to "$T/elsewhere"
refused "not in a crrfs mount" "$T/elsewhere" latest
refused "is a version already" "$MNT/docs/gone" latest --to "$V/docs/gone/x"
refused "needs a PATH and a VERSION" "$MNT/docs/gone"
exec 6<>"$MNT/docs/gone"
echo pending >&6
refused "changes that are not saved" "$MNT/docs/gone" latest
exec 6>&-
assert_eq "$(cat "$MNT/docs/gone")" pending
remount_crrfs ro
refused "the mount is read-only" "$MNT/docs/gone" latest
umount_crrfs
refused "no mount runs" docs/gone latest --state "$STATE"
