#!/bin/bash
# Which room may include which, as the floor plan in HACKING.md says; and one home for each outside library.
set -u
cd "${srcdir:-.}" || exit 1
bad=0
declare -A may=(
	[base]="base" [rules]="base rules" [s3]="base s3" [queue]="base rules s3 queue"
	[fs]="base s3 queue fs rules" [ctl]="base rules s3 queue ctl"
)
for room in "${!may[@]}"; do
	for other in base rules s3 queue fs ctl; do
		[[ " ${may[$room]} " == *" $other "* ]] && continue
		if grep -Hn "^#include \"$other/" "$room"/*.[ch]; then
			echo "$room/ may not know $other/" >&2
			bad=1
		fi
	done
done
# fs/ sees the rules only where they are loaded and composed.
if grep -ln '^#include "rules/' fs/*.[ch] | grep -vE '^fs/(main|mount|rulesrc|preflight|control)\.[ch]$'; then
	echo "only the composing files of fs/ may know rules/" >&2
	bad=1
fi
home() { # pattern, files where it may stand
	local found
	found=$(grep -lE "^#include <$1" base/*.[ch] rules/*.[ch] s3/*.[ch] queue/*.[ch] fs/*.[ch] ctl/*.[ch] | grep -vE "^($2)$")
	if [ -n "$found" ]; then
		echo "<$1...> has another home ($2), not: $found" >&2
		bad=1
	fi
}
home 'curl/' 's3/http(_handle\.c|_i\.h|\.c)'
home 'openssl/' 'base/digest\.c'
home 'libxml/' 'base/xml\.c'
home 'jansson' 'base/json\.c'
home 'sqlite3' 'base/db\.c'
home 'fuse' 'fs/(main|mount|loop|ops[a-z_]*)\.[ch]'
exit $bad
