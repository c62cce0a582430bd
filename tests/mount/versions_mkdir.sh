#!/bin/bash
# A new directory is one version, with the mode, owner and times that whoever filled it set last: cp -a of a tree. Until
# then it is here, durable, and as good as any.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs settle=0.3
has_versions() { [ "$(s3 count-versions a "$1")" = "$2" ]; }
# by itself; not while something below it is written
mkdir -p "$MNT/filled/deep"
exec 5>"$MNT/filled/deep/file"
mkdir "$MNT/after"
retry_until "$LONG" has_versions after/ 1
has_versions filled/ 0 || fail "a directory that is being filled is in the source already"
has_versions filled/deep/ 0 || fail "so is the one in it"
exec 5>&-
retry_until "$LONG" has_versions filled/ 1
retry_until "$LONG" has_versions filled/deep/ 1

remount_crrfs settle=10000
mkdir -p "$T/tree/one/two/three" "$T/tree/empty"
for d in "$T"/tree/{,one,one/two,one/two/three}; do echo text >"$d/file"; done
chmod 700 "$T/tree/empty"
chmod 555 "$T/tree/one/two/three"
find "$T/tree" -depth -type d -exec touch -d 2019-09-09T09:09:09.25Z {} +
cp -a "$T/tree" "$MNT/tree"
chmod -R u+w "$T/tree/one/two/three" # for the end of the test
chmod 755 "$MNT/tree/one/two/three"
chmod 555 "$MNT/tree/one/two/three"
chmod 555 "$T/tree/one/two/three"
same_trees "$T/tree" "$MNT/tree" times
# others see the directories by what is in them
assert_eq "$(s3 keys a tree/ | tr '\n' ' ')" "tree/file tree/one/file tree/one/two/file tree/one/two/three/file "
mark_requests
assert_eq "$(TZ=UTC ls -l --time-style=+%F "$MNT/tree" | awk 'NR > 1 { print $1, $6, $7 }' | tr '\n' ' ')" \
	"drwx------ 2019-09-09 empty -rw-r--r-- $(date -u +%F) file drwxr-xr-x 2019-09-09 one "
assert_requests a HeadObject '' 0
assert_errno "not empty" rmdir "$MNT/tree"
wait_repl
for d in tree/ tree/empty/ tree/one/ tree/one/two/ tree/one/two/three/; do assert_versions "$d" 1; done
assert_eq "$(s3 meta b tree/one/two/three/ mode)" $((040555))
s3 compare
# one that goes again was never there; nor is one in it forgotten
mark_requests
mkdir "$MNT/gone" "$MNT/full" "$MNT/full/empty"
rmdir "$MNT/gone"
assert_errno "not empty" rmdir "$MNT/full"
rmdir "$MNT/full/empty" "$MNT/full"
mkdir "$MNT/full"
wait_repl
assert_versions gone/ 0
assert_versions full/empty/ 0
assert_versions full/ 1
assert_requests a 'PutObject|DeleteObject' gone 0
# fsync waits for nothing: of the directory, and of what was made in one
mkdir -p "$MNT/fsync/a"
ln -s target "$MNT/fsync/link"
sync "$MNT/fsync"
has_versions fsync/ 1 || fail "fsync left the directory here"
has_versions fsync/a/ 1 || fail "fsync left the name in it here"
has_versions fsync/link 1 || fail "fsync left the link in it here"
# renamed; in the place of a new empty one
mkdir -p "$MNT/old/in"
echo text >"$MNT/old/in/file"
mkdir -m 700 "$MNT/new"
/usr/bin/python3 -c 'import os, sys; os.rename(*sys.argv[1:])' "$MNT/old" "$MNT/new"
assert_eq "$(cd "$MNT" && find new -printf '%p %m ')" "new 755 new/in 755 new/in/file 644 "
wait_repl
assert_eq "$(cd "$MNT" && find new -printf '%p %m ')" "new 755 new/in 755 new/in/file 644 "
assert_eq "$(s3 meta b new/ mode , keys b old/)" $((040755))
s3 compare
# settle=0: at once
remount_crrfs settle=0
mkdir "$MNT/now"
has_versions now/ 1 || fail "settle=0 waits"
