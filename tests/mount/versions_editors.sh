#!/bin/bash
# Saves of vim (all values of backupcopy), sed -i, perl -i, and as LibreOffice, Word, GLib and Emacs do them: one version of
# the file, none of a temporary name, no delete markers, on both sides.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs temp_names='*.mine:x-*'
cd "$MNT"
saves=(vim-auto vim-no vim-yes sed perl office word glib emacs mine python)
for name in "${saves[@]}"; do echo old >"$name"; done
wait_repl
for way in auto no yes; do
	vim -N -u NONE -i NONE -es -c "set nocp backup swapfile updatecount=1 backupcopy=$way" -c 's/old/new/' -c wq "vim-$way" </dev/null \
		>"$T/vim.out" 2>&1 || fail "vim: $(cat "$T/vim.out")"
	assert_eq "$(cat "vim-$way")" new
done
rm -f -- *~ # the backups that were asked for
sed -i s/old/new/ sed
perl -i -pe s/old/new/ perl
# LibreOffice: a lock, the new file, rename, the lock is removed
echo me >.~lock.office#
echo new >lu4711abcd.tmp
mv lu4711abcd.tmp office
rm .~lock.office#
# Word: owner file, the new file, the old one aside, rename, removed
echo me >"~\$word"
echo new >~WRD0001.tmp
mv ~WRD0001.tmp word
rm "~\$word"
# GLib: a backup is a copy, the new file is renamed over the old one
echo new >.goutputstream-AB12CD
chmod 644 .goutputstream-AB12CD
mv .goutputstream-AB12CD glib
# Emacs: auto-save, then the file itself
echo auto >'#emacs#'
echo new >emacs
rm '#emacs#'
echo new >x-save.mine
mv x-save.mine mine
python3 - python <<'END'
import os, sys, tempfile
with tempfile.NamedTemporaryFile('w', dir='.', delete=False) as file:
    file.write('new\n')
    file.flush()
    os.fsync(file.fileno())
os.rename(file.name, sys.argv[1])
END
cd /
wait_repl
for name in "${saves[@]}"; do
	assert_eq "$(cat "$MNT/$name")" new
	assert_versions "$name" 2
done
for side in a b; do
	s3 versions $side | cut -f1 | sort -u >"$T/keys"
	printf '%s\n' "${saves[@]}" | sort | diff - "$T/keys" || fail "names that should not be in the bucket"
done
s3 compare
