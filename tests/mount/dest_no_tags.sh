#!/bin/bash
# A destination without tags has them in the metadata crrfs-tags, and they follow later changes.
# servers: s3d
. "$(dirname "$0")/lib.sh"
only_on s3d "a server without tags"
S3D_OPTIONS_b=(--without tagging)
begin
mount_crrfs
python3 - "$MNT/file" <<'END'
import os, sys
os.mknod(sys.argv[1], 0o644)
os.setxattr(sys.argv[1], 'user.s3.tags', b'class=tax&k%20k=v%2Bv')
with open(sys.argv[1], 'w') as file:
    file.write('text')
END
cp "$MNT/file" "$MNT/plain"
wait_repl
assert_eq "$(s3 meta b file crrfs-tags)" "class=tax&k%20k=v%2Bv"
assert_eq "$(s3 meta b plain crrfs-tags)" ""
set_xattr "$MNT/file" user.s3.tag.class other
set_xattr "$MNT/plain" user.s3.tag.late yes
wait_repl
assert_eq "$(s3 meta b file crrfs-tags)" "class=other&k%20k=v%2Bv"
assert_eq "$(s3 meta b plain crrfs-tags)" late=yes
s3 get b file "$T/got"
assert_eq "$(cat "$T/got")" text
# the last one, too, and a version that is no longer the current one is left as it is
setfattr -x user.s3.tag.late "$MNT/plain"
wait_repl
assert_eq "$(s3 meta b plain crrfs-tags)" ""
old=$(s3 version-id a file)
echo newer >"$MNT/file"
wait_repl
s3 puttags a file class=x
assert_eq "$(xattr "$MNT/file" user.s3.replication-status)" COMPLETED
s3 get b file "$T/got"
assert_eq "$(cat "$T/got")" newer
[ "$old" != "$(s3 version-id a file)" ] || fail "no new version"
