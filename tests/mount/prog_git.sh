#!/bin/bash
# git in the mount: init, commit, branch, merge, clone from and to, stash, gc, fsck, worktree of a bare repository.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.net GIT_COMMITTER_NAME=A \
	GIT_COMMITTER_EMAIL=a@example.net GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'
git config --global init.defaultBranch main
git config --global --add safe.directory '*'
work() {
	git init -q project
	cd project
	mkdir src
	for i in 1 2 3 4 5 6; do echo "int f$i;" >src/f$i.c; done
	echo '#!/bin/sh' >run
	chmod 755 run
	ln -s src/f1.c link
	git add .
	git commit -qm first
	git checkout -qb topic
	sed -i s/int/long/ src/f1.c
	git mv src/f2.c src/renamed.c
	git commit -qam second
	git checkout -q main
	echo more >>src/f3.c
	git commit -qam third
	git merge -q topic -m merge
	echo dirty >>run
	git stash -q
	git stash pop -q
	git checkout -q -- run
	git tag -am v1 v1
	git clone -q . ../clone
	git clone -q --bare . ../bare.git
	git -C ../clone commit -q --allow-empty -m fourth
	git -C ../clone push -q ../bare.git main
	git pull -q ../bare.git main
	git gc -q
	git fsck --strict
	git -C ../clone gc -q --prune=now
	git -C ../clone fsck
	git -C ../bare.git fsck
	git status --porcelain >"$T/status"
	[ ! -s "$T/status" ]
	git log --format=%H >../log
	git diff --exit-code v1~1 v1 >/dev/null || true
}
on_both work
diff "$T/local/log" "$MNT/work/log" || fail "other commits than in a local folder"
same_trees "$T/local/project/src" "$MNT/work/project/src"
git clone -q "$MNT/work/bare.git" "$T/cloned"
git -C "$T/cloned" fsck
assert_eq "$(git -C "$T/cloned" log --format=%H | cat)" "$(cat "$T/local/log")" "commits of the clone"
wait_repl
s3 compare
assert_eq "$(s3 keys a | grep -E '\.lock$|/tmp_obj_|/tmp_pack_|/incoming-' || true)" "" "temporary names left"
remount_crrfs
git -C "$MNT/work/project" fsck
assert_eq "$(git -C "$MNT/work/project" status --porcelain)" "" "git status after a remount"
assert_eq "$(git -C "$MNT/work/clone" status --porcelain)" "" "git status of the clone"
