#!/bin/bash
# What is changed of a closed file, directory or link within a short time becomes one version, without a call for it; it
# is seen at once, and rides in a save, a rename, or goes with the file.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs settle=0.1
has_versions() { [ "$(s3 count-versions a "$1")" = "$2" ]; }
change() { # path: five changes
	chmod 640 "$1"
	touch -h -d 2020-02-02T02:02:02.5Z "$1"
	setfattr -n user.colour -v blue "$1"
	chmod 600 "$1"
	chown -h "$(id -u):$(id -g)" "$1"
}
seen() { stat -c '%a %y' "$1"; }

echo text >"$MNT/f"
mkdir "$MNT/d"
wait_repl
# by itself
chmod 664 "$MNT/f"
touch "$MNT/d"
retry_until "$LONG" has_versions f 2
retry_until "$LONG" has_versions d/ 2
remount_crrfs settle=10000
change "$MNT/f"
assert_match "$(TZ=UTC seen "$MNT/f")" "^600 2020-02-02 02:02:02.5"
assert_match "$(TZ=UTC ls -l --time-style=+%F "$MNT")" "-rw-------.* 2020-02-02 f"
assert_eq "$(xattr "$MNT/f" user.colour)" blue
assert_eq "$(cat "$MNT/f")" text
assert_match "$(ctl status "$MNT")" "1 settling"
has_versions f 2 || fail "a version was made at once"
change "$MNT/d"
wait_repl
assert_versions f 3
assert_versions d/ 3
assert_match "$(TZ=UTC seen "$MNT/d")" "^600 2020-02-02 02:02:02.5"
# fsync does not wait
chmod 644 "$MNT/f"
sync "$MNT/f"
has_versions f 4 || fail "fsync left the mode here"
chmod 755 "$MNT/d"
sync "$MNT/d"
has_versions d/ 4 || fail "fsync left the directory's mode here"
# nor does the end of the mount; and the next one knows
chmod 604 "$MNT/f"
remount_crrfs settle=10000
assert_eq "$(stat -c %a "$MNT/f")" 604
wait_repl
assert_versions f 5
# rides in a save
chmod 600 "$MNT/f"
echo more >>"$MNT/f"
wait_repl
assert_versions f 6
assert_eq "$(s3 meta a f mode)" $((0100600))
# in a rename: one copy, under the new name
chmod 640 "$MNT/f"
mv "$MNT/f" "$MNT/g"
wait_repl
assert_versions f 6 1
assert_versions g 1
assert_eq "$(s3 meta b g mode)" $((0100640))
assert_eq "$(stat -c %a "$MNT/g")" 640
# goes with the file, with the directory
chmod 600 "$MNT/g"
rm "$MNT/g"
chmod 700 "$MNT/d"
rmdir "$MNT/d"
mkdir "$MNT/d"
wait_repl
assert_versions g 1 1
assert_versions d/ 5 1
# a tag needs no version, and rides where one is coming
echo text >"$MNT/h"
set_xattr "$MNT/h" user.s3.tag.class tax
wait_repl
assert_versions h 1
chmod 600 "$MNT/h"
set_xattr "$MNT/h" user.s3.tag.class art
assert_eq "$(xattr "$MNT/h" user.s3.tag.class)" art
wait_repl
assert_versions h 2
assert_eq "$(s3 tags b h)" "class=art"
s3 compare
# without it each change is a version
remount_crrfs settle=0
chmod 640 "$MNT/h"
has_versions h 3 || fail "settle=0 waits"
