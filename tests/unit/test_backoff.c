#include "base/backoff.h"

#include "tests/unit/check.h"

int main(void)
{
	static const struct {
		const char *name;
		struct backoff b;
		unsigned attempt;
		int64_t low, high; /* with the least and the most random bits */
	} cases[] = {
		{ "no failure", { 100, 1000, 20 }, 0, 0, 0 },
		{ "first", { 100, 1000, 20 }, 1, 50, 100 },
		{ "second", { 100, 1000, 20 }, 2, 100, 200 },
		{ "third", { 100, 1000, 20 }, 3, 200, 400 },
		{ "capped", { 100, 1000, 20 }, 5, 500, 1000 },
		{ "by 1.5", { 100, 1000, 15 }, 3, 112, 225 },
		{ "very many", { 100, 1000, 20 }, UINT32_MAX, 500, 1000 },
		{ "first over max", { 5000, 1000, 20 }, 1, 500, 1000 },
		{ "constant", { 100, 1000, 10 }, UINT32_MAX, 50, 100 },
		{ "lost in rounding", { 1, 1000, 15 }, UINT32_MAX, 0, 1 },
		{ "shrinking", { 100, 1000, 5 }, 7, 50, 100 },
		{ "nothing", { 0, 1000, 20 }, 3, 0, 0 },
		{ "no overflow", { 1, INT64_MAX, 100 }, 500, INT64_MAX / 10 / 2, INT64_MAX },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		int64_t range = cases[i].high - cases[i].low;

		CHECK_CASE(cases[i].name);
		for (uint32_t rnd = 0; rnd < 2000; rnd++) {
			uint32_t bits = rnd * 2654435761u;
			int64_t v = backoff_next(&cases[i].b, cases[i].attempt, bits);

			CHECK(v >= cases[i].low && v <= cases[i].high);
		}
		if (range > 1000)
			continue;
		CHECK_INT(backoff_next(&cases[i].b, cases[i].attempt, 0), cases[i].low);
		CHECK_INT(backoff_next(&cases[i].b, cases[i].attempt, (uint32_t)range),
			  cases[i].high);
	}
	return check_done();
}
