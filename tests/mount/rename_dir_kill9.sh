#!/bin/bash
# kill -9 in the middle of a directory's rename, among the copies and among the deletions: the next mount finishes it. What
# another writer adds and changes under the old name meanwhile is not lost, here and at the destination.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "slow requests"
make_rules all,markers
moved() { s3 keys a new/ | wc -l; }
left() { s3 keys a old/ | wc -l; }
for phase in CopyObject DeleteObject; do
	mount_crrfs
	mkdir -p "$MNT/old/sub/deep"
	for i in $(seq 60); do echo "$phase $i" >"$MNT/old/f$i"; done
	echo deep >"$MNT/old/sub/deep/file"
	ln -s sub/deep/file "$MNT/old/link"
	chmod 711 "$MNT/old"
	set_xattr "$MNT/old/f1" user.s3.tag.class tax
	wait_repl
	# 16 go at once: the first ones pass, the others hang
	fault a "op=$phase key=old/* skip=20 count=-1 action=stall" "op=$phase key=new/* skip=20 count=-1 action=stall"
	mv "$MNT/old" "$MNT/new" 2>/dev/null &
	pid=$!
	if [ $phase = CopyObject ]; then
		half() { [ "$(moved)" -ge 20 ]; }
	else
		half() { [ "$(left)" -le 46 ]; }
	fi
	retry_until "$LONG" half
	kill9_crrfs
	wait $pid || true
	no_faults a
	[ "$(left)" -gt 0 ] || fail "it was over before the kill"
	assert_eq "$(queue_says 'SELECT count(*) FROM move')" 1 "renames under way"
	echo added >"$T/x"
	[ $phase = DeleteObject ] || s3 put a old/added "$T/x" , put a old/f7 "$T/x" , put a old/f60 "$T/x"
	mount_crrfs
	assert_eq "$(left)" 0 "keys left under the old name after $phase"
	[ ! -e "$MNT/old" ] || fail "the old folder is still there"
	for i in $(seq 60); do
		case $phase.$i in
		CopyObject.7 | CopyObject.60) assert_eq "$(cat "$MNT/new/f$i")" added ;;
		*) assert_eq "$(cat "$MNT/new/f$i")" "$phase $i" ;;
		esac
	done
	[ $phase = DeleteObject ] || assert_eq "$(cat "$MNT/new/added")" added
	assert_eq "$(cat "$MNT/new/link")" deep
	assert_eq "$(stat -c %a "$MNT/new")" 711
	assert_eq "$(xattr "$MNT/new/f1" user.s3.tag.class)" tax
	wait_repl
	assert_eq "$(s3 keys b old/)" "" "keys left at the destination"
	s3 compare
	rm -r "$MNT/new"
	umount_crrfs
done
