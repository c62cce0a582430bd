#!/bin/bash
# dd with odd block sizes, conv=fsync, notrunc, append, sparse, excl, direct.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
random_file "$T/in" 1234567
work() {
	local size
	for size in 1 7 511 4097 65537 1000003; do
		dd if="$T/in" of=out-$size bs=$size count=2000 conv=fsync status=none
	done
	dd if="$T/in" of=sync bs=100001 oflag=sync status=none
	dd if="$T/in" of=dsync bs=300001 oflag=dsync conv=fdatasync status=none
	dd if="$T/in" of=seek bs=1000 seek=77 count=10 status=none
	dd if="$T/in" of=seek bs=333 seek=3 skip=5 count=7 conv=notrunc status=none
	dd if="$T/in" of=append bs=1000 count=3 status=none
	dd if="$T/in" of=append bs=777 count=3 oflag=append conv=notrunc status=none
	dd if="$T/in" of=cut bs=1000 count=30 status=none
	dd if="$T/in" of=cut bs=1000 seek=5 count=1 status=none
	dd if=/dev/zero of=zeros bs=64k count=20 conv=sparse status=none
	dd if=/dev/null of=grown bs=1 seek=99999 status=none
	dd if=cut of=excl bs=7000 conv=excl status=none
	dd if="$T/in" bs=5000 count=200 iflag=fullblock status=none | dd of=piped bs=131 status=none
	dd if=sync of=self bs=9999 conv=swab status=none
}
on_both work
assert_errno "File exists" dd if="$T/in" of="$MNT/work/excl" conv=excl
twins_last
