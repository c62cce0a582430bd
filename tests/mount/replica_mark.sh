#!/bin/bash
# A replica says in its metadata that it is one and whose; a mount of the destination does not send it on.
. "$(dirname "$0")/lib.sh"
begin
third_bucket
mount_crrfs
echo text >"$MNT/file"
wait_repl
version=$(s3 version-id a file)
s3 head b file >"$T/head"
grep -qi '^meta\.crrfs-' "$T/head" || fail "no mark in the replica's metadata: $(cat "$T/head")"
grep -qF "$version" "$T/head" || fail "the source's version id is not in it: $(cat "$T/head")"
s3 head a file | grep -i '^meta\.crrfs-.*replica' && fail "the source says that it is a replica"
list_xattrs "$MNT/file" >"$T/out"
if grep -i crrfs "$T/out"; then fail "our own metadata is listed as xattr"; fi
umount_crrfs
# now the destination is a source, all of it to be replicated to c
sed "s/$DST/$DST2/" "$RULES" >"$T/rules2.json"
mkdir "$T/mnt2"
MNT=$T/mnt2 STATE=$T/state2 SRC=$DST S3_A_ENDPOINT=$S3_B_ENDPOINT S3_A_REGION=$S3_B_REGION RULES=$T/rules2.json
sed -i 's/^\[a\]/[old-a]/; s/^\[b\]/[a]/' "$T/credentials"
printf '[b]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$S3_B_KEY" "$S3_B_SECRET" >>"$T/credentials"
mount_crrfs
assert_eq "$(xattr "$MNT/file" user.s3.replication-status)" REPLICA
set_xattr "$MNT/file" user.s3.tag.class tax
echo own >"$MNT/own"
wait_repl
assert_eq "$(s3 keys c)" own "keys at the second hop"
# once it is written here it is ours
echo changed >>"$MNT/file"
wait_repl
assert_eq "$(s3 keys c | tr '\n' ' ')" "file own "
