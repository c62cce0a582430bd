#!/bin/bash
# Two buckets that replicate into each other, each with a mount: what is new, changed or deleted at one side comes to the
# other, once.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
back make_rules all,markers
back make_destinations
mount_crrfs order_check=1
back mount_crrfs order_check=1
settled() {
	wait_repl
	back wait_repl
}
versions_of() { s3 count-versions a "$1" , count-versions b "$1" , count-markers a "$1" , count-markers b "$1" | tr '\n' ' '; }
random_file "$T/big" $((9 * 1024 * 1024))
echo a >"$MNT/from-a"
echo b >"$BACK/from-b"
cp "$T/big" "$MNT/big"
settled
s3 compare
for key in from-a from-b big; do assert_eq "$(versions_of $key)" "1 1 0 0 " "versions and markers of $key, new"; done
# a replica that is written again is the other side's to get
is_there() { [ -e "$1" ]; }
retry_until "$LONG" is_there "$BACK/from-a"
retry_until "$LONG" is_there "$BACK/big"
retry_until "$LONG" is_there "$MNT/from-b"
echo more >>"$BACK/from-a"
printf x >>"$BACK/big"
settled
s3 compare
assert_eq "$(versions_of from-a)$(versions_of big)" "2 2 0 0 2 2 0 0 " "versions and markers, written again"
more() { [ "$(cat "$MNT/from-a")" = $'a\nmore' ]; }
retry_until "$LONG" more
# and so are deletes, of one's own and of a replica
rm "$MNT/from-a" "$MNT/from-b"
settled
assert_eq "$(s3 keys a , keys b | tr '\n' ' ')" "big big " "keys after the deletes"
assert_eq "$(versions_of from-a)$(versions_of from-b)" "2 2 1 1 1 1 1 1 " "versions and markers, deleted"
gone() { [ ! -e "$BACK/from-a" ]; }
retry_until "$LONG" gone
echo again >"$BACK/from-a"
settled
s3 compare
assert_eq "$(versions_of from-a)" "3 3 1 1 " "versions and markers, made again"
# all of it was looked at once more, and nobody had anything to send
wait_looked_at
back wait_looked_at
settled
assert_eq "$(versions_of from-a)$(versions_of from-b)$(versions_of big)" "3 3 1 1 1 1 1 1 2 2 0 0 " "in the end"
