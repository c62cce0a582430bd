#include "queue/order_i.h"
#include "tests/unit/check.h"

enum asked { NO, SAME = 1, BEHIND = 2, THERE = 4 }; /* what asking told; SAME: nothing */

/* The tables at the head of order_look.c. */
static void test_decide(void)
{
	static const struct {
		const char *name;
		const char *source, *dest; /* current versions; NULL = the key is not there */
		const char *replica;	   /* of the source's, by the ledger */
		bool dest_known, young, tags_unknown;
		unsigned asked;
		enum order_verdict verdict;
	} rows[] = {
		{ "gone at the source", NULL, "r1", NULL, true, false, false, NO, ORDER_GOOD },
		{ "gone at both", NULL, NULL, NULL, false, false, false, NO, ORDER_GOOD },
		{ "its replica", "v1", "r1", "r1", true, false, false, NO, ORDER_GOOD },
		{ "its replica, just made", "v1", "r1", "r1", true, true, false, NO, ORDER_GOOD },
		{ "a replica without an id", "v1", "r1", "", false, false, false, NO, ORDER_GOOD },
		{ "nothing is left there", "v1", NULL, "r1", false, false, false, NO, ORDER_GOOD },
		{ "another replica", "v2", "r1", "r2", true, false, false, NO, ORDER_ASK },
		{ "just so, whatever its age", "v2", "r1", "r2", true, true, false, NO, ORDER_ASK },
		{ "somebody's", "v2", "x", "r2", false, false, false, NO, ORDER_ASK },
		{ "tags at birth, but it was selected", "v2", "r1", "r2", true, false, true, NO,
		  ORDER_ASK },
		{ "unknown at a replica", "v2", "r1", NULL, true, false, false, NO, ORDER_ASK },
		{ "unknown, just made", "v2", "r1", NULL, true, true, false, NO, ORDER_YOUNG },
		{ "unknown, tags at birth", "v2", "r1", NULL, true, false, true, NO, ORDER_GOOD },
		{ "nobody's at both", "v2", "x", NULL, false, false, false, NO, ORDER_GOOD },
		{ "nobody's, nothing there", "v2", NULL, NULL, false, false, false, NO,
		  ORDER_GOOD },

		{ "an older one came after it", "v2", "r1", "r2", true, false, false,
		  BEHIND | THERE, ORDER_SEND },
		{ "its replica was removed", "v2", "r1", "r2", true, false, false, BEHIND,
		  ORDER_GOOD },
		{ "the newer one was removed", "v1", "r2", "r1", true, false, false, THERE,
		  ORDER_GOOD },
		{ "nobody's came after it", "v2", "x", "r2", false, false, false, SAME,
		  ORDER_GOOD },
		{ "another mount's, older replica", "v2", "r1", NULL, true, false, false, BEHIND,
		  ORDER_SEND },
		{ "an old one, the newer was removed", "v0", "r1", NULL, true, false, false, SAME,
		  ORDER_GOOD },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct newest source = { .there = rows[i].source,
					 .version = (char *)(uintptr_t)rows[i].source,
					 .mtime_ms = 1000 };
		struct newest dest = { .there = rows[i].dest,
				       .version = (char *)(uintptr_t)rows[i].dest };
		struct order_facts f = { .source = &source,
					 .dest = &dest,
					 .replica = rows[i].replica,
					 .dest_known = rows[i].dest_known,
					 .tags_unknown = rows[i].tags_unknown,
					 .young_ms = rows[i].young ? 999 : 1000,
					 .asked = rows[i].asked != NO,
					 .origin_behind = rows[i].asked & BEHIND,
					 .replica_there = rows[i].asked & THERE };

		CHECK_CASE(rows[i].name);
		CHECK_INT(order_decide(&f), rows[i].verdict);
	}
}

int main(void)
{
	test_decide();
	return check_done();
}
