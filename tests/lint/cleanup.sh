#!/bin/bash
# A variable that frees itself (auto_with, auto_free, auto_close) has a value before its function can be left: what would be
# freed otherwise is what lay on the stack, and no compiler warns of it where the value comes by address (buf_init).
set -u
cd "${srcdir:-.}" || exit 1
found=$(find base rules s3 queue fs ctl mount-helpers tests bench -name '*.c' -exec awk '
FNR == 1 || /^}/ { n = 0 }
match($0, /auto_(with\([a-z_0-9]+\)|free|close) +[a-z_ ]+[ *]+[a-z_0-9]+(, *\**[a-z_0-9]+)*;/) {
	text = $0
	sub(/;.*/, "", text)
	sub(/.*auto_(with\([a-z_0-9]+\)|free|close) +/, "", text)
	k = split(text, part, ",")
	for (i = 1; i <= k; i++) {
		sub(/.*[ *]/, "", part[i])
		name[++n] = part[i]
		line[n] = FNR
	}
	next
}
n {
	for (i = 1; i <= n; i++)
		if (name[i] != "" && $0 ~ ("(^|[^a-z_0-9>.])" name[i] "([^a-z_0-9]|$)"))
			name[i] = ""
	if (/(^|[^a-z_])(return|goto)([^a-z_]|$)/)
		for (i = 1; i <= n; i++)
			if (name[i] != "") {
				print FILENAME ":" FNR ": may leave before " name[i] " of line " line[i] " is set"
				name[i] = ""
			}
}' {} +)
[ -z "$found" ] || {
	echo "$found"
	exit 1
}
