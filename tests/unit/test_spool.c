/* test_spool.c - ranges and generations of staged bytes, against a naive model. */
#include "fs/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "s3/part.h"
#include "tests/unit/check.h"

static char dir[] = "/tmp/test_spool.XXXXXX";

static void test_ranges(void)
{
	struct spool *s = NULL;
	uint64_t len = 0;
	char back[8];

	CHECK_INT(spool_new(dir, NULL, &s), 0);
	CHECK(!spool_owns(s, 0, 10, &len));
	CHECK_INT((int64_t)len, 10);
	CHECK_INT(spool_write(s, "abcd", 4, 10), 0);
	CHECK_INT(spool_write(s, "ef", 2, 20), 0);
	CHECK(!spool_owns(s, 0, 100, &len));
	CHECK_INT((int64_t)len, 10);
	CHECK(spool_owns(s, 11, 100, &len));
	CHECK_INT((int64_t)len, 3);
	CHECK(!spool_has(s, (struct s3_range){ 10, 22 }));
	CHECK_INT(spool_zero(s, (struct s3_range){ 14, 20 }), 0);
	CHECK(spool_has(s, (struct s3_range){ 10, 22 }));
	CHECK_INT(spool_read(s, back, 8, 13), 0);
	CHECK(!memcmp(back, "d\0\0\0\0\0\0e", 8));
	CHECK_INT(spool_truncate(s, 12), 0);
	CHECK(spool_has(s, (struct s3_range){ 10, 12 }));
	CHECK(!spool_has(s, (struct s3_range){ 10, 13 }));
	/* What was cut off does not come back. */
	CHECK_INT(spool_zero(s, (struct s3_range){ 12, 16 }), 0);
	CHECK_INT(spool_read(s, back, 4, 12), 0);
	CHECK(!memcmp(back, "\0\0\0\0", 4));
	spool_unref(s);
}

static void test_generations(void)
{
	struct spool *s = NULL;
	uint64_t one, two;

	CHECK_INT(spool_new(dir, NULL, &s), 0);
	CHECK(spool_gen(s, 1) != 0);
	CHECK_INT(spool_write(s, "x", 1, 0), 0);
	CHECK_INT(spool_write(s, "x", 1, PART_SIZE_MIN), 0);
	one = spool_gen(s, 1);
	two = spool_gen(s, 2);
	CHECK_INT(spool_write(s, "yy", 2, PART_SIZE_MIN), 0);
	CHECK(spool_gen(s, 1) == one);
	CHECK(spool_gen(s, 2) != two);
	two = spool_gen(s, 2);
	CHECK_INT(spool_write(s, "yy", 2, PART_SIZE_MIN - 1), 0);
	CHECK(spool_gen(s, 1) != one);
	CHECK(spool_gen(s, 2) != two);
	one = spool_gen(s, 1);
	two = spool_gen(s, 2);
	CHECK_INT(spool_fill(s, "base", 4, PART_SIZE_MIN + 100), 0);
	CHECK(spool_gen(s, 2) == two); /* what was sent of it is still right */
	CHECK(spool_has(s, (struct s3_range){ PART_SIZE_MIN + 100, PART_SIZE_MIN + 104 }));
	CHECK_INT(spool_truncate(s, PART_SIZE_MIN), 0);
	CHECK(spool_gen(s, 1) == one);
	CHECK(spool_gen(s, 2) != two);
	spool_unref(s);
}

/* Random writes, zeros and truncates; every byte's owner compared with a map of one flag per byte.
 * */
