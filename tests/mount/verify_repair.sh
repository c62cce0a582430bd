#!/bin/bash
# Each kind of difference that somebody can make at a destination is found by crrctl verify, with exit status 2; --repair
# queues what heals it, and nothing is removed for good.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
# The gateway does not tell the sizes of parts, so that ETags of parts cannot be compared: there the bytes are read.
deep=() what=etag
[ "$S3_SERVER" = s3d ] || deep=(--deep) what=bytes
verify() { # status [ARGUMENT...]
	local status=0 expected=$1
	shift
	ctl verify ${deep[@]+"${deep[@]}"} "$@" "$MNT" >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = "$expected" ] || fail "status $status instead of $expected: $(cat "$T/out" "$T/err")"
}
found() { grep -q "^$1 at $DST_ARN$2\$" "$T/out" || fail "no line '$1 ... $2' in: $(cat "$T/out")"; }
replica() { s3 version-id b "$1"; }
source_of() { s3 version-id a "$1"; }
for f in lost size etag meta type tags acl plain; do echo "this is $f" >"$MNT/$f"; done
for i in 1 2 3; do echo "version $i" >"$MNT/middle"; done
for i in 1 2; do echo "version $i" >"$MNT/order"; done
random_file "$MNT/parts" 17000000
echo x >"$MNT/deleted"
rm "$MNT/deleted"
echo on top >"$MNT/top"
wait_repl
verify 0

say "made wrong, one by one"
echo "this is not size" >"$T/longer"
echo "this is etaG" >"$T/other"
head -c 17000000 /dev/zero >"$T/zeros"
s3 rm b lost "$(replica lost)" , \
	remake b size "$(replica size)" "$T/longer" , \
	remake b etag "$(replica etag)" "$T/other" , \
	remake b meta "$(replica meta)" - color=red , \
	puttags b tags a=b , \
	putacl b acl public-read , \
	remake b parts "$(replica parts)" "$T/zeros" --parts 5242880 , \
	put b top "$T/other"
middle=$(s3 versions a middle | sed -n 2p | cut -f2)
s3 rm b middle "$(s3 versions b middle | sed -n 2p | cut -f2)"
s3 remake b order "$(s3 versions b order | sed -n 2p | cut -f2)" -
marker=$(s3 versions a deleted | grep marker | cut -f2)
s3 rm b deleted "$(s3 versions b deleted | grep marker | cut -f2)"
verify 2
cp "$T/out" "$T/first"
found "missing lost $(source_of lost)" ''
found "differs size $(source_of size)" ': size'
found "differs etag $(source_of etag)" ': etag'
found "differs meta $(source_of meta)" ': metadata color'
found "differs tags $(source_of tags)" ': tags'
found "differs acl $(source_of acl)" ': acl'
found "differs top $(source_of top)" ': order'
found "missing middle $middle" ''
found "differs order .*" ': order'
found "missing deleted $marker" ''
found "differs parts $(source_of parts)" ": $what"
if grep -q ' plain ' "$T/out"; then fail "the file that is equal is named: $(cat "$T/out")"; fi
assert_match "$(tail -n1 "$T/out")" ', 9 different, 3 missing, 0 extra, 0 behind' summary
verify 2 --json
assert_eq "$(grep -c '"result":"differs"' "$T/out")" "$(grep -c ^differs "$T/first")" "lines of JSON"

say "--repair"
before=$(s3 versions b | wc -l)
verify 2 --repair
grep -q '^queued tags tags ' "$T/out"
grep -q '^queued acl acl ' "$T/out"
grep -q "^queued object middle $middle " "$T/out"
if grep -q ' plain ' "$T/out"; then fail "queued for nothing: $(cat "$T/out")"; fi
wait_repl
verify 0
s3 compare
[ "$(s3 versions b | wc -l)" -gt "$before" ] || fail "nothing was sent"
verify 0 --repair
if grep -q ^queued "$T/out"; then fail "queued again: $(cat "$T/out")"; fi
assert_match "$(tail -n1 "$T/out")" ', 0 queued' summary

say "without the mount, for the next one"
s3 rm b lost "$(replica lost)"
umount_crrfs
status=0
ctl verify --repair --state "$STATE" lost >"$T/out" 2>"$T/err" || status=$?
assert_eq $status 2
grep -q 'the next mount sends' "$T/err"
mount_crrfs
wait_repl
s3 compare

say "a replica whose source version is gone"
version=$(source_of plain) old=$(replica plain)
echo newer >"$MNT/plain"
wait_repl
s3 rm a plain "$version"
verify 2
assert_eq "$(grep -v ' equal, ' "$T/out")" "extra plain $old at $DST_ARN"
verify 2 --repair
assert_match "$(tail -n1 "$T/out")" ', 1 extra, .*, 0 queued' "nothing removes it"
s3 rm b plain "$old"
verify 0
