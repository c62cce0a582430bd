#!/bin/bash
# The replica of what an edit or a rename was made of is not there, or the server does not copy: the bytes are sent.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=in/,markers
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/edit" 4096 edit
mount_crrfs
mkdir "$MNT/in" "$MNT/out" "$MNT/cold"

edit() { # file: the same 4 KiB in it and in $T/big, at another place each time
	at=$((${at:-2000} + 37))
	for path in "$T/big" "$1"; do dd if="$T/edit" of="$path" bs=4096 seek=$at conv=notrunc status=none; done
}
arrived() { # key what
	wait_repl
	s3 get a "$1" "$T/got.a" , get b "$1" "$T/got.b"
	assert_file_equal "$T/big" "$T/got.a"
	assert_file_equal "$T/big" "$T/got.b"
	assert_eq "$(s3 parts a "$1")" "$(s3 parts b "$1")" "parts after: $2"
	assert_eq "$(ctl queue --failed "$MNT" 2>&1 | grep -c "$1")" 0 "failures after: $2"
}

# it never was in a rule
cp "$T/big" "$MNT/out/new"
mv "$MNT/out/new" "$MNT/in/new"
arrived in/new "rename into a rule"

# removed for good at the destination
cp "$T/big" "$MNT/in/file"
wait_repl
s3 rm b in/file "$(s3 version-id b in/file)"
edit "$MNT/in/file"
arrived in/file "edit of a replica that was removed"
s3 rm b in/file "$(s3 version-id b in/file)"
mv "$MNT/in/file" "$MNT/in/moved"
arrived in/moved "rename of a replica that was removed"

# it failed at the destination: it is not waited for
if [ "$S3_SERVER" = s3d ]; then
	deny b PutObject
	echo text >"$MNT/in/stuck"
	parked() { ctl queue "$MNT" | grep -q AccessDenied; }
	retry_until "$LONG" parked
	mv "$MNT/in/stuck" "$MNT/in/free"
	allow b PutObject
	wait_for_free() { s3 exists b in/free; }
	retry_until "$LONG" wait_for_free
	wait_repl

	# a server that copies no parts, or nothing, or not for us
	for what in UploadPartCopy CopyObject; do
		for side in a b; do
			[ "$side$what" != aCopyObject ] || continue
			fault $side "op=$what count=-1 action=status:501:NotImplemented"
			edit "$MNT/in/moved"
			arrived in/moved "no $what at $side"
			mv "$MNT/in/moved" "$MNT/in/there"
			arrived in/there "rename, no $what at $side"
			mv "$MNT/in/there" "$MNT/in/moved"
			no_faults $side
		done
		deny b $what
		edit "$MNT/in/moved"
		mv "$MNT/in/moved" "$MNT/in/there"
		arrived in/there "$what denied"
		mv "$MNT/in/there" "$MNT/in/moved"
		wait_repl
		allow b $what
	done
	# a trouble that passes is no refusal: what was begun is gone on with, and not sent
	mark_requests
	fault b "op=UploadPartCopy count=2 action=status:503:SlowDown"
	edit "$MNT/in/moved"
	arrived in/moved "a busy server"
	assert_eq "$(count_bodies b in/moved)" 1 "parts sent to a busy server"

	# an archived replica cannot be copied
	make_rules prefix=in/,markers prefix=cold/,class=GLACIER
	ctl rules reload "$MNT" >"$T/out"
	cp "$T/big" "$MNT/cold/file"
	wait_repl
	edit "$MNT/cold/file"
	mv "$MNT/cold/file" "$MNT/in/warm"
	arrived in/warm "an archived replica"
fi
ctl verify "$MNT" >"$T/verify" 2>&1 || true
assert_eq "$(grep -vE '^missing in/file |^[0-9]+ equal' "$T/verify" || true)" "" "what verify finds beside the versions removed"
