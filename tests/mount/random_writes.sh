#!/bin/bash
# Writes anywhere in a file, new or old, equal those on a local file.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
twin() { # the same command on both files
	"$@" "$T/twin"
	"$@" "$MNT/file"
}
poke() { # seed file: 60 writes at places that the seed gives
	/usr/bin/python3 - "$1" "$2" "$3" <<-'END'
		import os, random, sys
		dice, limit = random.Random(int(sys.argv[1])), int(sys.argv[2])
		fd = os.open(sys.argv[3], os.O_RDWR | os.O_CREAT)
		for i in range(60):
		    os.pwrite(fd, dice.randbytes(dice.choice([1, 100, 4096, 70000])), dice.randrange(limit))
		    if i % 7 == 0:
		        os.pread(fd, 5000, dice.randrange(limit))
		os.close(fd)
	END
}
twin poke 1 1000000
assert_file_equal "$T/twin" "$MNT/file"
twin poke 2 1500000
assert_file_equal "$T/twin" "$MNT/file"
random_file "$T/big" $((17 * 1024 * 1024))
cp "$T/big" "$T/twin"
cp "$T/big" "$MNT/file"
remount_crrfs
twin poke 3 $((17 * 1024 * 1024))
assert_file_equal "$T/twin" "$MNT/file"
wait_repl
remount_crrfs
assert_file_equal "$T/twin" "$MNT/file"
s3 get a file "$T/got" , compare
assert_file_equal "$T/twin" "$T/got"
