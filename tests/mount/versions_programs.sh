#!/bin/bash
# One version for each file and link that cp -p, cp -a, tar, rsync, install, unzip and touch make, with its mode and times, on both
# sides; and of the folders that tar and cp -a make no more than the marker and one with the times.
. "$(dirname "$0")/lib.sh"
begin
mkdir -p "$T/tree/sub"
for i in 1 2 3; do random_file "$T/tree/f$i" $((i * 3000)) "$i"; done
random_file "$T/tree/sub/big" $((9 * 1024 * 1024))
ln -s f1 "$T/tree/link"
chmod 640 "$T/tree/f1"
chmod 755 "$T/tree/f2"
chmod 750 "$T/tree/sub"
touch -d 2020-02-02T02:02:02Z "$T/tree/"* "$T/tree/sub/big" "$T/tree/sub"
touch -h -d 2019-02-02T02:02:02Z "$T/tree/link"
mount_crrfs
cp -p "$T/tree/f1" "$MNT/cp-p"
install -m 755 "$T/tree/f1" "$MNT/install"
install -p -m 640 "$T/tree/f1" "$MNT/install-p"
rsync -a "$T/tree/f2" "$MNT/rsync"
rsync -a --inplace "$T/tree/f2" "$MNT/rsync-inplace"
rsync -a --partial "$T/tree/f3" "$MNT/rsync-partial"
touch "$MNT/touched"
chmod 600 "$MNT/touched"
touch -d 2021-01-01 "$MNT/touched"
python3 - "$MNT/popen" <<'END'
import subprocess, sys
with open(sys.argv[1], 'wb') as file:
    child = subprocess.Popen(['/bin/sh', '-c', 'read go; echo one; /bin/echo two; echo three'], stdin=subprocess.PIPE, stdout=file)
child.communicate(b'go\n')
END
mkdir "$MNT/tar" "$MNT/zip"
tar -C "$T/tree" -cf "$T/tree.tar" .
tar -C "$MNT/tar" -xpf "$T/tree.tar"
cp -a "$T/tree" "$MNT/cp-a"
(cd "$T/tree" && python3 -m zipfile -c "$T/tree.zip" f1 f2)
unzip -q "$T/tree.zip" -d "$MNT/zip"
# seen at once
assert_eq "$(stat -c '%a %Y' "$MNT/install-p")" "640 $(date -d 2020-02-02T02:02:02Z +%s)"
assert_eq "$(readlink "$MNT/tar/link") $(stat -c %Y "$MNT/tar/link")" "f1 $(date -d 2019-02-02T02:02:02Z +%s)"
assert_eq "$(cat "$MNT/popen")" $'one\ntwo\nthree'
wait_repl
for key in cp-p install install-p rsync rsync-inplace rsync-partial popen tar/f{1,2,3} tar/sub/big cp-a/f{1,2,3} \
	cp-a/sub/big zip/f1 zip/f2 tar/link cp-a/link; do
	assert_versions "$key" 1
done
assert_versions touched 2 # made, and what changed after that
for key in tar/sub/ cp-a/ cp-a/sub/; do
	n=$(s3 count-versions a "$key")
	[ "$n" -le 2 ] || fail "$key has $n versions"
	assert_versions "$key" "$n"
done
# an update is one more
random_file "$T/tree/f2" 5000 other
rsync -a --inplace "$T/tree/f2" "$MNT/rsync-inplace"
rsync -a "$T/tree/f2" "$MNT/rsync"
cp -p "$T/tree/f2" "$MNT/cp-p"
wait_repl
for key in rsync rsync-inplace cp-p; do
	assert_versions "$key" 2
	assert_file_equal "$T/tree/f2" "$MNT/$key"
	assert_eq "$(stat -c '%a %Y' "$MNT/$key")" "$(stat -c '%a %Y' "$T/tree/f2")" "mode and time of $key"
done
s3 versions a >"$T/versions"
grep -P '^[^\t]*\.[A-Za-z0-9]{6}\t' "$T/versions" && fail "a temporary name is in the bucket"
s3 compare
