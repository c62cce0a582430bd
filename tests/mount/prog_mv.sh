#!/bin/bash
# mv of files and folders, over others, and across the edge of the mount.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
work() {
	mkdir -p a/b/c d/empty
	for i in 1 2 3 4 5; do echo "file $i" >a/f$i; done
	echo deep >a/b/c/deep
	chmod 640 a/f1
	touch -d '2001-02-03 04:05:06.7 UTC' a/*
	ln -s ../a/f1 d/link
	mv a/f1 a/F1           # in a folder
	mv a/f2 d/             # to another folder
	mv a/f3 a/f4           # over another
	mv -n a/f5 a/f4        # not over another
	mv d/link d/moved-link # a link
	mv a/b e               # a folder
	mv e d/                # a folder into a folder
	mv -T d/e d/empty      # a folder over an empty one
	mv a/f4 'a/n e w %+'
	mv --backup a/F1 a/f5 # the target is kept as f5~
	touch -hd '2001-02-03 04:05:06.7 UTC' d/moved-link d/empty/c/deep
}
on_both work
same_trees "$T/local" "$MNT/work" times
mkdir "$MNT/work/full" "$T/local/full"
echo x | tee "$MNT/work/full/x" >"$T/local/full/x"
assert_errno "Directory not empty" mv -T "$MNT/work/a" "$MNT/work/full"
assert_errno "cannot overwrite" mv -T "$MNT/work/a" "$MNT/work/full/x"
assert_errno "subdirectory of itself" mv "$MNT/work/a" "$MNT/work/a/inside"
assert_errno "No such file" mv "$MNT/work/nothing" "$MNT/work/a"
# across the edge: in, and out again
mkdir -p "$T/tree/sub"
random_file "$T/tree/sub/big" 5500000
echo small >"$T/tree/small"
chmod 4711 "$T/tree/small"
ln -s sub/big "$T/tree/link"
touch -hd '2011-12-13 14:15:16.17 UTC' "$T/tree/small" "$T/tree/link" "$T/tree/sub"
cp -a "$T/tree" "$T/local/tree"
mv "$T/tree" "$MNT/work/"
[ ! -e "$T/tree" ] || fail "mv left the origin"
wait_repl
s3 compare
mv "$MNT/work/tree" "$T/"
[ ! -e "$MNT/work/tree" ] || fail "mv left the tree in the mount"
same_trees "$T/local/tree" "$T/tree" times
mv "$T/local/tree" "$T/tree.before"
wait_repl
assert_eq "$(s3 keys a work/tree , keys b work/tree)" "" "keys left"
twins_last
