/* test_part.c - part number <-> byte range. */
#include "tests/unit/check.h"

#include "s3/part.h"

/* Every part follows the one before; all of them hold more than the largest object. */
static void test_chain(void)
{
	uint64_t end = 0;

	for (unsigned n = 1; n <= PART_COUNT_MAX; n++) {
		struct s3_range r = part_range(n);

		if (!CHECK_INT(r.start, end) || !CHECK_INT(r.end - r.start, part_size(n)))
			return;
		CHECK(part_size(n) >= PART_SIZE_MIN && part_size(n) <= S3_SINGLE_MAX);
		CHECK_INT(part_of(r.start), n);
		CHECK_INT(part_of(r.end - 1), n);
		CHECK_INT(part_count(r.end), n);
		CHECK_INT(part_count(r.end + 1), n + 1);
		end = r.end;
	}
	CHECK(end >= PART_OBJECT_MAX);
}

static void test_steps(void)
{
	static const struct {
		unsigned n;
		uint64_t mib;
	} rows[] = {
		{ 1, 5 },      { 500, 5 },    { 501, 25 },   { 1000, 25 },
		{ 1001, 125 }, { 1500, 125 }, { 1501, 625 }, { 10000, 625 },
	};

	for (size_t k = 0; k < array_size(rows); k++)
		CHECK_INT(part_size(rows[k].n), rows[k].mib * MIB);
}

static void test_counts(void)
{
	struct s3_range last;

	CHECK_INT(part_count(0), 1);
	CHECK_INT(part_count(1), 1);
	CHECK_INT(part_count(5 * MIB), 1);
	CHECK_INT(part_count(5 * MIB + 1), 2);
	CHECK_INT(part_count(PART_OBJECT_MAX - 1), part_count(PART_OBJECT_MAX));
	CHECK_INT(part_count(PART_OBJECT_MAX), 9765);
	CHECK(part_count(PART_OBJECT_MAX) <= PART_COUNT_MAX);
	/* Exactly 10,000 parts, and the first byte that no longer fits. */
	last = part_range(PART_COUNT_MAX);
	CHECK_INT(last.end, 5390000 * MIB);
	CHECK_INT(part_count(last.end), 10000);
	CHECK_INT(part_count(last.start + 1), 10000);
	CHECK_INT(part_count(last.end + 1), 10001);
	/* Nothing a caller may ask for wraps round. */
	CHECK(part_count(UINT64_MAX) > PART_COUNT_MAX);
	CHECK(part_of(UINT64_MAX) > PART_COUNT_MAX);
}

static void test_range_in(void)
{
	struct s3_range r = part_range_in(2, 7 * MIB);

	CHECK_INT(r.start, 5 * MIB);
	CHECK_INT(r.end, 7 * MIB);
	r = part_range_in(1, 7 * MIB);
	CHECK_INT(r.end, 5 * MIB);
	r = part_range_in(1, 0);
	CHECK_INT(r.start, 0);
	CHECK_INT(r.end, 0);
	r = part_range_in(3, 7 * MIB);
	CHECK_INT(r.start, r.end);
	r = part_range_in(part_count(PART_OBJECT_MAX), PART_OBJECT_MAX);
	CHECK_INT(r.end, PART_OBJECT_MAX);
}

int main(void)
{
	test_chain();
	test_steps();
	test_counts();
	test_range_in();
	return check_done();
}
