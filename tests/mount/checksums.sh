#!/bin/bash
# What is stored by one PUT has a checksum that the server has checked; another one is an error. A server without checksums
# is asked once, and its ETags are compared.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "the server's answers are spoilt"
printf 123456789 >"$T/digits"
random_file "$T/small" 70000
save() { cp "$T/small" "$MNT/$1"; }
mount_crrfs
cp "$T/digits" "$MNT/digits"
: >"$MNT/empty"
wait_repl
for side in a b; do
	assert_eq "$(s3 checksum $side digits)" 4waSgw== "checksum at $side"
	assert_eq "$(s3 checksum $side empty)" AAAAAA== "checksum of nothing at $side"
done
for side in a b; do
	# damaged on its way; stored as something else; both once
	fault $side 'op=PutObject count=1 action=status:400:BadDigest' 'op=PutObject count=1 action=wrong-checksum'
	save "healed-$side"
	wait_repl
	no_faults $side
	s3 get $side "healed-$side" "$T/got"
	assert_file_equal "$T/small" "$T/got"
	[ -n "$(s3 checksum $side "healed-$side")" ] || fail "it was sent without its checksum at $side"
done
# for ever: who saves it is told
fault a 'op=PutObject count=-1 action=wrong-checksum'
save spoilt 2>"$T/err" && fail "the server stored other bytes, and the save was acknowledged"
grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
fault a 'op=PutObject count=-1 action=status:400:BadDigest'
save spoilt-2 2>"$T/err" && fail "the server got other bytes, and the save was acknowledged"
grep -q 'Input/output error' "$T/err" || fail "$(cat "$T/err")"
no_faults a
s3 exists a spoilt-2 2>"$T/err" && fail "there is a version of a save that failed"
save again
assert_file_equal "$T/small" "$MNT/again"

# the server loses its checksums while it is mounted: the ETag guards
lacks a checksum
lacks b checksum
fault a 'op=PutObject count=1 action=wrong-etag'
save lost
no_faults a
assert_eq "$(s3 count-versions a lost)" 2 "tries while the first ETag is wrong"
wait_repl
for side in a b; do
	s3 get $side lost "$T/got"
	assert_file_equal "$T/small" "$T/got"
	assert_eq "$(s3 checksum $side lost)" "" "checksum at $side"
done
# one that never had any, and one that refuses the header: once more without, and not again
remount_crrfs
fault a 'op=PutObject count=1 action=wrong-etag'
save never
no_faults a
lacks a
remount_crrfs
fault a 'op=PutObject count=1 action=status:501:NotImplemented'
save refused
save refused-2
no_faults a
assert_eq "$(s3 checksum a refused)$(s3 checksum a refused-2)" "" "checksums at a server that refused them"
wait_repl
for key in never refused refused-2; do
	for side in a b; do
		s3 get $side $key "$T/got"
		assert_file_equal "$T/small" "$T/got"
	done
done
