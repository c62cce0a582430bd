#!/bin/bash
# Tags that another tool gives to a version are shown after attr_timeout, also by the next mount, and what then makes a
# new version of it (append, chmod, mv) takes them along. They are as many as before: no count tells that they changed.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=none/

expire() { sleep 1.2; } # longer than attr_timeout, 1 s

mount_crrfs
for name in shown appended moded moved; do
	echo one >"$MNT/$name"
	set_xattr "$MNT/$name" user.s3.tag.a mine
	assert_eq "$(xattr "$MNT/$name" user.s3.tags)" a=mine
done
for name in shown appended moded moved; do s3 puttags a $name a=THEIRS; done
expire
assert_eq "$(xattr "$MNT/shown" user.s3.tags)" a=THEIRS
echo more >>"$MNT/appended"
chmod 600 "$MNT/moded"
mv "$MNT/moved" "$MNT/there"
for name in appended moded there; do assert_eq "$(s3 tags a $name)" a=THEIRS "tags of $name"; done
# a listing tells nothing new of tags, however often it is asked for
s3 puttags a shown a=LATER
for ((i = 0; i < 6; i++)); do
	ls -l "$MNT" >"$T/listed"
	sleep 0.3
done
assert_eq "$(xattr "$MNT/shown" user.s3.tags)" a=LATER
# what the next mount finds in its database is no older truth
umount_crrfs
s3 puttags a shown a=LAST
s3 puttags a moded a=LAST
mount_crrfs
assert_eq "$(xattr "$MNT/shown" user.s3.tag.a)" LAST
chmod 644 "$MNT/moded"
assert_eq "$(s3 tags a moded)" a=LAST
