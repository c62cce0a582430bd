#!/bin/bash
# What s3fs and rclone wrote is read; objects of strangers have the mount's owner, 0644, and folders 0755.
. "$(dirname "$0")/lib.sh"
begin
echo text >"$T/x"
printf target >"$T/target"
: >"$T/none"
s3 put a plain "$T/x" , put a folder/plain "$T/x" , \
	put a s3fs "$T/x" mode=33152 uid=1000 gid=1001 mtime=1500000000 , \
	put a s3fs-ns "$T/x" mode=33188 uid=1000 gid=1001 mtime=1500000001.25 ctime=1500000002 , \
	put a s3fs-dir/ "$T/none" mode=16832 uid=1000 gid=1001 mtime=1500000003 --type application/x-directory , \
	put a s3fs-link "$T/target" mode=41471 uid=1000 gid=1001 mtime=1500000004 , \
	put a rclone "$T/x" mtime=1500000005.123456789 , \
	put a rclone-M "$T/x" mtime=1500000006.5 mode=100600 uid=1002 gid=1003 , \
	put a nonsense "$T/x" mode=banana uid=-7 gid=99999999999999 mtime=yesterday , \
	put a 'wrong type' "$T/x" mode=8612 uid=1000 gid=1000
mount_crrfs uid=77,gid=88
show() { stat -c '%F %a %u %g %Y' "$MNT/$1"; }
assert_match "$(show plain)" '^regular file 644 77 88 '
assert_match "$(show folder)" '^directory 755 77 88 '
assert_match "$(show folder/plain)" '^regular file 644 77 88 '
assert_eq "$(show s3fs)" "regular file 600 1000 1001 1500000000"
assert_eq "$(show s3fs-ns)" "regular file 644 1000 1001 1500000001"
assert_eq "$(show s3fs-dir)" "directory 700 1000 1001 1500000003"
assert_eq "$(show s3fs-link)" "symbolic link 777 1000 1001 1500000004"
assert_eq "$(readlink "$MNT/s3fs-link")" target
assert_eq "$(show rclone)" "regular file 644 77 88 1500000005"
assert_eq "$(show rclone-M)" "regular file 600 1002 1003 1500000006"
assert_match "$(show nonsense)" '^regular file 644 '
assert_match "$(show 'wrong type')" '^regular file '
assert_eq "$(cat "$MNT/wrong type")" text
umount_crrfs
mount_crrfs uid=77,gid=88,umask=027
assert_match "$(show plain)" '^regular file 640 77 88 '
assert_match "$(show folder)" '^directory 750 77 88 '
