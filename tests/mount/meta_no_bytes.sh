#!/bin/bash
# chmod, touch and setfattr make a new version without sending the body again, here and at the destination.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/small" 50000
cp "$T/big" "$MNT/big"
cp "$T/small" "$MNT/small"
wait_repl
mark_requests
for name in big small; do
	chmod 600 "$MNT/$name"
	wait_repl
	touch -d 2001-02-03T04:05:06Z "$MNT/$name"
	setfattr -n user.note -v "of $name" "$MNT/$name"
done
wait_repl
for side in a b; do
	assert_eq "$(count_bodies $side)" 0 "bodies sent to $side"
	assert_requests $side GetObject '' 0
done
for name in big small; do
	s3 get b $name "$T/got"
	assert_file_equal "$T/$name" "$T/got"
	assert_arrived $name
done
s3 compare
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
