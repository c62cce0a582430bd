#!/bin/bash
# Another client writes a file, or gives it other metadata, just before it is renamed here: what it wrote gets the new name, though
# the mount remembers what was there before. (A server that does not say what it copied, as Ceph: only what is seen.)
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
only_on s3d "a server that says what it copied"
make_rules all,markers
mount_crrfs attr_timeout=600,settle=0.1
mkdir "$MNT/dir"
for i in first data meta settles; do echo "$i" >"$MNT/$i"; done
for i in data meta; do echo "$i" >"$MNT/dir/$i"; done
sync "$MNT/dir"
wait_repl
mv "$MNT/first" "$MNT/other" # the first copy tells
ls -l "$MNT" "$MNT/dir" >/dev/null
# The time alone tells of other metadata, in whole seconds: so this writes both, one right after the other.
cat >"$T/overtake.py" <<'END'
import os, sys
sys.path.insert(0, os.path.dirname(os.environ['S3_PY']))
sys.dont_write_bytecode = True
import s3
client, bucket = s3.client('a'), s3.bucket('a')
def data(key):
    client.put_object(Bucket=bucket, Key=key, Body=b'theirs')
def meta(key, path):
    with open(path, 'w') as file:
        file.write('ours')
    client.copy_object(Bucket=bucket, Key=key, CopySource={'Bucket': bucket, 'Key': key}, MetadataDirective='REPLACE',
                       Metadata={'colour': 'theirs'})
mnt = sys.argv[1]
data('data')
data('dir/data')
meta('meta', mnt + '/meta')
meta('dir/meta', mnt + '/dir/meta')
END
S3_PY=$TEST_DIR/s3.py /usr/bin/python3 "$T/overtake.py" "$MNT"
for name in data meta; do mv "$MNT/$name" "$MNT/new-$name"; done
mv "$MNT/dir" "$MNT/new"
assert_eq "$(s3 meta a new-meta colour)" theirs "metadata of a file"
assert_eq "$(s3 meta a new/meta colour)" theirs "metadata of a file below a directory"
assert_eq "$(xattr "$MNT/new-meta" user.colour) $(xattr "$MNT/new/meta" user.colour)" "theirs theirs"
assert_eq "$(cat "$MNT/new-data") $(cat "$MNT/new/data")" "theirs theirs"
# attributes that settle are for a version that is not there any more
umount_crrfs
mount_crrfs attr_timeout=600,settle=5
chmod 600 "$MNT/settles"
echo theirs >"$T/x"
s3 put a settles "$T/x"
echo 1 >"$MNT/o" && mv "$MNT/o" "$MNT/p" # a copy tells
mv "$MNT/settles" "$MNT/settled"
assert_eq "$(cat "$MNT/settled")" theirs
wait_repl
s3 compare
assert_eq "$(s3 keys a | tr '\n' ' ')" "new-data new-meta new/ new/data new/meta other p settled "
