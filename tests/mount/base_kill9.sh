#!/bin/bash
# kill -9 between a save and its copies: what was staged of an edit, and the name before a rename, serve the next mount.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs timeout=600 # the first try of a copy is not over before the death
random_file "$T/big" $((23 * 1024 * 1024))
random_file "$T/edit" 4096 edit
for name in one two three; do cp "$T/big" "$MNT/$name"; done
wait_repl
proxy_down
for path in "$T/big" "$MNT/one" "$MNT/two"; do dd if="$T/edit" of="$path" bs=4096 seek=3000 conv=notrunc status=none; done
mv "$MNT/one" "$MNT/moved"
mv "$MNT/three" "$MNT/renamed"
kill9_crrfs
mount_crrfs
kill9_crrfs
proxy_up
mark_requests
mount_crrfs
wait_repl
assert_eq "$(count_bodies b)" 2 "parts sent after the death"
assert_requests a GetObject '' 0
s3 get b moved "$T/got.one" , get b two "$T/got.two" , compare
assert_file_equal "$T/big" "$T/got.one"
assert_file_equal "$T/big" "$T/got.two"

# the staged parts are lost: they come from the source, the others are still copied
proxy_down
for path in "$T/big" "$MNT/two"; do dd if="$T/edit" of="$path" bs=4096 seek=100 conv=notrunc status=none; done
kill9_crrfs
find "$STATE/staging" -type f -delete
proxy_up
mark_requests
mount_crrfs
wait_repl
assert_eq "$(count_bodies b)" 1 "parts sent without the staged ones"
s3 get b two "$T/got.two" , compare
assert_file_equal "$T/big" "$T/got.two"
assert_eq "$(find "$STATE/staging" -type f | wc -l)" 0 "files left in the staging directory"
ctl verify "$MNT" >"$T/verify" || fail "$(cat "$T/verify")"
