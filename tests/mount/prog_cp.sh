#!/bin/bash
# cp -a, -u, -n, --sparse, --reflink, -T and install: contents, modes, times, links as in a local folder.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
mkdir -p "$T/from/deep/er" "$T/from/empty"
echo text >"$T/from/deep/er/text"
: >"$T/from/deep/nothing"
random_file "$T/from/big" 6000001
printf '#!/bin/sh\n' >"$T/from/run"
chmod 751 "$T/from/run"
chmod 600 "$T/from/deep/nothing"
ln -s deep/er/text "$T/from/link"
ln -s /nowhere/at/all "$T/from/dangling"
ln -s deep "$T/from/link to a folder"
chmod 2750 "$T/from/deep"
if [ "$(id -u)" = 0 ]; then chown -h 123:456 "$T/from/run" "$T/from/link" "$T/from/empty"; fi
touch -d '2001-02-03 04:05:06.123456789 UTC' "$T/from/deep/er/text" "$T/from/run" "$T/from/empty"
touch -hd '1999-12-31 23:59:59.5 UTC' "$T/from/link"
touch -d '2038-01-20 00:00:00 UTC' "$T/from/deep/nothing"
truncate -s 3000000 "$T/from/hole"
echo end >>"$T/from/hole"
on_both cp -a "$T/from" .
on_both cp -a from again
same_trees "$T/local" "$MNT/work" times
work() {
	cp --sparse=always again/hole sparse
	cp --sparse=never again/hole dense
	cp --reflink=auto again/big reflink
	touch -d '2000-01-01 UTC' old
	cp -p again/run run
	cp -u old run
	cp -n sparse run
	cp -T again/deep/er/text again/deep/nothing
	cp -r again/deep/. again/empty
	cp --preserve=mode again/run mode
	cp -L again/link followed
	cp --remove-destination again/big again/link
	cp --backup=numbered again/big mode
	install -m 640 again/big installed
	install -d -m 710 a/b/c
	install -p -m 4755 -D again/run x/y/run
	install -s -m 700 /bin/true program
}
on_both work
assert_errno "Operation not permitted" cp -l "$MNT/work/old" "$MNT/work/hard"
assert_errno "Operation not permitted" ln "$MNT/work/old" "$MNT/work/hard"
assert_errno "not supported" cp --reflink=always "$MNT/work/old" "$MNT/work/clone"
rm -f "$MNT/work/clone"
assert_errno "are the same file" cp "$MNT/work/old" "$MNT/work/old"
twins_last