static void test_model(void)
{
	enum { SIZE = 400 };
	bool own[SIZE] = { false };
	char bytes[SIZE] = { 0 };
	struct spool *s = NULL;

	srandom(7);
	CHECK_INT(spool_new(dir, NULL, &s), 0);
	for (int step = 0; step < 3000; step++) {
		uint64_t a = (uint64_t)random() % SIZE, b = a + (uint64_t)random() % (SIZE - a) / 4;
		char fill[SIZE];

		memset(fill, 'a' + step % 26, sizeof(fill));
		switch (random() % 8) {
		case 0:
			CHECK_INT(spool_truncate(s, a), 0);
			memset(own + a, 0, SIZE - a);
			memset(bytes + a, 0, SIZE - a);
			break;
		default:
			CHECK_INT(spool_write(s, fill, b - a, a), 0);
			memset(own + a, 1, b - a);
			memcpy(bytes + a, fill, b - a);
		}
		for (uint64_t at = 0; at < SIZE;) {
			uint64_t len = 0;
			bool ours = spool_owns(s, at, SIZE - at, &len);
			char back[SIZE];

			CHECK(len >= 1 && len <= SIZE - at);
			if (!len)
				return;
			for (uint64_t i = at; i < at + len; i++)
				CHECK(own[i] == ours);
			if (ours) {
				CHECK_INT(spool_read(s, back, len, at), 0);
				CHECK(!memcmp(back, bytes + at, len));
			}
			at += len;
		}
	}
	spool_unref(s);
}

/* One file for what was acknowledged, another for what comes. */
static void test_part_ways(void)
{
	struct spool *s = NULL;
	char *old = NULL;
	char back[16] = "";
	uint64_t gen, size = 0;

	CHECK_INT(spool_new(dir, NULL, &s), 0);
	CHECK_INT(spool_write(s, "promised", 8, 0), 0);
	spool_keep(s);
	gen = spool_gen(s, 1);
	CHECK_INT(spool_part_ways(s, 8, &old), 0);
	CHECK(strcmp(old, spool_name(s)));
	CHECK(spool_gen(s, 1) == gen && spool_has(s, (struct s3_range){ 0, 8 }));
	CHECK_INT(spool_write(s, "PP", 2, 0), 0);
	CHECK_INT(spool_zero(s, (struct s3_range){ 8, 100 }), 0);
	CHECK_INT(spool_read(s, back, 10, 0), 0);
	CHECK(!memcmp(back, "PPomised\0\0", 10));
	gen = spool_gen(s, 1);
	CHECK_INT(spool_back_to(s, old, &size), 0);
	CHECK_INT(size, 8);
	CHECK(spool_has(s, (struct s3_range){ 0, 8 }) && !spool_has(s, (struct s3_range){ 0, 9 }));
	CHECK(spool_gen(s, 1) != gen);
	CHECK_INT(spool_read(s, back, 8, 0), 0);
	CHECK(!memcmp(back, "promised", 8));
	/* only so much of it, and nobody comes back to it */
	CHECK_INT(spool_part_ways(s, 3, &old), 0);
	CHECK_INT(spool_truncate(s, 3), 0);
	CHECK_INT(spool_read(s, back, 3, 0), 0);
	CHECK(!memcmp(back, "pro", 3) && spool_read(s, back, 4, 0) == -EIO);
	spool_remove_old(s, old);
	free(old);
	spool_unref(s);
}

static uint64_t nothing_kept(void *arg)
{
	(void)arg;
	return 0;
}

