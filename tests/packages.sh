# shellcheck shell=bash
# shellcheck disable=SC2034 # used where this is sourced
# packages.sh - sourced by quickstart and check: get the packages that are missing, build the tree.

BUILD_PACKAGES=(build-essential autoconf automake pkg-config libfuse3-dev fuse3 libcurl4-openssl-dev libssl-dev libxml2-dev
	libsqlite3-dev libjansson-dev libmicrohttpd-dev)
DEMO_PACKAGES=(attr curl openssl procps python3-boto3)
TEST_PACKAGES=(acl ceph-mon ceph-osd checksec clang clang-tidy cppcheck git libclang-rt-dev llvm logrotate patch perl
	python3-rados radosgw rsync shellcheck sqlite3 unzip valgrind vim zip)

# As few as needed: nothing is asked of the network when all are there.
install_packages() {
	local package missing=() as_root=() status
	if ! command -v apt-get >/dev/null; then
		echo "This is no Debian: please see to it that the equivalents of these are there: $*"
		return 0
	fi
	for package; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
		[ "$status" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} != 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "These packages are missing: ${missing[*]}. Run this as root, or install sudo, or install them." >&2
			return 1
		}
		as_root=(sudo)
	fi
	echo "Installing ${#missing[@]} packages: ${missing[*]}"
	${as_root[@]+"${as_root[@]}"} apt-get -q update >/dev/null || echo "apt-get update failed; trying with the old lists" >&2
	${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y install --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# build_tree CONFIGURE-OPTION...: configures only if that was not done with these options before
build_tree() {
	local option old log
	[ -x configure ] || ./autogen.sh
	old=$([ ! -x config.status ] || ./config.status --config)
	if [ ! -f Makefile ]; then
		old=none
	fi
	for option; do
		[[ $old == *"$option"* ]] || old=none
	done
	if [ "$old" = none ]; then
		./configure --quiet "$@"
	fi
	log=$(mktemp)
	if ! make -s -j"$(nproc)" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

need_fuse() {
	[ -e /dev/fuse ] || modprobe fuse 2>/dev/null || true
	[ -r /dev/fuse ] && [ -w /dev/fuse ] && return 0
	echo "/dev/fuse is not there or not open to user $(id -un): nothing can be mounted here." >&2
	return 1
}
