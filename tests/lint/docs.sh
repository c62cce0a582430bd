#!/bin/bash
# docs.sh - every test that docs/ names is there: a bare NAME.sh is a mount test, others have their folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
for doc in docs/*.md; do
	# shellcheck disable=SC2016 # backquotes of the document
	for name in $(grep -oE '`[a-z0-9_/]+\.(sh|c)`' "$doc" | tr -d '\`' | sort -u); do
		case $name in
		*/*) file=$name ;;
		*) file=tests/mount/$name ;;
		esac
		[ -f "$file" ] || {
			echo "$doc: there is no $file"
			status=1
		}
	done
done
exit $status
