#!/bin/bash
# One save is one version, however it is made, on both sides; a close without a write makes none.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
versions() { s3 count-versions a "$1" , count-versions b "$1" | tr '\n' ' '; }
random_file "$T/small" 3000
random_file "$T/big" $((11 * 1024 * 1024))
cp "$T/small" "$MNT/cp"
cp -p "$T/small" "$MNT/cp-p"
cp -a "$T/big" "$MNT/cp-a-big"
dd if="$T/big" of="$MNT/dd" bs=65536 status=none
cat "$T/small" >"$MNT/cat"
touch "$MNT/touch"
rsync -a "$T/small" "$MNT/rsync"
tar -C "$T" -cf - big | tar -C "$MNT" -xpf -
install -m 600 "$T/small" "$MNT/install"
/usr/bin/python3 - "$MNT/fsync" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(fd, b'abc')
os.close(os.dup(fd))
os.close(fd)
END
# made, given attributes, and only then opened, as tar --xattrs does
/usr/bin/python3 - "$MNT/made" "$MNT/made-empty" "$MNT/only-made" <<'END'
import os, sys
for path in sys.argv[1:]:
    os.mknod(path, 0o644)
    os.setxattr(path, 'user.colour', b'blue')
    os.setxattr(path, 'user.s3.tag.class', b'tax')
    assert os.path.basename(path) in os.listdir(os.path.dirname(path))
with open(sys.argv[1], 'w') as file:
    file.write('text')
open(sys.argv[2], 'a').close()
END
assert_eq "$(s3 keys a made | tr '\n' ' ')" "made made-empty " "keys after the close"
wait_repl
for key in made made-empty only-made cp cp-p cp-a-big dd cat touch rsync big install; do
	assert_eq "$(versions "$key")" "1 1 " "versions of $key"
done
# dup and close without more to write: the first close saved it, the second has nothing to do
assert_eq "$(versions fsync)" "1 1 " "versions of fsync"
# reading, opening for writing without a write
cat "$MNT/cp" >/dev/null
exec 5>>"$MNT/cp"
exec 5>&-
exec 5<>"$MNT/cat"
exec 5>&-
echo more >>"$MNT/cp"
wait_repl
assert_eq "$(versions cp)" "2 2 "
assert_eq "$(versions cat)" "1 1 "
s3 compare
