#!/bin/bash
# mv of a file, small or large, sends no body to any side: each makes its own copy, with all that belongs to it.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/small" 70000
cp "$T/big" "$MNT/big"
cp "$T/small" "$MNT/small"
set_xattr "$MNT/small" user.s3.tag.class tax
set_xattr "$MNT/small" user.color red
chmod 640 "$MNT/small"
wait_repl
mark_requests
mkdir "$MNT/dir"
mv "$MNT/big" "$MNT/dir/large"
mv "$MNT/small" "$MNT/dir/little"
wait_repl
for side in a b; do assert_eq "$(count_bodies $side)" 0 "bodies sent to $side"; done
assert_requests a GetObject '' 0
assert_requests b GetObject '' 0
s3 get b dir/large "$T/got.big" , get b dir/little "$T/got.small" , compare
assert_file_equal "$T/big" "$T/got.big"
assert_file_equal "$T/small" "$T/got.small"
assert_eq "$(s3 tags b dir/little)" class=tax "tags at the destination"
assert_eq "$(s3 versions b big | wc -l)" 2 "versions of the old name: the object and its marker"
assert_arrived dir/little
replicated "$MNT/dir/large"

# right after the write: the destination waits for the old name's replica, and sends nothing twice
mark_requests
cp "$T/big" "$MNT/fresh"
mv "$MNT/fresh" "$MNT/renamed"
mv "$MNT/renamed" "$MNT/again"
wait_repl
bytes=$(sum_bodies b)
[ "$bytes" -lt $((24 * 1024 * 1024)) ] || fail "bytes to b: $bytes"
s3 get b again "$T/got.big" , compare
assert_file_equal "$T/big" "$T/got.big"

# a replica loses the tags that its base had
mark_requests
setfattr -x user.s3.tag.class "$MNT/dir/little"
mv "$MNT/dir/little" "$MNT/untagged"
wait_repl
assert_eq "$(count_bodies b)" 0 "bodies sent to b"
assert_eq "$(s3 tags b untagged)" "" "tags at the destination"
s3 compare
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
