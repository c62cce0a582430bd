#!/bin/bash
# How the programs are built: position independent, read-only relocations, no executable stack, stack protector, checked libc calls.
set -eu
cd "${CRRFS_BUILD:-.}"
if grep -q 'fsanitize=' Makefile && grep '^SANITIZE_FLAGS = ..*' Makefile >/dev/null; then
	echo "skipped: built with a sanitizer"
	exit 77
fi
bad=0
miss() {
	echo "$1: $2"
	bad=1
}
for program in crrfs crrctl; do
	readelf -hW "$program" | grep -q 'Type: *DYN' || miss $program "not position independent"
	readelf -dW "$program" | grep -q 'FLAGS_1.*PIE' || miss $program "not a PIE"
	readelf -lW "$program" | grep -q GNU_RELRO || miss $program "no RELRO"
	readelf -dW "$program" | grep -qE 'BIND_NOW|FLAGS.*NOW' || miss $program "not bound at the start"
	if readelf -lW "$program" | grep -q 'GNU_STACK.*RWE'; then miss $program "an executable stack"; fi
	if readelf -dW "$program" | grep -qE 'RPATH|RUNPATH'; then miss $program "a path of libraries of its own"; fi
	readelf -sW --dyn-syms "$program" | grep -q __stack_chk_fail || miss $program "no stack protector"
	[ "$(readelf -sW --dyn-syms "$program" | grep -cE '__(memcpy|snprintf|vsnprintf|read|pread64|fprintf|memset)_chk')" -gt 2 ] ||
		miss $program "no _FORTIFY_SOURCE"
	[ -z "$(find "$program" -perm /6000)" ] || miss $program "setuid or setgid"
	checksec --format=csv --file="$program" | tee /dev/stderr | grep -q '^Full RELRO,Canary found,NX enabled,PIE enabled,No RPATH,No RUNPATH,' ||
		miss $program "checksec is of another opinion"
done
exit $bad
