/* backoff.h - pure: how long to wait before attempt n: exponential, anywhere in [half, whole]. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include "base/base.h"

struct backoff {
	int64_t first_ms; /* before attempt 1 (the first retry) */
	int64_t max_ms;
	unsigned factor_x10; /* 15 = 1.5, 20 = 2 */
};

/* attempt counts failures so far, from 1. rnd is any 32 random bits. */
int64_t backoff_next(const struct backoff *b, unsigned attempt, uint32_t rnd);

#endif
