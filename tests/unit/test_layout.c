#include "queue/layout.h"
#include "tests/unit/check.h"

#include "s3/part.h"

/* Every layout: the parts follow each other and make the size. */
static void check_whole(const struct layout *l, uint64_t size, unsigned n)
{
	uint64_t at = 0;

	CHECK_INT(l->n, n);
	for (unsigned i = 1; i <= l->n; i++) {
		struct s3_range r = layout_range(l, i);

		CHECK_INT(r.start, at);
		CHECK(r.end > r.start || size == 0);
		at = r.end;
	}
	CHECK_INT(at, size);
}

static void test_even(void)
{
	static const struct {
		uint64_t size;
		unsigned n;
		uint64_t even;
		bool fits;
	} rows[] = {
		{ 20 * MIB, 3, 8 * MIB, true },
		{ 24 * MIB, 3, 8 * MIB, true },
		{ 24 * MIB + 1, 3, 8 * MIB, false },
		{ 16 * MIB, 3, 8 * MIB, false },
		{ 7, 1, 8 * MIB, true },
		{ 0, 1, 1, true },
		{ 0, 0, 1, false },
		{ 7, 1, 0, false },
		{ 5 * 1024 * GIB, 9987, 525 * MIB, true },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct layout l = { 0 };
		bool fits = layout_even(rows[i].size, rows[i].n, rows[i].even, &l);

		CHECK(fits == rows[i].fits);
		CHECK(l.is_source == rows[i].fits);
		if (fits)
			check_whole(&l, rows[i].size, rows[i].n);
	}
}

static void test_guess(void)
{
	static const struct {
		uint64_t size;
		unsigned n;
		uint64_t even; /* 0 = nobody's */
	} rows[] = {
		{ 20 * MIB, 3, 8 * MIB }, /* 10 MiB would do as well: the commoner one */
		{ 20 * MIB, 4, 5 * MIB },   { 31 * MIB, 3, 15 * MIB }, { 100 * MIB, 10, 10 * MIB },
		{ 100 * MIB, 2, 50 * MIB }, { 100 * MIB, 99, 0 },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct layout l = { 0 };

		CHECK(layout_guess(rows[i].size, rows[i].n, &l) == (rows[i].even > 0));
		CHECK_INT(l.even, rows[i].even);
		CHECK(!l.is_source);
	}
}

static void test_ours_and_listed(void)
{
	struct layout l = { 0 };
	uint64_t *ends = calloc(3, sizeof(*ends));

	layout_ours(12 * MIB, &l);
	check_whole(&l, 12 * MIB, part_count(12 * MIB));
	layout_ours(0, &l);
	check_whole(&l, 0, 1);
	CHECK(!l.is_source);
	if (!ends)
		return;
	ends[0] = 5;
	ends[1] = 6;
	ends[2] = 20;
	layout_listed(20, 3, ends, &l);
	check_whole(&l, 20, 3);
	CHECK_INT(layout_range(&l, 2).start, 5);
	CHECK(l.is_source);
	layout_free(&l);
	layout_free(&l);
}

int main(void)
{
	test_even();
	test_guess();
	test_ours_and_listed();
	return check_done();
}
