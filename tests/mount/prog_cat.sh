#!/bin/bash
# Redirections: cat a b >c, split and cat, tee, head and tail, cmp, sort of much, a here-document, noclobber.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
random_file "$T/in" 5600000
work() {
	cp "$T/in" in
	split -b 1000003 -d in part.
	cat part.?? >joined
	cmp in joined
	head -c 100000 in >a
	tail -c 5 in >b
	cat a b >c
	cat b >>c
	{ cat a; echo between; cat b; } >d
	cat <<-HERE >here
		one
		two
	HERE
	tee e f <c >g
	cat <c 1<>d
	seq 1 20000 | sort -r -T . -S 100k >sorted
	: >empty
	>truncated cat here
	: >truncated
	set -C
	if (echo no >here) 2>/dev/null; then return 1; fi
	set +C
	sha256sum in joined a b c >sums
	sha256sum --quiet -c sums
	base64 <b | base64 -d >h
	gzip -kn c && gunzip -c c.gz | cmp - c
	xargs -n 1 echo <here >words
	ls -1 >list
	wc -c -- * >counts
}
on_both work
# shellcheck disable=SC2016
assert_errno "input file is output file" sh -c 'cat "$1" >>"$1"' sh "$MNT/work/a"
twins_last
