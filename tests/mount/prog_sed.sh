#!/bin/bash
# Programs that edit in place: sed -i, perl -i, sort -o, patch, ed-like; modes stay, nothing temporary is left.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
work() {
	local i
	for i in 1 2 3 4; do printf 'one\ntwo\nthree\n' >f$i; done
	chmod 750 f1
	[ "$(id -u)" != 0 ] || chown 12:34 f1
	ln -s f3 link
	sed -i 's/two/TWO/' f1
	sed -i.bak '/one/d' f2
	sed -i --follow-symlinks 's/one/ONE/' link
	perl -i -pe 's/three/THREE/' f1
	perl -i.orig -ne 'print if /t/' f4
	sort -o f3 f3
	printf -- '--- f1\n+++ f1\n@@ -1,3 +1,3 @@\n one\n-TWO\n+zwei\n THREE\n' | patch -s -p0
	tee -a f4 <f1 >/dev/null
	truncate -s 3 f2
	printf 'x' | dd of=f2 bs=1 seek=1 conv=notrunc status=none
	sed -i 's/$/\r/' f?
	sed -i 's/\r$//' f?
}
on_both work
[ -L "$MNT/work/link" ] || fail "sed replaced the link"
twins_last
