/* part.c - see part.h. */
#include "s3/part.h"

struct step {
	unsigned first; /* first part number of the step */
	uint64_t size;	/* of each part of it */
	uint64_t start; /* offset of its first part */
};

/* The starts are spelled out so that nothing is computed at run time; test_part.c adds them up. */
static const struct step steps[] = {
	{ 1, 5 * MIB, 0 },
	{ 501, 25 * MIB, 2500 * MIB },
	{ 1001, 125 * MIB, 15000 * MIB },
	{ 1501, 625 * MIB, 77500 * MIB },
};

static const struct step *step_of_part(unsigned n)
{
	size_t k = array_size(steps) - 1;

	while (k > 0 && n < steps[k].first)
		k--;
	return &steps[k];
}

uint64_t part_size(unsigned n)
{
	return step_of_part(n)->size;
}

struct s3_range part_range(unsigned n)
{
	const struct step *s = step_of_part(n);
	uint64_t start = s->start + (n - s->first) * s->size;

	return (struct s3_range){ start, start + s->size };
}

unsigned part_of(uint64_t off)
{
	size_t k = array_size(steps) - 1;

	while (k > 0 && off < steps[k].start)
		k--;

	uint64_t n = steps[k].first + (off - steps[k].start) / steps[k].size;

	return n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
}

unsigned part_count(uint64_t size)
{
	return size == 0 ? 1 : part_of(size - 1);
}

struct s3_range part_range_in(unsigned n, uint64_t size)
{
	struct s3_range r = part_range(n);

	r.start = min_of(r.start, size);
	r.end = min_of(r.end, size);
	return r;
}
