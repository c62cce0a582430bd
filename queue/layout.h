/*
 * layout.h - the parts an object is to be sent in: those of s3/part.h where we made it, else those
 * that its writer made, so that the ETag of a multipart upload comes out the same. Pure.
 */
#ifndef QUEUE_LAYOUT_H
#define QUEUE_LAYOUT_H

#include "s3/types.h"

struct layout {
	unsigned n;	 /* parts; at least 1 */
	uint64_t size;	 /* of the object */
	uint64_t even;	 /* all but the last are of this size; 0 = see ends */
	uint64_t *ends;	 /* offset after part i+1; NULL = the parts of s3/part.h, when even is 0 */
	bool is_source;	 /* known to be the source's */
};

void layout_ours(uint64_t size, struct layout *ret_l);
/* n parts of `even` bytes, the last one shorter: does that make size? */
bool layout_even(uint64_t size, unsigned n, uint64_t even, struct layout *ret_l);
/* The server does not tell: the part size of a common uploader that gives n parts, if there is
 * one; is_source stays false. */
bool layout_guess(uint64_t size, unsigned n, struct layout *ret_l);
/* Takes ends (n of them, rising, the last one is size). */
void layout_listed(uint64_t size, unsigned n, uint64_t *ends, struct layout *ret_l);
struct s3_range layout_range(const struct layout *l, unsigned number);
void layout_free(struct layout *l);

#endif
