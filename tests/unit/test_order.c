#include "queue/order_i.h"
#include "tests/unit/check.h"

/* The table at the head of order.c. */
static void test_decide(void)
{
	static const struct {
		const char *name;
		const char *source, *dest; /* current versions; NULL = the key is not there */
		const char *replica;	   /* of the source's, by the ledger */
		bool dest_known, young;
		enum order_verdict verdict;
	} rows[] = {
		{ "gone at the source", NULL, "r1", NULL, true, false, ORDER_GOOD },
		{ "gone at both", NULL, NULL, NULL, false, false, ORDER_GOOD },
		{ "its replica", "v1", "r1", "r1", true, false, ORDER_GOOD },
		{ "its replica, just made", "v1", "r1", "r1", true, true, ORDER_GOOD },
		{ "a replica without an id", "v1", "r1", "", false, false, ORDER_GOOD },
		{ "an older one came after it", "v2", "r1", "r2", true, false, ORDER_SEND },
		{ "just so, whatever its age", "v2", "r1", "r2", true, true, ORDER_SEND },
		{ "somebody's came after it", "v2", "x", "r2", false, false, ORDER_ASK },
		{ "the replica was removed", "v1", NULL, "r1", false, false, ORDER_SEND },
		{ "another mount's, older replica", "v2", "r1", NULL, true, false, ORDER_SEND },
		{ "another mount's, just made", "v2", "r1", NULL, true, true, ORDER_YOUNG },
		{ "nobody's at both", "v2", "x", NULL, false, false, ORDER_GOOD },
		{ "nobody's, nothing there", "v2", NULL, NULL, false, false, ORDER_GOOD },
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
					 .young_ms = rows[i].young ? 999 : 1000 };

		CHECK_CASE(rows[i].name);
		CHECK_INT(order_decide(&f), rows[i].verdict);
	}
}

int main(void)
{
	test_decide();
	return check_done();
}
