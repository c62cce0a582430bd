#!/bin/bash
# docs.sh - every test that docs/ names is there: a bare NAME.sh is a mount test, others have their folder. And every crash
# point (base/crash.h) is at one place in the code, has a line in docs/durability.md, and a test.
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
exit $status
