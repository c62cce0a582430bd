#!/bin/bash
# Set-user-ID and set-group-ID go where a local file system takes them: with a write, a truncate, an fallocate or an O_TRUNC of
# somebody who is not root, with each chown, and the kernel knows of it at once; a later mount and the replica's metadata, too.
. "$(dirname "$0")/lib.sh"
begin
[ "$(id -u)" = 0 ] || skip "only root can act as somebody else"
mount_crrfs allow_other
chmod 755 "$T"
mkdir -m 777 "$T/local"
chmod 777 "$MNT" "$T/local"

cat >"$T/act.py" <<'END'
import os, sys
path, mode, who, what = sys.argv[1], int(sys.argv[2], 8), int(sys.argv[3]), sys.argv[4]
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
os.write(fd, b'some text')
os.fchmod(fd, mode)
writer = os.open(path, os.O_RDWR)
if who:
    os.setgroups([])
    os.setresgid(who, who, who)
    os.setresuid(who, who, who)
{
    'write': lambda: os.write(writer, b'x'),
    'append': lambda: os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b'x'),
    'truncate': lambda: os.truncate(path, 3),
    'ftruncate': lambda: os.ftruncate(writer, 3),
    'fallocate': lambda: os.posix_fallocate(writer, 0, 100),
    'O_TRUNC': lambda: os.open(path, os.O_WRONLY | os.O_TRUNC),
    'chown': lambda: os.chown(path, 1001, -1),
    'chgrp': lambda: os.chown(path, -1, 1001),
    'chown nobody': lambda: os.chown(path, -1, -1),
    'read': lambda: os.read(writer, 1),
}[what]()
print('%o' % (os.stat(path).st_mode & 0o7777))
# as execve(2) sees it: the mode alone, as the kernel has it
print(os.popen('stat -c %%a "%s"' % path).read().strip())
END
n=0
check() { # MODE UID WHAT
	local here there
	n=$((n + 1))
	here=$(/usr/bin/python3 "$T/act.py" "$MNT/f$n" "$@")
	there=$(/usr/bin/python3 "$T/act.py" "$T/local/f$n" "$@")
	assert_eq "$here" "$there" "mode $1 after $3 by $2"
	stat -c %a "$T/local/f$n" >>"$T/wanted"
}
for mode in 6777 4766 2767 2777 777; do
	for what in write append truncate ftruncate fallocate O_TRUNC read; do
		check $mode 0 $what
		check $mode 1000 $what
	done
	for what in chown chgrp 'chown nobody'; do check $mode 0 "$what"; done
done
mkdir "$MNT/dir"
chmod 6777 "$MNT/dir"
chown 1000:1000 "$MNT/dir"
assert_eq "$(stat -c %a "$MNT/dir")" 6777 "a directory keeps them"

wait_repl
remount_crrfs allow_other
for i in $(seq $n); do stat -c %a "$MNT/f$i"; done >"$T/got"
assert_file_equal "$T/wanted" "$T/got"
s3 compare
