#!/bin/bash
# Whatever the umask: nobody else gets into the state folder, nor at one file in it. A state folder that others may
# enter, or that is a link, is refused; links in it are not followed.
. "$(dirname "$0")/lib.sh"
begin
others() { find "$STATE" -perm /077 -not -type l; }
umask 000
mount_crrfs
echo text >"$MNT/file"
random_file "$T/big" $((12 << 20))
cp "$T/big" "$MNT/big"
exec 7>"$MNT/open"
echo half >&7
assert_eq "$(others)" "" "what others may read"
wait_repl
exec 7>&-
wait_repl
assert_eq "$(others)" ""
umount_crrfs
assert_eq "$(others)" ""
assert_eq "$(find "$STATE" -type f -links +1)" "" "files with two names"

chmod 755 "$STATE"
mount_fails any
one_clear_line "chmod 700"
chmod 700 "$STATE"
real=$STATE
STATE=$T/link
ln -s "$real" "$STATE"
mount_fails any
one_clear_line "$STATE"
STATE=$real

# a link in the place of a file or a folder of ours
echo precious >"$T/precious"
for name in lock queue.db staging; do
	mv "$STATE/$name" "$T/aside"
	ln -s "$T/precious" "$STATE/$name"
	mount_fails any
	one_clear_line "$name"
	assert_eq "$(cat "$T/precious")" precious
	rm "$STATE/$name"
	mv "$T/aside" "$STATE/$name"
done
# and a second name of a file: what is written to it would be written there, too
mv "$STATE/lock" "$T/aside"
ln "$T/precious" "$STATE/lock"
mount_fails any
one_clear_line "lock.*link"
assert_eq "$(cat "$T/precious")" precious
rm "$STATE/lock"
mv "$T/aside" "$STATE/lock"
mount_crrfs
assert_eq "$(cat "$MNT/file")" text
