#!/bin/bash
# Three destinations at once, by prefix, by tags and all, each with a storage class of its own rule.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
fourth_bucket
make_rules prefix=Tax/,to=b,priority=1,class=STANDARD_IA,markers tag=keep:yes,tag=class:tax,to=c,priority=2,class=ONEZONE_IA \
	all,to=d,priority=3,markers
mount_crrfs
mkdir "$MNT/Tax" "$MNT/Legal"
random_file "$T/big" $((13 * 1024 * 1024))
for name in Tax/small Legal/small; do echo "$name" >"$MNT/$name"; done
cp "$T/big" "$MNT/Tax/big"
cp "$T/big" "$MNT/Legal/big"
set_xattr "$MNT/Tax/small" user.s3.tags 'keep=yes&class=tax'
set_xattr "$MNT/Legal/big" user.s3.tags 'keep=yes&class=tax'
set_xattr "$MNT/Tax/big" user.s3.tags 'keep=yes&class=other'
wait_repl
s3 compare --to b --prefix Tax/ , compare --to d
assert_eq "$(s3 keys c | tr '\n' ' ')" "Legal/big Tax/small " "keys by tags"
class_of() { s3 head "$1" "$2" | sed -n 's/^storage-class: //p'; }
assert_eq "$(class_of b Tax/small) $(class_of b Tax/big)" "STANDARD_IA STANDARD_IA" "classes by prefix"
assert_eq "$(class_of c Tax/small) $(class_of c Legal/big)" "ONEZONE_IA ONEZONE_IA" "classes by tags"
assert_eq "$(class_of d Tax/small) $(class_of d Legal/big)" "STANDARD STANDARD" "classes of the rest"
assert_eq "$(s3 parts a Legal/big)" "$(s3 parts c Legal/big)" parts
rm "$MNT/Tax/small" "$MNT/Legal/big"
wait_repl
assert_eq "$(for side in b c d; do s3 count-markers $side Tax/small , count-markers $side Legal/big; done | tr '\n' ' ')" \
	"1 0 0 0 1 1 " "delete markers"
