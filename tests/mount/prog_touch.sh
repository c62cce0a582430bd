#!/bin/bash
# touch -d, -r, -c, -h, -a, -m, on files, folders, links; the times are the same to the nanosecond, also for the next mount.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
work() {
	touch -d '2001-02-03 04:05:06.123456789 UTC' new
	echo text >file
	touch -r new file
	touch -c absent
	mkdir dir
	touch -d '1970-01-01 00:00:00 UTC' zero
	touch -d '1969-12-31 12:00:00.25 UTC' negative
	touch -d '2106-02-08 UTC' far
	ln -s file link
	touch -hd '2011-11-11 11:11:11.5 UTC' link
	touch -d '2012-12-12 12:12:12.000000001 UTC' link
	echo x >m
	touch -m -d '2005-05-05 05:05:05 UTC' m
	touch -a -d '2006-06-06 06:06:06 UTC' m
	touch -d '2010-10-10 10:10:10.1 UTC' dir
	cp -p file copied
	echo more >>copied
	touch -r file copied
}
on_both work
[ ! -e "$MNT/work/absent" ] || fail "touch -c made a file"
# without a time: now
for name in new dir; do
	touch "$MNT/work/$name"
	age=$(($(date +%s) - $(stat -c %Y "$MNT/work/$name")))
	[ $age -ge -1 ] && [ $age -lt $((LONG * 10)) ] || fail "touch $name: $age seconds old"
	touch -r "$T/local/$name" "$MNT/work/$name"
done
assert_errno "No such file" touch "$MNT/work/absent/name"
assert_errno "Not a directory" touch "$MNT/work/file/name"
assert_eq "$(stat -c %y "$MNT/work/dir")" "$(stat -c %y "$T/local/dir")" "time of the folder"
twins_last times
assert_eq "$(stat -c %y "$MNT/work/dir")" "$(stat -c %y "$T/local/dir")" "time of the folder for the next mount"
