# shellcheck shell=bash
# tree.sh - to be sourced in the source tree: a build tree of its own, with other options.

# another_tree FOLDER TARGET CONFIGURE-OPTION...: TARGET is made there; what is there already is made up to date. The folder is
# the caller's to remove.
another_tree() {
	local tree=$1 target=$2 src=$PWD
	shift 2
	mkdir -p "$tree"
	tree=$(cd "$tree" && pwd)
	if [ ! -f "$tree/Makefile" ]; then
		# A source tree that is built itself cannot be built elsewhere: the sources are copied.
		if [ -f config.status ]; then
			mkdir -p "$tree/src"
			tar -c --exclude=.git --exclude='*.[oa]' --exclude=config.status --exclude=./config.h --exclude=Makefile \
				--exclude=.deps . | tar -C "$tree/src" -x
			src=$tree/src
		fi
		(cd "$tree" && "$src/configure" -q --enable-assertions "$@") >"$tree/configure.log" 2>&1 ||
			{ cat "$tree/configure.log"; return 1; }
	fi
	make -s -C "$tree" -j"$(nproc)" "$target" >"$tree/make.log" 2>&1 || { tail -n 40 "$tree/make.log"; return 1; }
}
