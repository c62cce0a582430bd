#include "base/backoff.h"

int64_t backoff_next(const struct backoff *b, unsigned attempt, uint32_t rnd)
{
	int64_t whole = max_of(b->first_ms, (int64_t)0);
	int64_t half;

	if (attempt == 0)
		return 0;
	for (unsigned i = 1; i < attempt && whole < b->max_ms; i++) {
		int64_t before = whole;

		if (__builtin_mul_overflow(whole, (int64_t)b->factor_x10, &whole))
			whole = INT64_MAX;
		whole /= 10;
		/* A factor of 1, or one lost in rounding: the loop would be as long as attempt. */
		if (whole <= before) {
			whole = before;
			break;
		}
	}
	whole = max_of((int64_t)0, min_of(whole, b->max_ms));
	half = whole / 2;
	return half + (int64_t)(rnd % ((uint64_t)(whole - half) + 1));
}