/* Holes take no room, and each byte counts once. */
static void test_counted(void)
{
	const struct quota_conf conf = { 1000, 1000, nothing_kept, NULL, NULL };
	struct quota *q = NULL;
	struct spool *s = NULL;
	char *old = NULL;
	uint64_t size;

	CHECK_INT(quota_new(&conf, &q), 0);
	CHECK_INT(spool_new(dir, q, &s), 0);
	CHECK_INT(spool_zero(s, (struct s3_range){ 0, 900 }), 0);
	CHECK_INT(spool_bytes(s), 0);
	CHECK_INT(spool_write(s, "0123456789", 10, 100), 0);
	CHECK_INT(spool_write(s, "abcdefghij", 10, 105), 0);
	CHECK_INT(spool_fill(s, "base", 4, 200), 0);
	CHECK_INT(spool_bytes(s), 19);
	CHECK(quota_has_room(q, 981) && !quota_has_room(q, 982));
	CHECK_INT(spool_truncate(s, 110), 0);
	CHECK_INT(spool_bytes(s), 10);
	CHECK_INT(spool_part_ways(s, 104, &old), 0);
	CHECK_INT(spool_bytes(s), 14); /* both files */
	CHECK_INT(spool_back_to(s, old, &size), 0);
	CHECK_INT(spool_bytes(s), 110); /* what is a hole in there is not known any more */
	CHECK_INT(spool_part_ways(s, 0, &old), 0);
	CHECK(!quota_has_room(q, 891));
	spool_remove_old(s, old);
	free(old);
	CHECK(quota_has_room(q, 1000));
	CHECK_INT(spool_write(s, "0123456789", 10, 0), 0);
	spool_give(s); /* somebody else counts it */
	CHECK(quota_has_room(q, 1000));
	spool_unref(s);
	quota_free(q);
}

static int no_room(void *arg, int fd, size_t n, uint64_t off)
{
	int left = *(int *)arg;

	/* a part of it fits */
	if (pwrite(fd, "xxxx", n / 2, (off_t)off) != (ssize_t)(n / 2))
		return -EIO;
	if (!left)
		return pwrite(fd, "yyyy", n, (off_t)off) == (ssize_t)n ? 0 : -EIO;
	*(int *)arg = left - 1;
	return -ENOSPC;
}

static void test_torn(void)
{
	struct spool *s = NULL;
	char back[16] = "";
	int refusals = 1;

	/* tried again, it is as if nothing had been */
	CHECK_INT(spool_new(dir, NULL, &s), 0);
	CHECK_INT(spool_write(s, "abcd", 4, 0), 0);
	CHECK_INT(spool_write_by(s, no_room, &refusals, 4, 4), -ENOSPC);
	CHECK_INT(spool_error(s), 0);
	CHECK_INT(spool_read(s, back, 5, 0), -EIO); /* its half is gone */
	CHECK_INT(spool_write_by(s, no_room, &refusals, 4, 4), 0);
	CHECK_INT(spool_read(s, back, 8, 0), 0);
	CHECK(!memcmp(back, "abcdyyyy", 8));

	/* given up: nothing more is written, until it is cut in front of all that failed */
	spool_fail(s, -ENOSPC, 6);
	spool_fail(s, -EIO, 2);
	spool_fail(s, -EIO, 20);
	CHECK_INT(spool_error(s), -ENOSPC);
	CHECK_INT(spool_write(s, "x", 1, 0), -ENOSPC);
	CHECK_INT(spool_error(s), -ENOSPC);
	spool_mend(s, 0);
	CHECK_INT(spool_error(s), 0);
	spool_fail(s, -ENOSPC, 6);
	spool_mend(s, 7);
	CHECK_INT(spool_error(s), -ENOSPC);
	CHECK_INT(spool_truncate(s, 6), 0);
	spool_mend(s, 6);
	CHECK_INT(spool_error(s), 0);
	CHECK_INT(spool_write(s, "ZZ", 2, 6), 0);

	/* its bytes are gone: only the empty file is whole */
	spool_fail(s, -ENOSPC, 6);
	spool_discard(s);
	CHECK_INT(spool_bytes(s), 0);
	CHECK_INT(spool_read(s, back, 1, 0), -EIO);
	spool_mend(s, 1);
	CHECK_INT(spool_error(s), -ENOSPC);
	CHECK_INT(spool_truncate(s, 0), 0);
	spool_mend(s, 0);
	CHECK_INT(spool_error(s), 0);
	CHECK_INT(spool_write(s, "anew", 4, 0), 0);
	spool_unref(s);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_ranges();
	test_generations();
	test_model();
	test_part_ways();
	test_counted();
	test_torn();
	CHECK_INT(rmdir(dir), 0); /* every spool took its file along */
	return check_done();
}
