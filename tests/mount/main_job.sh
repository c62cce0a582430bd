#!/bin/bash
# The main job: a tree of a few hundred files from 0 bytes to 200 MiB, copied by cp -a, rsync -aX and tar x, arrives for
# exactly the keys that the rules select. MAIN_JOB=kill9: with a kill -9 and a remount in the middle of each copy.
# first
# timeout: 1500
. "$(dirname "$0")/lib.sh"
begin
kill=${MAIN_JOB:-}
make_rules prefix=cp/Tax/ prefix=rsync/Tax/ prefix=tar/Tax/ tag=class:tax
tree=$T/tree
# the tree is the same on every machine; the xattrs are user.s3.tag.* and user.*, where the disk has them
/usr/bin/python3 - "$tree" "${MAIN_JOB_BIG:-200}" <<'END'
import os, random, sys
top, big = sys.argv[1], int(sys.argv[2])
dice = random.Random(2)
folders = ['', 'Tax', 'Tax/2026', 'Tax/2026/ä ö', 'Other', 'Other/deep/er/still', "it's 100% +", 'Tax/日本語', 'empty folder']
words = ['report', 'a b', 'ünï', '100%', 'x+y', "o'clock", 'say "hi"', 'q?&=#', '日本', '[1]', 'semi;', 'back\\slash', '~tilde', '🙂']
sizes = [0, 0, 1, 10, 100, 1000, 4095, 4096, 4097, 10000, 65536, 100000, 131073, 300000]
for folder in folders:
    os.makedirs(os.path.join(top, folder))
def put(path, size, seed):
    dice = random.Random(seed)
    with open(os.path.join(top, path), 'wb') as file:
        while size:
            n = min(size, 1 << 20)
            file.write(dice.randbytes(n))
            size -= n
n = 0
for folder in folders[:-1]:
    for i in range(40):
        path = os.path.join(folder, '%s-%d' % (words[(n * 5 + i) % len(words)], n))
        put(path, dice.choice(sizes), n)
        os.chmod(os.path.join(top, path), dice.choice([0o644, 0o600, 0o755, 0o640]))
        os.utime(os.path.join(top, path), ns=(1600000000000000000, 1600000000000000000 + n * 1000000123))
        if n % 5 == 0:
            try:
                os.setxattr(os.path.join(top, path), 'user.s3.tag.class', b'tax')
                os.setxattr(os.path.join(top, path), 'user.origin', b'main job %d' % n)
            except OSError:
                pass
        n += 1
MiB = 1 << 20
for path, size in (('Tax/5MiB', 5 * MiB), ('Tax/5MiB+1', 5 * MiB + 1), ('Other/17MiB', 17 * MiB), ('Tax/2026/60MiB', min(60, big) * MiB),
                   ('Tax/big', big * MiB)):
    put(path, size, size)
os.symlink('Tax/2026', os.path.join(top, 'link'))
os.symlink('../nowhere', os.path.join(top, 'Tax/broken'))
END
say "$(find "$tree" -type f | wc -l) files, $(du -sm "$tree" | cut -f1) MiB"

# interrupted NAME FILES COMMAND...: start it; with MAIN_JOB=kill9 kill the mount after so many files, remount, do it again
interrupted() {
	local top=$MNT/$1 enough=$2 pid
	shift 2
	if [ "$kill" = kill9 ]; then
		"$@" >"$T/interrupted.out" 2>&1 &
		pid=$!
		arrived() { [ "$(find "$top" -type f 2>/dev/null | head -n "$enough" | wc -l)" -ge "$enough" ]; }
		retry_until 300 arrived
		kill9_crrfs
		wait $pid || true
		mount_crrfs settle=60
	fi
	"$@"
}
copy_cp() { cp -a "$tree/." "$MNT/cp/"; }
copy_rsync() { rsync -aX "$tree/" "$MNT/rsync/"; }
copy_tar() { tar -C "$MNT/tar" --xattrs --xattrs-include='user.*' -xpf "$T/tree.tar"; }
tar -C "$tree" --xattrs --xattrs-include='user.*' -cf "$T/tree.tar" .
mount_crrfs settle=60 # one version a file is asserted below, on however slow a machine
mkdir "$MNT/cp" "$MNT/rsync" "$MNT/tar"
interrupted cp 150 copy_cp
say "cp -a done"
interrupted rsync 100 copy_rsync
say "rsync -aX done"
interrupted tar 200 copy_tar
rm "$T/tree.tar"
say "tar x done"
wait_repl 900
leftovers=()
if [ "$kill" = kill9 ]; then
	# An rsync that died with the mount leaves its temporary file, as it does on any disk. When that was closed it was acknowledged,
	# so the next mount has it; whoever cleans up is no rule's business: the replica stays.
	while read -r name; do
		leftovers+=(--may-stay "$name")
		rm "$MNT/$name"
	done < <(cd "$MNT" && find rsync -type f -name '.*.??????')
	wait_repl
fi
for way in cp rsync tar; do
	s3 tree a "$tree" "$way/"
done
s3 compare --prefix cp/Tax/ --prefix rsync/Tax/ --prefix tar/Tax/ --tag class=tax ${leftovers[@]+"${leftovers[@]}"}
umount_crrfs
# what a new mount shows is the tree, with modes, times, links
mount_crrfs
listing() { (cd "$1" && find . \( -type f -printf '%p %s %m %T@\n' -o -type l -printf '%p -> %l\n' -o -type d -printf '%p/\n' \) | sort); }
listing "$tree" >"$T/expected"
for way in cp rsync tar; do
	listing "$MNT/$way" >"$T/got"
	diff "$T/expected" "$T/got" >"$T/err" || fail "$way: $(head -n 20 "$T/err")"
done
if [ -z "$kill" ]; then
	# One version a file, at both sides, where nothing was interrupted. Symbolic links and folders get their times and owners
	# by a later call: each change of the metadata of what is in S3 is a version.
	for way in cp rsync tar; do find "$tree" -type l -printf "$way/%P\n"; done >"$T/links"
	for side in a b; do
		s3 versions $side | cut -f1 | grep -v '/$' | grep -vxFf "$T/links" | sort | uniq -d >"$T/twice"
		[ ! -s "$T/twice" ] || fail "more than one version at $side: $(head -n 5 "$T/twice")"
	done
fi
# a kill between the creation of an upload and the note of its id leaves an orphan, which a lifecycle rule takes: rare
s3 uploads a , uploads b >"$T/uploads"
[ "$(wc -l <"$T/uploads")" -le $((${#kill} ? 3 : 0)) ] || fail "unfinished uploads: $(cat "$T/uploads")"
