#!/bin/bash
# Two mounts and another program write the same keys, and the older version reaches the destination last: in the end the
# destination's current version is the source's, and no version was dropped.
. "$(dirname "$0")/lib.sh"
begin
proxy_start
make_destinations "$PROXY_URL"
mount_crrfs order_check=1
make_destinations
second mount_crrfs order_check=1
proxy_down
# the first mount's way is barred
for key in x y z; do echo one >"$MNT/$key"; done
is_there() { [ -e "$1" ]; }
for key in x y z; do
	retry_until "$LONG" is_there "$SECOND/$key"
	echo two >"$SECOND/$key"
done
rm "$SECOND/z"
second wait_repl
echo three >"$T/three"
s3 put a y "$T/three"
assert_eq "$(s3 count-versions b x)" 1 "before the late one"
proxy_up
wait_repl
bodies() { # all versions of a key at the destination
	s3 versions b "$1" | cut -f2,4 | while read -r id size; do
		[ "$size" = marker ] || { s3 get b "$1" "$T/body" "$id" && cat "$T/body"; }
	done | sort -u | tr '\n' ' '
}
current() { [ "$(s3 get b "$1" "$T/now" && cat "$T/now")" = "$2" ]; }
retry_until "$LONG" current x two
retry_until "$LONG" current y three
assert_eq "$(bodies x)" "one two " "versions of x"
assert_eq "$(bodies y)" "one three two " "versions of y"
