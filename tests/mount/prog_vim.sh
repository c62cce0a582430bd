#!/bin/bash
# vim saves with every backupcopy, with backup and undo files, recovers nothing by mistake, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
edit() { # vim's commands... file
	local file=${*: -1} commands=() command
	set -- "${@:1:$#-1}"
	for command; do commands+=(-c "$command"); done
	vim -u NONE -i NONE -n -es "${commands[@]}" -c 'wq' "$file" </dev/null >"$T/vim" 2>&1 || fail "vim: $(cat "$T/vim")"
}
work() {
	local how
	for how in yes no auto; do
		echo "one two" >"$how"
		chmod 640 "$how"
		edit "set backupcopy=$how writebackup" 's/two/three/' "$how"
		edit "set backupcopy=$how nowritebackup" 'normal ofour' "$how"
		edit "set backupcopy=$how backup patchmode=.orig" 'normal ofive' "$how"
	done
	ln -s yes link
	edit 'set backupcopy=auto' 'normal Glink' link
	# with a swap file and undo
	vim -u NONE -i NONE -es -c 'set swapfile undofile' -c 'normal ofirst' -c w -c 'normal osecond' -c wq swapped \
		</dev/null >"$T/vim" 2>&1
	edit 'set fileformat=dos' 'normal Anew file' 'a new file.txt'
	rm -f .*.un~
}
on_both work
[ -L "$MNT/work/link" ] || fail "vim replaced the link"
assert_eq "$(stat -c %a "$MNT/work/no" "$MNT/work/yes" | tr '\n' ' ')" "640 640 " modes
twins_last
assert_eq "$(s3 keys a | grep -E '\.sw.$|/4913$' || true)" "" "temporary names left"
