#!/bin/bash
# tar --xattrs out of and into the mount keeps tags and metadata.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mount_crrfs
mkdir "$MNT/in" "$MNT/out"
for i in 1 2 3; do echo "file $i" >"$MNT/in/f$i"; done
set_xattr "$MNT/in/f1" user.s3.tag.class tax
set_xattr "$MNT/in/f1" user.colour blue
set_xattr "$MNT/in/f2" user.colour red
tar -C "$MNT/in" --xattrs --xattrs-include='user.*' -cf "$T/archive.tar" .
tar -C "$MNT/out" --xattrs --xattrs-include='user.*' -xpf "$T/archive.tar"
assert_eq "$(xattr "$MNT/out/f1" user.s3.tag.class) $(xattr "$MNT/out/f1" user.colour)" "tax blue"
wait_repl
s3 compare --tag class=tax
assert_eq "$(s3 keys b | tr '\n' ' ')" "in/f1 out/f1 "
assert_eq "$(s3 meta a out/f2 colour)" red
for i in 1 2 3; do assert_eq "$(s3 count-versions a out/f$i)" 1 "versions of out/f$i"; done
assert_eq "$(s3 count-versions b out/f1)" 1 "versions of the replica"
