#!/bin/bash
# The disk of the state directory fails: no inode left, read-only all of a sudden, an fsync that says EIO. Who saves is told, what
# was acknowledged before is sent, nothing is acknowledged that is not durable, and when the disk works again so does the mount.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
refuse_begin
make_rules all,markers
mount_crrfs retry_first=0.1,retry_max=0.5,settle=0.2
ENOSPC=28 EIO=5 EROFS=30

save() { # NAME: prints the errno of the first call that failed, or ok
	/usr/bin/python3 - "$MNT/$1" <<-'PY'
		import errno, os, sys
		try:
		    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    try:
		        os.write(fd, sys.argv[1].encode())
		        os.fsync(fd)
		    finally:
		        os.close(fd)
		    print('ok')
		except OSError as error:
		    print(errno.errorcode[error.errno])
	PY
}

declare -A words=([EIO]="Input/output error" [EROFS]="Read-only file system" [ENOSPC]="No space left on device")
n=0
fails_with() { # NAME LINE...: while the machine refuses this
	local error=$1 got
	shift
	n=$((n + 1))
	names=()
	echo first >"$MNT/f$n"
	echo first >"$MNT/g$n"
	wait_repl
	refuse "$@"
	got=$(save "f$n")
	[[ $got == "$error" ]] || fail "$*: got $got, expected $error"
	# what is there can be read, and names can be looked up
	assert_eq "$(cat "$MNT/g$n")" first
	ls "$MNT" >/dev/null
	df "$MNT" >/dev/null
	# what is only a name is refused, too, or made
	for make in "ln -s target" mkdir; do
		name=$MNT/${make%% *}$n
		said=$($make "$name" 2>&1) && made=yes || made=
		[[ -n $made || $said == *"${words[$error]}" || ($make = mkdir && $said == *"${words[EIO]}") ]] || fail "$*: $make said '$said'"
		[ -L "$name" ] || [ -d "$name" ] && there=yes || there=
		[ "$made" = "$there" ] || fail "$*: $make said '$made', and is there '$there'"
		names+=("$name $made")
	done
	# whatever is refused, is refused as a whole: the bucket has it, or the program knows
	rm "$MNT/g$n" 2>/dev/null && gone=yes || gone=
	refuse
	assert_eq "$(save "f$n")" ok "after it works again"
	assert_eq "$(save "h$n")" ok
	[ -e "$MNT/g$n" ] && there=yes || there=
	[ "$gone" != "$there" ] || fail "$*: rm said '$gone', and is there '$there'"
	wait_repl
	for name in "${names[@]}"; do
		[ -L "${name% *}" ] || [ -d "${name% *}" ] && there=yes || there=
		[ "${name##* }" = "$there" ] || fail "$*: $name was made, and is there later '$there'"
	done
}
fails_with EIO "fsync $EIO"
fails_with EROFS "write $EROFS"
fails_with ENOSPC "write $ENOSPC"
s3 compare

# it fails while a copy is under way, and while the mount ends: the next mount goes on
proxy_start
make_destinations "$PROXY_URL"
remount_crrfs retry_first=0.1,retry_max=0.5,drain_timeout=1
proxy_down
echo waits >"$MNT/waits"
for line in "fsync $EIO" "write $EROFS" "write $ENOSPC"; do
	refuse "$line"
	proxy_up
	umount_crrfs
	refuse
	mount_crrfs retry_first=0.1,retry_max=0.5,drain_timeout=1
	wait_repl
	s3 compare
	proxy_down
	echo "waits $line" >"$MNT/waits"
done
proxy_up
wait_repl
s3 compare
umount_crrfs
# such a disk at the start: one line that says so
for line in "fsync $EIO" "write $EROFS" "write $ENOSPC"; do
	refuse "$line"
	mount_fails any
	one_clear_line "state|$STATE"
done
refuse

[ "$(id -u)" = 0 ] || exit 0
# no inode left
mkdir "$T/small"
mount -t tmpfs -o nr_inodes=24,mode=700 tmpfs "$T/small" || exit 0
MOUNTS+=("$T/small")
STATE=$T/small
mount_crrfs
/usr/bin/python3 - "$MNT" <<-'PY'
	import errno, os, sys
	files = [open(sys.argv[1] + '/one', 'w')]
	try:
	    for i in range(30):
	        files.append(open('%s/more-%d' % (sys.argv[1], i), 'w'))
	except OSError as error:
	    assert error.errno == errno.ENOSPC, error
	else:
	    sys.exit('no end of inodes')
	assert len(files) > 3, 'no inode from the beginning'
	for file in files:
	    file.write('one')
	    file.close()
PY
assert_eq "$(cat "$MNT/one")" one
echo again >"$MNT/again"
wait_repl
s3 compare --extra-ok --prefix again , compare --extra-ok --prefix one
umount_crrfs
