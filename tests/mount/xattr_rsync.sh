#!/bin/bash
# rsync -aX brings tags and metadata, and a second run has nothing to do.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mkdir "$T/tree"
for i in 1 2 3 4; do echo "file $i" >"$T/tree/f$i"; done
setfattr -n user.s3.tag.class -v tax "$T/tree/f1" 2>/dev/null || skip "no xattrs on $T"
set_xattr "$T/tree/f2" user.s3.tag.class tax
set_xattr "$T/tree/f2" user.colour blue
set_xattr "$T/tree/f3" user.colour red
mount_crrfs
rsync -aX "$T/tree/" "$MNT/"
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "f1 f2 "
s3 compare --tag class=tax
assert_eq "$(s3 meta a f3 colour)" red
before=$(s3 versions a)
assert_eq "$(rsync -aXi "$T/tree/" "$MNT/" | grep -v '^\.d')" "" "what a second run does"
assert_eq "$(s3 versions a)" "$before" "versions after a second run"
echo changed >"$T/tree/f1"
rsync -aX "$T/tree/" "$MNT/"
wait_repl
assert_eq "$(cat "$MNT/f1")" changed
s3 compare --tag class=tax
assert_eq "$(s3 tags b f1)" class=tax
