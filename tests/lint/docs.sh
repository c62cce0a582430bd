#!/bin/bash
# docs.sh - every test that docs/ names is there: a bare NAME.sh is a mount test, others have their folder. And every crash
# point (base/crash.h) is at one place in the code, has a line in docs/durability.md, and a test. And what the code returns to
# programs is what ERRORS in crrfs(1) has.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
bad() {
	echo "$*"
	status=1
}
for doc in docs/*.md; do
	# shellcheck disable=SC2016 # backquotes of the document
	for name in $(grep -oE '`[a-z0-9_/]+\.(sh|c)`' "$doc" | tr -d '\`' | sort -u); do
		case $name in
		*/*) file=$name ;;
		*) file=tests/mount/$name ;;
		esac
		[ -f "$file" ] || bad "$doc: there is no $file"
	done
done

doc=docs/durability.md
points=$(cat base/*.c rules/*.c s3/*.c queue/*.c fs/*.c | sed -n 's/.*crash_point("\([a-z_.]*\)").*/\1/p' | sort)
[ -n "$points" ] || bad "no crash points"
for name in $(uniq -d <<<"$points"); do bad "the crash point $name is at several places"; done
for name in $(uniq <<<"$points"); do
	# shellcheck disable=SC2016
	grep -qF '| `'"$name"'` |' "$doc" || bad "$doc: the crash point $name has no line"
	grep -qE "^[a-z_]+ .*\b${name//./\\.}(:[0-9]+)?( |\$)" tests/crash/points_*.sh || bad "the crash point $name has no test"
done
# shellcheck disable=SC2016
while read -r name; do
	grep -qxF "$name" <<<"$points" || bad "$doc: there is no crash point $name"
done < <(sed -n 's/^| `\([a-z]*\.[a-z_]*\)` |.*/\1/p' "$doc")

# What a call on the mount may end with is in these files. Not told to programs: what is an answer of one function to another.
between='EAGAIN EBUSY ECANCELED E2BIG EBADMSG EILSEQ'
of_the_system='EDQUOT EMFILE ENFILE' # where a system call's own errno is handed on
returned=$(cat fs/ops*.c fs/file*.c fs/write.c fs/quota.c fs/flush.c fs/commit.c fs/change*.c fs/dir*.c fs/xattr*.c fs/rename*.c fs/symlink.c fs/path.c \
	fs/attr*.c fs/move.c fs/cache*.c fs/hold*.c fs/gate.c fs/node*.c fs/spool.c fs/history*.c s3/fault.c s3/call.c s3/upload*.c |
	grep -oE -- '-E[A-Z0-9]+\b' | tr -d - | sort -u)
told=$(sed -n '/^\.Sh ERRORS/,/^\.El/s/^\.It //p' fs/crrfs.1 | grep -oE 'E[A-Z0-9]{2,}' | sort -u)
if [ -z "$returned" ] || [ -z "$told" ]; then bad "no errors"; fi
for name in $returned; do
	[[ " $between " == *" $name "* ]] || grep -qxF "$name" <<<"$told" || bad "fs/crrfs.1: ERRORS has no $name"
done
for name in $told; do
	[[ " $of_the_system " == *" $name "* ]] || grep -qxF "$name" <<<"$returned" || bad "fs/crrfs.1: nothing returns $name"
done
exit $status
