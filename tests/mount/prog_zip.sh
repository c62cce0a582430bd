#!/bin/bash
# zip and unzip in the mount: made, updated, deleted from, tested, taken apart.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
mkdir -p "$T/tree/sub"
for i in 1 2 3 4 5; do echo "file $i" >"$T/tree/sub/f$i"; done
random_file "$T/tree/big" 3000000
chmod 750 "$T/tree/sub/f1"
ln -s sub/f1 "$T/tree/link"
find "$T/tree" -exec touch -hd '2001-02-03 04:05:06 UTC' {} +
work() {
	local here=$PWD
	(cd "$T/tree" && zip -qyr "$here/all.zip" .)
	unzip -qt all.zip
	mkdir out
	unzip -q all.zip -d out
	touch -hd '2001-02-03 04:05:06 UTC' out/link
	echo later >added
	zip -q all.zip added
	echo "and later" >added
	touch -d '2031-01-01 UTC' added
	zip -q -u all.zip added
	zip -q -d all.zip big
	unzip -p all.zip added >got
	unzip -qo all.zip added
	unzip -Z1 all.zip | sort >list
	touch -d '2003-03-04 UTC' all.zip
}
on_both work
same_trees "$T/tree" "$MNT/work/out" times
assert_eq "$(cat "$MNT/work/got")" "and later"
rm "$T/local/all.zip" "$MNT/work/all.zip" # the two hold the times of their making
twins_last
