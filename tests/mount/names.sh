#!/bin/bash
# Awkward names: unicode, spaces, %, +, quotes, &, ?, #, newline, the longest; the keys are the names.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,markers
mkdir -p "$T/in/Tax"
mount_crrfs
mkdir "$MNT/Tax"
names=('plain' 'two  spaces' ' leading' 'trailing ' '100%' '%41' 'a+b' 'a&b=c' 'a?b#c' "it's" 'say "x"' 'back\slash' 'semi;colon'
	'ünïcödé' '日本語' '🙂' 'e'$'\xcc\x81' $'new\nline' $'tab\there' '*' '~' '!$,()[]{}<>|^`' '...' '-dash' '.hidden' ':' '@' '=')
if [ "$S3_SERVER" = rgw ]; then
	say "the gateway: control characters make the paging token invalid XML; one page is not concerned"
else
	names+=($'bell\a' $'\x01' $'delete\x7f' $'return\r' $'escape\e[31m' $'form\ffeed')
fi
for name in "${names[@]}"; do
	echo "this is $name" >"$T/in/Tax/$name"
	cp -- "$T/in/Tax/$name" "$MNT/Tax/$name"
done
long=$(printf '%255s' '' | tr ' ' l)
umlauts=$(printf '%127s' '' | sed 's/ /ü/g')
for name in "$long" "$umlauts"; do
	echo "this is long" >"$T/in/Tax/$name"
	cp -- "$T/in/Tax/$name" "$MNT/Tax/$name"
done
set_xattr "$MNT/Tax/100%" user.s3.tag.class tax
wait_repl
s3 tree a "$T/in" , tree b "$T/in" , compare --prefix Tax/
remount_crrfs
diff -r "$T/in" "$MNT" || fail "what is read differs"
# rename and remove them
mkdir "$MNT/Tax/d %+ü"
for name in "${names[@]}"; do
	mv -- "$MNT/Tax/$name" "$MNT/Tax/d %+ü/$name"
done
assert_eq "$(find "$MNT/Tax/d %+ü" -type f -printf x | wc -c)" ${#names[@]} "files in the folder"
wait_repl
s3 compare --prefix Tax/
rm -r "$MNT/Tax/d %+ü"
wait_repl
assert_eq "$(s3 keys b | grep -vc '/$')" 2 "keys left"
# a name that is not UTF-8 cannot be a key: a clear error, not a wrong key
if touch "$MNT/Tax/"$'latin\xe9' 2>"$T/err"; then
	wait_repl
	s3 compare --prefix Tax/
else
	grep -qE "Invalid|Illegal|not permitted" "$T/err" || fail "$(cat "$T/err")"
fi
