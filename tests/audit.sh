#!/bin/bash
# audit.sh - the tools that find what tests do not see, each over a tree of its own; nothing is built in the source tree.
# Prints one line for each part, what it found below that, and at the end "N passed, N failed".
#
#   tests/audit.sh [-j N] [-b FOLDER] [PART [TEST...]]     as "make audit" does; without PART all of them
#
#   asan      unit, mount (embedded server) and crash tests, built with ASan (with leaks) and UBSan
#   tsan      the same, without the crash tests, built with TSan
#   valgrind  unit tests and one mount test under memcheck
#   sweep     tests/sweep/sweep_all.sh, many more points than ./check takes
#   analyzer  gcc -fanalyzer
#   tidy      clang-tidy, as .clang-tidy says
#   cppcheck  cppcheck
#   coverage  what the fuzz targets reach: by file, and the functions of those files that none of them reaches, which
#             docs/security.md explains
#
#   -j  tests and compilers at a time, default 2    -b  where the trees are, default a new folder that is removed; with
#   one that is there only what changed is built again, and the reports are kept
#   TEST is what tests/run takes, e.g. tests/audit.sh tsan tests/mount/parallel.sh
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
jobs=2 base='' passed=0 failed=0
PARTS=(asan tsan valgrind sweep analyzer tidy cppcheck coverage)
usage() {
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
}
while getopts j:b:h option; do
	case $option in j) jobs=$OPTARG ;; b) base=$OPTARG ;; *) usage ;; esac
done
shift $((OPTIND - 1))
unset MAKEFLAGS MAKELEVEL
if [ -z "$base" ]; then
	base=$(mktemp -d "${TMPDIR:-/tmp}/crrfs-audit.XXXXXX")
	trap 'rm -rf "$base"' EXIT
fi
mkdir -p "$base" && base=$(cd "$base" && pwd) || exit 1
src=$base/src

# A source tree that is built itself cannot be built elsewhere: the sources are copied.
copy_sources() {
	mkdir -p "$src"
	[ -x configure ] || ./autogen.sh >/dev/null 2>&1
	tar -c --exclude=.git --exclude='*.[oa]' --exclude=config.status --exclude=./config.h --exclude=./Makefile \
		--exclude=.deps --exclude='*.log' . | tar -C "$src" -x
}

# In $tree, which it makes; what it says is in $tree/build.log.
build() { # NAME CONFIGURE-OPTION... -- TARGET...
	local options=()
	tree=$base/$1
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	mkdir -p "$tree"
	(
		cd "$tree" || exit 1
		[ -f Makefile ] || "$src/configure" -q --enable-werror --enable-assertions "${options[@]}" || exit 1
		make -s -j"$jobs" "$@"
	) >"$tree/build.log" 2>&1 || {
		tail -n 40 "$tree/build.log"
		return 1
	}
}
build_tests() { # NAME CONFIGURE-OPTION...
	build "$@" -- all && build "$@" -- check TESTS=
}

