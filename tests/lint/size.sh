#!/bin/bash
# A file stays under 600 lines, a function under 100, a line within 100 columns.
set -u
cd "${srcdir:-.}" || exit 1
bad=0
files=$(ls base/*.[ch] rules/*.[ch] s3/*.[ch] queue/*.[ch] fs/*.[ch] ctl/*.[ch] tests/s3d/*.[ch])
for f in $files; do
	n=$(wc -l <"$f")
	if [ "$n" -gt 600 ]; then
		echo "$f has $n lines" >&2
		bad=1
	fi
done
# A function begins at a line that is just "{" and ends at one that is just "}".
for f in $files; do
	awk -v f="$f" '
		/^\{$/ { start = NR }
		/^\}/ && start { if (NR - start > 100) { print f ":" start ": a function of " NR - start " lines"; bad = 1 } start = 0 }
		END { exit bad }' "$f" >&2 || bad=1
	expand -t 8 "$f" | awk -v f="$f" 'length($0) > 100 { print f ":" NR ": " length($0) " columns"; bad = 1 } END { exit bad }' >&2 || bad=1
done
exit $bad
