#!/bin/bash
# What tags that come later do: tags=any-time (ours) and at-create (S3's); untag=keep, mark, delete-marker; deletes where
# the rules name tags, which S3 refuses to replicate: delete_markers=all.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax

born() { # FILE: a version with the tag from the beginning
	echo "text of $1" >"$T/$1"
	setfattr -n user.s3.tag.class -v tax "$T/$1"
	cp --preserve=xattr "$T/$1" "$MNT/$1"
	assert_eq "$(s3 tags a "$1")" class=tax "tags of $1 at the source"
}
untag() { setfattr -x user.s3.tag.class "$MNT/$1"; }

mount_crrfs tags=at-create
echo text >"$MNT/later"
set_xattr "$MNT/later" user.s3.tag.class tax
born first
wait_repl
assert_eq "$(s3 keys b)" first "keys with tags=at-create"
set_xattr "$MNT/first" user.s3.tag.class tax2
wait_repl
assert_eq "$(s3 tags b first)" class=tax2 "tags of what was replicated"
assert_errno "No such attribute" xattr "$MNT/later" user.s3.replication-status

remount_crrfs # any-time, keep
set_xattr "$MNT/later" user.s3.tag.colour red
born kept
wait_repl
s3 exists b later
untag kept
wait_repl
assert_eq "$(s3 tags b kept)" "" "tags of what was kept"
s3 exists b kept

remount_crrfs untag=mark
born marked
wait_repl
untag marked
set_xattr "$MNT/marked" user.s3.tag.colour red
wait_repl
assert_match "$(s3 tags b marked | tr '\n' ' ')" '^colour=red crrfs-unmatched=20[0-9-]*T[0-9:.]*Z $' "tags of what was marked"
assert_eq "$(s3 tags a marked)" colour=red "tags at the source"
set_xattr "$MNT/marked" user.s3.tag.class tax
wait_repl
assert_eq "$(s3 tags b marked | tr '\n' ' ')" "class=tax colour=red " "tags of what matches again"

remount_crrfs untag=delete-marker
born hidden
wait_repl
untag hidden
wait_repl
assert_fails s3 exists b hidden
assert_eq "$(s3 count-versions b hidden , count-markers b hidden , count-markers a hidden | tr '\n' ' ')" "1 1 0 " \
	"versions and markers of what was hidden"
s3 exists a hidden

# a tag rule wants no deletes, unless it is told to
rm "$MNT/first"
born gone
wait_repl
remount_crrfs delete_markers=all,attr_timeout=0
mark_requests
rm "$MNT/gone" "$MNT/kept"
wait_repl
assert_requests a GetObjectTagging gone 1
assert_eq "$(s3 count-markers a first , count-markers b first | tr '\n' ' ')" "1 0 " "markers with delete_markers=rules"
assert_eq "$(s3 count-markers a gone , count-markers b gone | tr '\n' ' ')" "1 1 " "markers with delete_markers=all"
assert_eq "$(s3 count-markers a kept , count-markers b kept | tr '\n' ' ')" "1 0 " "markers of what matched no more"
mkdir "$MNT/dir"
set_xattr "$MNT/dir" user.s3.tag.class tax
born moved
mv "$MNT/moved" "$MNT/there"
wait_repl
s3 exists b dir/ , exists b there
assert_fails s3 exists b moved
rmdir "$MNT/dir"
rm "$MNT/there"
wait_repl
assert_eq "$(s3 count-markers b dir/ , count-markers b moved , count-markers b there | tr '\n' ' ')" "1 1 1 " "markers"
assert_requests b DeleteObjectVersion '' 0

# a prefix rule that wants deletes, and a tag rule before it, which wants none: the tags decide, and are asked for
make_rules "prefix=Tax/,markers,priority=1" "tag=class:tax,priority=2"
remount_crrfs attr_timeout=0
mkdir "$MNT/Tax"
echo text >"$MNT/Tax/plain"
echo text >"$MNT/Tax/tagged"
set_xattr "$MNT/Tax/tagged" user.s3.tag.class tax
wait_repl
rm "$MNT/Tax/plain" "$MNT/Tax/tagged"
wait_repl
assert_eq "$(s3 count-markers b Tax/plain , count-markers b Tax/tagged | tr '\n' ' ')" "1 0 " "the rule with the tag wins"
