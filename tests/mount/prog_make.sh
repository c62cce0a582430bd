#!/bin/bash
# make in the mount: gcc writes objects, archives and programs, times decide what is made again, the program runs.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
work() {
	mkdir -p src out
	local i
	for i in 1 2 3; do printf '#include "common.h"\nint f%d(void) { return BASE + %d; }\n' $i $i >src/f$i.c; done
	printf '#define BASE 10\nint f1(void);\nint f2(void);\nint f3(void);\n' >src/common.h
	printf '#include <stdio.h>\n#include "common.h"\nint main(void) { printf("%%d\\n", f1() + f2() + f3()); return 0; }\n' \
		>src/main.c
	cat >Makefile <<-'MAKE'
		.RECIPEPREFIX = >
		objects = out/f1.o out/f2.o out/f3.o
		out/program: src/main.c out/libf.a
			>@echo link >>made
			>@gcc -O0 -o $@ src/main.c out/libf.a
		out/libf.a: $(objects)
			>@echo archive >>made
			>@ar rcs $@ $(objects)
		out/%.o: src/%.c src/common.h
			>@echo $@ >>made
			>@gcc -O0 -g0 -c -o $@ $<
	MAKE
	make -s
	make -s -q
	[ "$(./out/program)" = 36 ]
	echo "-- f2 changes" >>made
	sed -i 's/+ 2/+ 20/' src/f2.c
	make -s
	[ "$(./out/program)" = 54 ]
	make -s -q
	echo "-- the header changes" >>made
	touch src/common.h
	make -s -j4
	sort made >made.sorted
	rm made
	ar t out/libf.a >members
	rm out/program out/libf.a
}
on_both work
assert_eq "$(grep -c 'out/f2.o' "$MNT/work/made.sorted")" 3 "times that f2.o was made"
twins_last
