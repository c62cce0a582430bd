#!/bin/bash
# tar: made in the mount, added to, compressed, compared, taken apart in the mount.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
mkdir -p "$T/tree/sub/empty" "$T/tree/$(printf '%0120d' 7)"
for i in 1 2 3 4 5; do echo "file $i" >"$T/tree/sub/f$i"; done
random_file "$T/tree/big" 5300000
echo run >"$T/tree/sub/run"
chmod 755 "$T/tree/sub/run"
chmod 1777 "$T/tree/sub/empty"
ln -s sub/f1 "$T/tree/link"
ln -s "$(printf '%0150d' 7)" "$T/tree/long link"
find "$T/tree" -exec touch -hd '2001-02-03 04:05:06.123456789 UTC' {} +
[ "$(id -u)" != 0 ] || chown -R 12:34 "$T/tree/sub"
work() { # everything happens in the current folder
	tar --format=posix -C "$T/tree" -cf all.tar .
	mkdir out gz
	tar --xattrs -C out -xpf all.tar
	tar -C out -df all.tar
	echo later >added
	touch -d '2002-03-04 UTC' added
	tar -rf all.tar added
	echo "and later" >added
	touch -d '2003-03-04 UTC' added
	tar -uf all.tar added
	tar -xOf all.tar added >both
	tar -C "$T/tree" --format=posix -czf all.tar.gz .
	tar -C gz -xpzf all.tar.gz
	tar -C gz --overwrite -xpzf all.tar.gz
	tar --delete -f all.tar ./big
	tar -tf all.tar | sort >list
	rm all.tar.gz
	touch -d '2003-03-04 UTC' list both
}
on_both work
same_trees "$T/tree" "$MNT/work/out" times
same_trees "$T/tree" "$MNT/work/gz" times
rm "$T/local/all.tar" "$MNT/work/all.tar" # the two hold the order in which the folders were read
twins_last times
