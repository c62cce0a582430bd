#!/bin/bash
# .versions shows every version of every key, deleted ones too, read-only; a listing asks for no object by itself.
. "$(dirname "$0")/lib.sh"
begin
V=$MNT/.versions
mount_crrfs

# of a key, oldest first: versions; delete markers
versions_of() { s3 versions a "$1" | awk -F'\t' -v k="$1" '$1 == k && $4 != "marker" { print $2 }' | tac; }
markers_of() { s3 versions a "$1" | awk -F'\t' -v k="$1" '$1 == k && $4 == "marker" { print $2 }' | tac; }
escaped() { /usr/bin/python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe="-._~"))' "$1"; }

# three versions through the mount, then a delete
mkdir -p "$MNT/a/b"
for body in one two-two three-three-three; do
	printf %s "$body" >"$MNT/a/b/file.txt"
	sleep 0.01 # names tell milliseconds
done
setfattr -n user.s3.tag.class -v tax "$MNT/a/b/file.txt"
rm "$MNT/a/b/file.txt"
assert_eq "$(ls -A "$MNT")" a "the root's names"
[ ! -e "$MNT/a/b/file.txt" ] || fail "it was deleted"
assert_eq "$(ls -A "$V")" a "names in the versions directory"
assert_eq "$(ls "$V/a/b")" file.txt "a deleted name"
assert_eq "$(stat -c %F "$V/a/b/file.txt")" directory
{ versions_of a/b/file.txt && markers_of a/b/file.txt; } >"$T/ids"
LC_ALL=C ls "$V/a/b/file.txt" >"$T/names"
assert_eq "$(wc -l <"$T/names")" "$(wc -l <"$T/ids")" "entries: $(cat "$T/names")"
paste "$T/ids" "$T/names" >"$T/both"
while read -r id name; do
	plain=${name%.deleted}
	assert_match "$name" '^20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9:]{8}\.[0-9]{3,6}Z~' "a version's name"
	assert_eq "${plain#*~}" "$(escaped "$id")" "the version id in the name, in order of time"
done <"$T/both"
assert_match "$(tail -n1 "$T/names")" '\.deleted$' "the newest is the delete marker"
assert_eq "$(grep -c '\.deleted$' "$T/names")" 1 "delete markers"

# bodies, sizes, times, facts: as boto3 sees them
n=0
while read -r id name; do
	case $name in *.deleted) continue ;; esac
	n=$((n + 1))
	e=$V/a/b/file.txt/$name
	s3 get a a/b/file.txt "$T/body" "$id"
	assert_file_equal "$T/body" "$e"
	assert_eq "$(stat -c %s "$e")" "$(stat -c %s "$T/body")" size
	assert_eq "$(date -u -d "@$(stat -c %Y "$e")" +%FT%T)" "${name:0:19}" "mtime of $name"
	assert_eq "$(xattr "$e" user.s3.version-id)" "$id"
	assert_eq "$(xattr "$e" user.s3.etag)" "$(md5sum <"$T/body" | cut -d' ' -f1)"
	cp "$e" "$T/copy"
	assert_file_equal "$T/body" "$T/copy"
done <"$T/both"
assert_eq $n 3 versions
newest=$V/a/b/file.txt/$(grep -v deleted "$T/names" | tail -n1)
assert_eq "$(xattr "$newest" user.s3.tags)" class=tax
assert_eq "$(xattr "$newest" user.s3.tag.class)" tax
oldest=$V/a/b/file.txt/$(head -n1 "$T/names")
assert_fails xattr "$oldest" user.s3.tags

# the marker: stat works, there is nothing to read
marker=$V/a/b/file.txt/$(tail -n1 "$T/names")
assert_eq "$(stat -c '%s %a' "$marker")" '0 0'
assert_errno "No such file" cat "$marker"

# read-only, all of it; and the versions directory stays what it is
assert_errno "Read-only file system" touch "$V/new"
assert_errno "Read-only file system" mkdir "$V/a/new"
assert_errno "Read-only file system" rm -f "$oldest"
assert_errno "Read-only file system" rmdir "$V/a/b/file.txt"
assert_errno "Read-only file system" rmdir "$V"
assert_errno "Read-only file system" mv "$V/a" "$MNT/c"
assert_errno "Read-only file system" mv "$MNT/a" "$V/c"
assert_errno "Read-only file system" ln -s x "$V/link"
assert_errno "Read-only file system" chmod 644 "$oldest"
assert_errno "Read-only file system" truncate -s 0 "$oldest"
assert_errno "Read-only file system" setfattr -n user.x -v y "$oldest"
assert_errno "Read-only file system" dd if=/dev/null of="$oldest" status=none
assert_errno "File exists" mkdir "$V"
assert_errno "No such file" stat "$V/nothing"
assert_errno "No such file" stat "$V/a/b/file.txt/2026-01-01T00:00:00.000Z~nothing"
assert_eq "$(stat -c %a "$V")" 500 "nobody else sees what was private once"

# awkward names; a key that is a folder too; names that begin alike
printf x >"$T/x"
printf yy >"$T/yy"
s3 put a both "$T/x" , put a both/below "$T/x" , put a both-1 "$T/x" , put a both "$T/yy" \
	, put a "odd/sp ace" "$T/x" , put a 'odd/ü%41+&~' "$T/x" , put a "odd/2026-01-01T00:00:00.000Z~x" "$T/x" \
	, put a "odd/x.deleted" "$T/x" , put a 'odd/quote"<>' "$T/x"
assert_eq "$(ls "$V" | sort | tr '\n' ' ')" "a both both-1 odd " "each name once"
assert_eq "$(ls "$V/both" | grep -c '~')" 2 "versions of the key"
assert_eq "$(ls "$V/both" | grep -v '~')" below "names below the key"
assert_eq "$(cat "$V"/both/*~*)" xyy "versions in the order of time"
assert_eq "$(cat "$V"/both/below/*~*)" x
find "$V/odd" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort >"$T/found"
printf '%s\n' '2026-01-01T00:00:00.000Z~x' 'quote"<>' 'sp ace' 'x.deleted' 'ü%41+&~' >"$T/expected"
assert_file_equal "$T/expected" "$T/found"
while read -r name; do
	assert_eq "$(cat "$V/odd/$name"/*)" x "the version of odd/$name"
done <"$T/expected"

# the name as an option, and none
remount_crrfs versions_dir=@history
assert_eq "$(ls "$MNT/@history/both" | grep -c '~')" 2
[ ! -e "$V" ] || fail ".versions is there though it has another name"
s3 put a .versions/mine "$T/x"
retry_until "$LONG" grep -qx x "$MNT/.versions/mine"
remount_crrfs
assert_eq "$(ls -A "$MNT" | grep -c versions)" 0 "a folder of the bucket is hidden behind it"
remount_crrfs versions_dir=no
assert_eq "$(cat "$MNT/.versions/mine")" x
umount_crrfs
STATE=$T/state-of-a
mount_crrfs '' a
assert_eq "$(ls -A "$V")" b "the versions of a mount of a prefix"
assert_file_equal "$T/copy" "$V/b/file.txt/$(basename "$newest")"
