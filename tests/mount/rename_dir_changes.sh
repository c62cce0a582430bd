#!/bin/bash
# What is changed below a directory while that is renamed is changed under its new name: what rm, chmod, mv, mkdir, rmdir,
# setfattr and a save acknowledged is there afterwards, and nothing else.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "slow requests"
make_rules all,markers
mount_crrfs settle=0.1,attr_timeout=600
mkdir -p "$MNT/old/sub/away" "$MNT/old/sub/deep" "$MNT/other"
for i in $(seq 40); do echo "$i" >"$MNT/old/f$i"; done
echo deep >"$MNT/old/sub/deep/file"
echo in >"$MNT/other/in"
echo in2 >"$MNT/other/in2"
wait_repl
fault a "op=CopyObject key=new/* skip=30 count=-1 action=stall"
mv "$MNT/old" "$MNT/new" &
pids=($!)
half() { [ "$(s3 keys a new/ | wc -l)" -ge 20 ]; }
retry_until "$LONG" half
cd "$MNT/old" # which it remains, by any name
meanwhile() {
	"$@" &
	pids+=($!)
}
save() { echo saved >"$1"; }
meanwhile rm f1
meanwhile chmod 640 f10
meanwhile set_xattr f11 user.s3.tag.class tax
meanwhile set_xattr f14 user.s3.acl public-read
meanwhile mv f12 sub/f12
meanwhile mv f13 "$MNT/other/f13"
meanwhile mv "$MNT/other/in" f50
meanwhile mv "$MNT/other/in2" f15
meanwhile mkdir sub/made
meanwhile rmdir sub/away
meanwhile chmod 711 .
meanwhile save saved
meanwhile ln -s f2 link
meanwhile mv sub/deep sub/deep2
sleep 1 # so that all are under way
no_faults a
cd /
for pid in "${pids[@]}"; do wait "$pid" || fail "not all could do what they wanted"; done
check() {
	assert_eq "$(s3 keys a old/)" "" "keys under the old name"
	assert_eq "$(ls "$MNT/new" | wc -l)" 41 # f1 to f40 without three, f50, sub, saved, link
	[ ! -e "$MNT/new/f1" ] || fail "a file that was removed came back"
	[ ! -e "$MNT/new/f12" ] && [ ! -e "$MNT/new/f13" ] || fail "a file that was renamed came back"
	assert_eq "$(cd "$MNT" && cat new/sub/f12 other/f13 new/f50 new/f15 new/saved new/link | tr '\n' ' ')" "12 13 in in2 saved 2 "
	assert_eq "$(stat -c %a "$MNT/new/f10" "$MNT/new" | tr '\n' ' ')" "640 711 "
	assert_eq "$(xattr "$MNT/new/f11" user.s3.tag.class)" tax
	assert_eq "$(cd "$MNT/new/sub" && echo *)" "deep2 f12 made"
	assert_eq "$(cat "$MNT/new/sub/deep2/file")" deep
}
check
wait_repl
remount_crrfs
check
# attributes that settle while the rename saves those of others
umount_crrfs
mount_crrfs settle=5,attr_timeout=600
chmod 600 "$MNT/new/f20"
mark_requests
fault a "op=CopyObject key=new/f20 count=1 action=stall"
mv "$MNT/new" "$MNT/last" &
pids=($!)
settling() { [ "$(count_requests a HeadObject new/f20)" -ge 1 ]; }
retry_until "$LONG" settling
cd "$MNT/new"
meanwhile chmod 640 f21
sleep 1
no_faults a
cd /
for pid in "${pids[@]}"; do wait "$pid"; done
wait_repl
remount_crrfs
assert_eq "$(stat -c %a "$MNT/last/f20" "$MNT/last/f21" | tr '\n' ' ')" "600 640 "
wait_repl
s3 compare
! grep forgotten "$MOUNT_LOG" || fail "something was forgotten"
