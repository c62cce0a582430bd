#!/bin/bash
# The unit's sandbox, as systemd-analyze rates it: 0 is closed, 10 is open. docs/security.md names the number.
set -eu
cd "${srcdir:-.}"
command -v systemd-analyze >/dev/null || {
	echo "skipped: systemd-analyze is missing"
	exit 77
}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
# systemd wants to see the program; which directory it is in does not count
sed 's|^ExecStart=crrfs|ExecStart=/bin/true|' mount-helpers/crrfs@.service >"$T/crrfs@x.service"
systemd-analyze security --offline=yes "$T/crrfs@x.service" >"$T/out" 2>&1 || true
score=$(sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p' "$T/out")
echo "score: $score"
[ -n "$score" ] || {
	cat "$T/out"
	exit 1
}
grep -q "systemd-analyze security.*\*\*$score\*\*" docs/security.md || {
	echo "docs/security.md has another score"
	exit 1
}
