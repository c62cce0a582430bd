#include "queue/layout.h"

#include <stdlib.h>

#include "s3/part.h"

void layout_ours(uint64_t size, struct layout *ret_l)
{
	*ret_l = (struct layout){ .n = part_count(size), .size = size };
}

bool layout_even(uint64_t size, unsigned n, uint64_t even, struct layout *ret_l)
{
	if (n == 0 || even == 0 || (size > 0 ? (size - 1) / even + 1 : 1) != n)
		return false;
	*ret_l = (struct layout){ .n = n, .size = size, .even = even, .is_source = true };
	return true;
}

void layout_listed(uint64_t size, unsigned n, uint64_t *ends, struct layout *ret_l)
{
	*ret_l = (struct layout){ .n = n, .size = size, .ends = ends, .is_source = true };
}

struct s3_range layout_range(const struct layout *l, unsigned number)
{
	uint64_t start;

	if (l->even > 0) {
		start = (number - 1) * l->even;
		return (struct s3_range){ start, min_of(start + l->even, l->size) };
	}
	if (!l->ends)
		return part_range_in(number, l->size);
	start = number > 1 ? l->ends[number - 2] : 0;
	return (struct s3_range){ start, l->ends[number - 1] };
}

void layout_free(struct layout *l)
{
	free(l->ends);
	*l = (struct layout){ 0 };
}
