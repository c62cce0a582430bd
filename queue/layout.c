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

/*
 * What the tools that most objects come from take unless told otherwise: the AWS CLI and boto3,
 * rclone and Hadoop's old default, minio-go, s3cmd, s3fs, s5cmd and Hadoop's new one, then the even
 * powers that people choose.
 */
bool layout_guess(uint64_t size, unsigned n, struct layout *ret_l)
{
	static const unsigned mib[] = { 8, 5, 16, 15, 10, 50, 64, 32, 100, 128, 256, 512, 1024 };

	for (size_t i = 0; i < array_size(mib); i++) {
		if (!layout_even(size, n, mib[i] * MIB, ret_l))
			continue;
		ret_l->is_source = false;
		return true;
	}
	return false;
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
