/* ranges.h - a set of bytes as ranges: sorted, disjoint and not touching, so that "is all of it in"
 * is one search. A file written from start to end has one range. No lock of its own. */
#ifndef FS_RANGES_H
#define FS_RANGES_H

#include "base/base.h"
#include "s3/types.h"

struct ranges {
	struct s3_range *r; /* owned */
	size_t n, cap;
	uint64_t bytes; /* in all of them */
};

void ranges_free(struct ranges *s);
/* -ENOMEM: as it was */
int ranges_add(struct ranges *s, struct s3_range r) must_check;
/* Takes out everything from size on. */
void ranges_cut(struct ranges *s, uint64_t size);
/* From off on: are the next *ret_len bytes (>= 1, <= max) in? */
bool ranges_at(const struct ranges *s, uint64_t off, uint64_t max, uint64_t *ret_len);

#endif
