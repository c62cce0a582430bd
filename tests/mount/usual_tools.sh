#!/bin/bash
# Ordinary work in the mount: git, grep, find, make a tar of it, edit in place; all equal to a local folder.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
cp -r "$TOP/tests/mount" "$T/local"
cp -r "$TOP/tests/mount" "$MNT/project"
for top in "$T/local" "$MNT/project"; do
	(
		cd "$top"
		sed -i 's/mount/MOUNT/' lib.sh
		sort lib.sh >sorted
		head -n 100 sorted >>lib.sh
		mkdir -p deep/er
		mv sorted deep/er/
		cp deep/er/sorted deep/copy
		rm names.sh
		find . -name 'r*.sh' | sort >found
		grep -l begin -- *.sh | sort >grepped
		ln -sf lib.sh link
		truncate -s 1000 found
	)
done
diff -r "$T/local" "$MNT/project" || fail "the trees differ"
wait_repl
s3 compare , tree b "$T/local" project/
