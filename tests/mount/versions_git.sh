#!/bin/bash
# git: init, commits, a branch, gc: one version of what is written once, none of a temporary
# name or a lock, on both sides.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q -b main "$MNT/repo"
cd "$MNT/repo"
for i in 1 2 3; do
	echo "text $i" >"file$i"
	git add .
	git commit -q -m "commit $i"
done
git checkout -q -b other
echo more >>file1
git commit -q -a -m more
git fsck --strict 2>"$T/fsck" || fail "$(cat "$T/fsck")"
cd /
wait_repl
for side in a b; do
	s3 versions $side >"$T/versions"
	grep -E '\.lock|tmp_(obj|pack|idx|rev)' "$T/versions" && fail "temporary names at $side"
	grep -P '\tmarker' "$T/versions" && fail "delete markers at $side"
done
assert_versions repo/file2 1
for what in HEAD HEAD~1; do # a blob that git finds again it touches: that is a version
	object=$(git -C "$MNT/repo" rev-parse "$what")
	assert_versions "repo/.git/objects/${object:0:2}/${object:2}" 1
done
assert_versions repo/file1 2
assert_versions repo/.git/refs/heads/main 3
s3 compare
