#!/bin/bash
# What was read is not asked for again: not in one mount, not while the version is the same. Another writer's version is
# never mixed with it, neither by read(2) nor by mmap(2).
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=nothing/
random_file "$T/one" 3000000
random_file "$T/two" 3000000 other
random_file "$T/big" $((16 * 1024 * 1024))
s3 put a one "$T/one"
s3 put a changes "$T/one"
s3 put a big "$T/big"
mapped() { # path: the digest of what mmap(2) shows
	/usr/bin/python3 -c '
import hashlib, mmap, sys
with open(sys.argv[1], "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
    print(hashlib.sha256(m).hexdigest())' "$1"
}
digest() { sha256sum <"$1" | cut -d' ' -f1; }

# the memory is far too small for the file: it is the kernel that has it
mount_crrfs attr_timeout=600,memory=4M
assert_file_equal "$T/big" "$MNT/big"
from_the_kernel() { # again and again: the machine may throw pages out
	mark_requests
	assert_file_equal "$T/big" "$MNT/big"
	assert_eq "$(mapped "$MNT/big")" "$(digest "$T/big")" "what is mapped"
	[ -z "$(requests a)" ]
}
retry_until "$LONG" from_the_kernel
# and what was written is not read back, but for the page that the end of the file cut
not_read_back() {
	cp "$T/two" "$MNT/written"
	mark_requests
	assert_file_equal "$T/two" "$MNT/written"
	assert_requests a 'HeadObject|ListObjects.*' '' 0
	[ "$(sum_bytes a GetObject)" -lt 4096 ]
}
retry_until "$LONG" not_read_back

# each byte once, in few requests
remount_crrfs attr_timeout=600
mark_requests
assert_file_equal "$T/big" "$MNT/big"
assert_eq "$(sum_bytes a GetObject big)" $((16 * 1024 * 1024)) "bytes read from start to end"
[ "$(count_requests a GetObject big)" -le 16 ] || fail "requests: $(requests a)"
mark_requests
/usr/bin/python3 - "$MNT/one" "$T/one" <<'END'
import os, random, sys
theirs, ours = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
assert os.pread(theirs, 131072, 1500000 // 4096 * 4096) == os.pread(ours, 131072, 1500000 // 4096 * 4096)
END
bytes=$(sum_bytes a GetObject one)
[ "$bytes" -le $((131072 * 11 / 10)) ] || fail "$bytes bytes were fetched for 131072"

# another writer: seen at the next open after attr_timeout
remount_crrfs attr_timeout=0
assert_file_equal "$T/one" "$MNT/changes"
exec 7<"$MNT/changes"
head -c 1000 <&7 | cmp -n 1000 - "$T/one"
s3 put a changes "$T/two"
assert_file_equal "$T/two" "$MNT/changes"
assert_eq "$(mapped "$MNT/changes")" "$(digest "$T/two")" "what is mapped"
s3 put a changes "$T/one"
assert_eq "$(mapped "$MNT/changes")" "$(digest "$T/one")" "what is mapped"
exec 7<&-