# The tests of $tree; each process of theirs that a tool finds fault with leaves a file in $tree/reports.
run_tests() { # TEST...
	local status=0 report
	CRRFS_BUILD=$tree TEST_PATIENCE=${TEST_PATIENCE:-600} "$src/tests/run" -j "$jobs" -s s3d -t 1800 "$@" >"$tree/tests.log" 2>&1 ||
		status=1
	grep -E '^(FAIL|skip) |^      \||passed, ' "$tree/tests.log"
	for report in "$tree"/reports/*; do
		[ -s "$report" ] || continue
		status=1
		echo "--- $report"
		head -n 150 "$report"
	done
	return $status
}
default_tests() { # TEST... ; -- ; those to run when there are none
	tests=()
	while [ "$1" != -- ]; do
		tests+=("$1")
		shift
	done
	shift
	[ ${#tests[@]} != 0 ] || tests=("$@")
}
new_reports() {
	rm -rf "$tree/reports"
	mkdir -p "$tree/reports"
}

# ---- the parts: 0 when there is nothing to say ----------------------------------------------------------------

part_asan() {
	default_tests "$@" -- unit tests/mount tests/crash
	build_tests asan --enable-sanitize=address || return 1
	new_reports
	ASAN_OPTIONS=log_path=$tree/reports/asan:detect_stack_use_after_return=1 \
		UBSAN_OPTIONS=log_path=$tree/reports/ubsan:print_stacktrace=1 run_tests "${tests[@]}"
}

part_tsan() {
	default_tests "$@" -- unit tests/mount
	build_tests tsan --enable-sanitize=thread || return 1
	new_reports
	TSAN_OPTIONS="log_path=$tree/reports/tsan:history_size=5:second_deadlock_stack=1" \
		run_tests "${tests[@]}"
}

# A tree whose programs are called by way of memcheck.
wrap() { # PROGRAM
	mkdir -p "$(dirname "$tree/memcheck/$1")"
	cat >"$tree/memcheck/$1" <<-WRAPPER
		#!/bin/sh
		exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \\
			--show-leak-kinds=definite,indirect --fair-sched=yes --log-file="$tree/reports/valgrind.%p" "$tree/$1" "\$@"
	WRAPPER
	chmod +x "$tree/memcheck/$1"
}
part_valgrind() {
	local program
	default_tests "$@" -- unit/test_ tests/mount/copy_in_out.sh
	build_tests plain || return 1
	new_reports
	rm -rf "$tree/memcheck"
	# test_events starts programs by pidfd_open(2), which memcheck of Debian 12 does not have
	for program in crrfs crrctl $(cd "$tree" && find tests/unit -name 'test_*' ! -name test_events -type f -perm /100); do
		wrap "$program"
	done
	mkdir -p "$tree/memcheck/tests/s3d"
	ln -s "$tree/tests/s3d/s3d" "$tree/memcheck/tests/s3d/s3d"
	ln -sfn ../reports "$tree/memcheck/reports"
	tree=$tree/memcheck
	run_tests "${tests[@]}"
}

# -O0: the analyzer sees the functions as they are written. Optimised, it takes a variable whose NULL was stored by the
# caller of an inlined cleanup for one that has no value.
part_analyzer() {
	local pattern patterns=() said status=0
	build analyzer CFLAGS='-g -O0 -fanalyzer' --disable-werror -- clean || return 1
	build analyzer -- -k crrfs crrctl || return 1
	said=$(sed -n "s|^$src/\\(.*Wanalyzer.*\\)|\\1|p" "$tree/build.log" | sort -u)
	mapfile -t patterns < <(grep -v -e '^#' -e '^$' "$src/tests/audit.analyzer")
	for pattern in "${patterns[@]}"; do
		grep -qE "^$pattern" <<<"$said" || {
			echo "tests/audit.analyzer: nothing matches $pattern"
			status=1
		}
	done
	if grep -vE "^($(IFS='|' && echo "${patterns[*]}"))" <<<"$said"; then
		echo "the paths are in $tree/build.log"
		status=1
	fi
	[ $status = 0 ] && echo "$(grep -c . <<<"$said") warnings, each with a reason in tests/audit.analyzer"
	return $status
}

part_lint() { # NAME: as ./check runs it
	local status=0
	build plain -- crrfs >/dev/null || return 1
	CRRFS_BUILD=$tree "$src/tests/run" "lint/$1" >"$tree/$1.log" 2>&1 || status=1
	[ $status = 0 ] || cat "$tree/$1.log"
	return $status
}
# What the hostile side can choose goes through these files; a function in them that no target reaches is a gap.
FUZZED=(base/{buf,codec,doc,ini,json,kv,xml}.c rules/*.c s3/{acl,answer,body,body_list,body_lock,cred_read,lifecycle,list}.c
	s3/{http,http_handle,tagging,types}.c queue/{destconf,job,job_base}.c fs/{config,config_value,control,path,temp_name}.c
	fs/{xattr_code,xattr_grants}.c)
part_coverage() {
	local target program files file name explained gaps objects=()
	export LLVM_PROFILE_FILE
	command -v llvm-cov >/dev/null || {
		echo "llvm-cov is missing (Debian: llvm)"
		return 1
	}
	build coverage CC=clang --enable-sanitize=fuzzer \
		CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping' -- fuzzers || return 1
	rm -rf "$tree/profiles" "$tree/inputs"
	mkdir -p "$tree/profiles"
	for program in "$tree"/tests/fuzz/fuzz_*; do
		[[ -f $program && -x $program ]] || continue
		target=$(basename "$program")
		target=${target#fuzz_}
		mkdir -p "$tree/inputs/$target"
		LLVM_PROFILE_FILE=$tree/profiles/$target.profraw "$program" -max_total_time="${FUZZ_SECONDS:-10}" -max_len=8192 \
			-verbosity=0 "$tree/inputs/$target" "$src/tests/fuzz/corpus/$target" >"$tree/$target.log" 2>&1 || {
			tail -n 40 "$tree/$target.log"
			return 1
		}
		objects+=(${objects[0]:+-object} "$program")
	done
	llvm-profdata merge -sparse -o "$tree/all.profdata" "$tree"/profiles/*.profraw || return 1
	files=("${FUZZED[@]/#/$src/}")
	llvm-cov report -instr-profile "$tree/all.profdata" "${objects[@]}" "${files[@]}" 2>/dev/null >"$tree/report" || return 1
	awk '/\.c|^TOTAL/ { printf "%-24s functions %5s of %-5s lines %s\n", $1, $5 - $6, $5, $10 }' "$tree/report"
	for file in "${FUZZED[@]}"; do
		grep -q "$file" "$tree/report" || echo "$file all-of-it"
		llvm-cov report -instr-profile "$tree/all.profdata" -show-functions "${objects[@]}" "$src/$file" 2>/dev/null |
			awk -v f="$file" '$3 > 0 && $2 == $3 { sub(/.*:/, "", $1); print f, $1 }'
	done | sort -u >"$tree/gaps"
	# a gap is explained by the name of its file or function in the list in docs/security.md
	explained=$(sed -n '/<!-- gaps -->/,/<!-- \/gaps -->/p' docs/security.md)
	gaps=$(while read -r file name; do
		grep -qE "\`($file|$name)\`" <<<"$explained" || echo "$file $name"
	done <"$tree/gaps")
	[ -z "$gaps" ] || {
		printf 'no target reaches, and docs/security.md does not say why:\n%s\n' "$gaps"
		return 1
	}
}

part_sweep() { # POINTS MOUNTS
	build asan --enable-sanitize=address -- crrctl tests/s3d/s3d sweepers || return 1
	SWEEP_BUILD=$tree CRRFS_BUILD=$tree "$src/tests/sweep/sweep_all.sh" "${1:-200}" "${2:-400}"
}

part_tidy() { part_lint clang-tidy; }
part_cppcheck() { part_lint cppcheck; }

# ---------------------------------------------------------------------------------------------------------------
run_part() { # PART TEST...
	local name=$1 started=$SECONDS status=0
	shift
	"part_$name" "$@" >"$base/$name.out" 2>&1 || status=1
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		printf 'ok    %-10s %5d s  %s\n' "$name" $((SECONDS - started)) "$(tail -n 1 "$base/$name.out")"
	else
		failed=$((failed + 1))
		printf 'FAIL  %-10s %5d s\n' "$name" $((SECONDS - started))
		sed 's/^/      | /' "$base/$name.out"
	fi
}
parts=("${PARTS[@]}")
if [ $# != 0 ]; then
	[[ " ${PARTS[*]} " == *" $1 "* ]] || usage
	parts=("$1")
	shift
fi
copy_sources
for part in "${parts[@]}"; do run_part "$part" "$@"; done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
