#!/bin/bash
# Calls that are unsafe, or wait without being woken. poll() in ctl/ is a person waiting at a terminal.
set -u
cd "${srcdir:-.}" || exit 1
words='sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|sleep|usleep|nanosleep|system|localtime|gmtime|strerror|gets'
if grep -nwE "($words) *\(" base/*.[ch] rules/*.[ch] s3/*.[ch] queue/*.[ch] fs/*.[ch] ctl/*.[ch] tests/s3d/*.[ch] |
	grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)'; then
	echo "banned calls: see HACKING.md" >&2
	exit 1
fi
exit 0
