#!/bin/bash
# find -newer, -size, -empty, -perm, -type, -delete, -exec; grep -r, ls, stat, du, df, tree walks.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
work() {
	local i
	mkdir -p a/b/c/d e f/g
	for i in 1 2 3 4 5 6; do head -c $((i * 1000)) /dev/zero | tr '\0' "$i" >a/b/n$i; done
	: >a/empty1
	: >a/b/c/empty2
	echo needle >a/b/c/hay
	ln -s ../hay a/b/c/link
	ln -s nothing a/b/c/d/dangling
	chmod 600 a/b/n1
	chmod 4755 a/b/n2
	touch -d '2001-01-01 UTC' a/b/n1 a/b/n2
	touch -d '2002-01-01 UTC' reference
	touch -d '2003-01-01 UTC' a/b/n3
	{
		find . -newer reference -type f -name 'n[0-3]' | sort
		find . -size +2 -size -10 -type f | sort
		find . -size 3000c
		find . -empty | sort
		find . -perm 600
		find . -perm -4000
		find . -type l | sort
		find -L . -type l | sort
		find . -mindepth 3 -type d | sort
		find . -not -newermt 2002-06-01 -type f | sort
		find . -links +1 -type f
		find . -name 'n*' -exec grep -l 4 {} + | sort
		find . -depth -type d -printf '%d %P\n' | sort
		find . -printf '%y %P %l\n' | sort
		grep -rl needle . || true
		ls -RA
		ls -A -1 -t -r a/b | head -n 2
		ls -S a/b | head -n 2
		stat -c '%n %s %F %a %h' a/b/n*
		du -s --apparent-size -b a/b/n5 a/b/n6
		du -a --inodes a/b/c | sort
		du --apparent-size -b a/b/n* | tail -n 1
	} >"$T/answers.${PWD##*/}" 2>&1
	find . -name 'n[456]' -delete
	find . -type d -empty -delete
	rm -rf a/b/c
	rm -d e 2>/dev/null || true
	rmdir -p f/g 2>/dev/null || true
}
on_both work
diff "$T/answers.local" "$T/answers.work" || fail "other answers than in a local folder"
random_file "$MNT/work/big" 3000000
used=$(du -k "$MNT/work/big" | cut -f1)
[ "$used" -ge 2929 ] && [ "$used" -le 3000 ] || fail "du says $used KiB of 3000000 bytes"
cp "$MNT/work/big" "$T/local/big"
df -P "$MNT" | awk 'NR == 2 { exit !($2 > 1e9 && $4 > 1e9 && $6 == m) }' m="$MNT" || fail "df: $(df -P "$MNT")"
df -Pi "$MNT" | awk 'NR == 2 { exit !($2 > 1e6 && $4 > 1e6) }' || fail "df -i: $(df -Pi "$MNT")"
twins_last
