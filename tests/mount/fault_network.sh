#!/bin/bash
# Whatever the network does to one request, at each of its stages, at the source and at the destination: it is tried again, the
# bytes are right, and there is one version of each save.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
meddler_start a b
make_destinations "$MEDDLE_B"
random_file "$T/small" 5000
random_file "$T/big" 6000000
mount_crrfs "url=$MEDDLE_A,timeout=6,retry_first=0.1,retry_max=0.5"
mkdir "$MNT/w"
wait_repl
n=0 puts=()

writes() { # SIDE RULE...: a small and a large file are saved and copied
	local side=$1
	n=$((n + 1))
	meddle "$@"
	cp "$T/small" "$MNT/w/small-$n"
	cp "$T/big" "$MNT/w/big-$n"
	wait_repl
	meddled "$side" 1
	meddle "$side"
}

reads() { # RULE...: objects that nobody has read yet
	n=$((n + 1))
	meddle a "$@"
	assert_file_equal "$T/small" "$MNT/read/small-$n"
	assert_file_equal "$T/big" "$MNT/read/big-$n"
	meddled a 1
	meddle a
}

lists() { # RULE...
	n=$((n + 1))
	meddle a "$@"
	assert_eq "$(ls "$MNT/list/$n" | tr '\n' ' ')" "one two " "ls with $*"
	meddled a 1
	meddle a
}

writes a 'begin - 1 PUT' 'connect - 2 -' # the kept connection goes, and no new one comes
writes b 'begin - 2 PUT' 'begin - 1 POST'
writes a 'body 100 1 small' 'body 2000000 1 partNumber'
for side in a b; do
	writes $side 'sent - 1 small' 'sent - 1 partNumber' 'sent - 1 POST' # it was carried out, and nobody says so
	writes $side 'answer 20 1 small' 'end 100 1 partNumber' 'end 100 1 POST'
	writes $side 'freeze - 1 small' 'gzip - 1 POST' # the peer is gone, and nothing tells
done
writes=$n
for i in 1 2 3 4 5 6 7 8 9 10 11; do
	puts+=("," put a "read/small-$((n + i))" "$T/small" "," put a "read/big-$((n + i))" "$T/big" ","
		put a "list/$((n + i))/one" "$T/small" "," put a "list/$((n + i))/two" "$T/small")
done
s3 "${puts[@]:1}"
reads 'answer 3000 1 small' 'answer 500000 1 big'
reads 'end 3000 1 small' 'end 500000 1 big' 'end 0 1 HEAD'
reads 'drip 20 1 GET' # alive, but at 50 bytes a second
reads 'freeze - 1 big' 'freeze - 1 HEAD'
reads 'length 10 1 GET'
reads 'length -10 2 GET'
reads 'gzip - 2 GET'
lists 'end 300 1 list-type'
lists 'length -10 1 list-type'
lists 'gzip - 1 list-type'
s3 compare --prefix w/ , history a >"$T/history.a"
s3 history b >"$T/history.b"
for side in a b; do
	assert_eq "$(grep -c '^w/[sb]' "$T/history.$side")" $((2 * writes)) "versions at $side"
done
# whose answer was lost: nobody knows of that upload, and the bucket's lifecycle rule removes it
s3 uploads a , uploads b >"$T/uploads"
[ "$(wc -l <"$T/uploads")" -le 8 ] || fail "unfinished uploads: $(cat "$T/uploads")"

# a fault that stays is an error, and never wrong bytes
n=$((n + 1))
meddle a 'gzip - -1 big'
assert_fails cat "$MNT/read/big-$n"
cmp -n "$(stat -c %s "$T/out")" "$T/out" "$T/big" || fail "wrong bytes"
meddle a
assert_file_equal "$T/big" "$MNT/read/big-$n"
