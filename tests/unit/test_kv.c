#include "base/kv.h"

#include <errno.h>

#include "tests/unit/check.h"

static void test_set_get(void)
{
	auto_with(kv_free) struct kv kv = KV_EMPTY;

	CHECK(kv_get(&kv, "a") == NULL);
	CHECK_INT(kv_set(&kv, "m", "1"), 0);
	CHECK_INT(kv_set(&kv, "a", "2"), 0);
	CHECK_INT(kv_set(&kv, "z", "3"), 0);
	CHECK_INT(kv_set(&kv, "B", ""), 0);
	CHECK_INT(kv_set(&kv, "m", "replaced"), 0);
	CHECK_INT(kv_setn(&kv, "cut-here", 3, "valuable", 5), 0);
	CHECK_INT(kv_setn(&kv, "a\0b", 3, "x", 1), -EINVAL);
	CHECK_INT(kv_setn(&kv, "ab", 2, "\0", 1), -EINVAL);
	CHECK_INT(kv.n, 5);
	for (size_t i = 1; i < kv.n; i++)
		CHECK(strcmp(kv.items[i - 1].name, kv.items[i].name) < 0);
	CHECK_STR(kv_get(&kv, "m"), "replaced");
	CHECK_STR(kv_get(&kv, "cut"), "valua");
	CHECK_STR(kv_get(&kv, "B"), "");
	CHECK(kv_get(&kv, "b") == NULL);
	CHECK_INT(kv_bytes(&kv), 1 + 8 + 1 + 1 + 1 + 1 + 1 + 3 + 5);
	CHECK(kv_del(&kv, "a"));
	CHECK(!kv_del(&kv, "a"));
	CHECK(kv_del(&kv, "z"));
	CHECK_INT(kv.n, 3);
}

static void test_many(void)
{
	auto_with(kv_free) struct kv kv = KV_EMPTY;
	char name[16];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i * 7919 % 500);
		CHECK_INT(kv_set(&kv, name, name), 0);
	}
	CHECK_INT(kv.n, 500);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		CHECK_STR(kv_get(&kv, name), name);
		CHECK(i % 2 || kv_del(&kv, name));
	}
	CHECK_INT(kv.n, 250);
}

static void test_sets(void)
{
	auto_with(kv_free) struct kv a = KV_EMPTY;
	auto_with(kv_free) struct kv b = KV_EMPTY;

	CHECK(kv_equal(&a, &b));
	CHECK_INT(kv_set(&a, "x", "1"), 0);
	CHECK_INT(kv_set(&a, "y", "2"), 0);
	CHECK(!kv_equal(&a, &b));
	CHECK_INT(kv_set(&b, "old", "gone"), 0);
	CHECK_INT(kv_copy(&b, &a), 0);
	CHECK(kv_equal(&a, &b));
	CHECK_INT(kv_copy(&b, &b), 0);
	CHECK(kv_equal(&a, &b));
	CHECK_INT(kv_set(&b, "y", "3"), 0);
	CHECK(!kv_equal(&a, &b));
	CHECK_INT(kv_set(&b, "z", "4"), 0);
	CHECK_INT(kv_merge(&a, &b), 0);
	CHECK(kv_equal(&a, &b));
	kv_move(&a, &b);
	CHECK_INT(b.n, 0);
	CHECK_INT(a.n, 3);
	kv_move(&a, &a);
	CHECK_INT(a.n, 3);
}

static void test_query(void)
{
	static const struct {
		const char *in;
		int want;
		const char *back; /* what kv_to_query makes of it */
	} cases[] = {
		{ "", 0, "" },
		{ "a=1", 0, "a=1" },
		{ "b=2&a=1", 0, "a=1&b=2" },
		{ "a=", 0, "a=" },
		{ "a", 0, "a=" },
		{ "a=b=c", 0, "a=b%3Dc" },
		{ "k+1=v+2", 0, "k%201=v%202" },
		{ "k%201=%2f%E2%82%AC", 0, "k%201=%2F%E2%82%AC" },
		{ "a%3D=%26", 0, "a%3D=%26" },
		{ "=1", -EINVAL, NULL },
		{ "&", -EINVAL, NULL },
		{ "a=1&", -EINVAL, NULL },
		{ "a=1&&b=2", -EINVAL, NULL },
		{ "a=%", -EINVAL, NULL },
		{ "a=%4", -EINVAL, NULL },
		{ "a=%zz", -EINVAL, NULL },
		{ "a=%00", -EINVAL, NULL },
		{ "a=%4&b=1", -EINVAL, NULL },
		{ "a=1&a=2", -EEXIST, NULL },
		{ "a=1&%61=1", -EEXIST, NULL },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(kv_free) struct kv kv = KV_EMPTY;
		auto_with(buf_free) struct buf b;

		CHECK_CASE(cases[i].in);
		buf_init(&b, BUF_LIMIT_SMALL);
		if (!CHECK_INT(kv_from_query(cases[i].in, &kv), cases[i].want))
			continue;
		if (cases[i].want < 0) {
			CHECK(kv.items == NULL);
			continue;
		}
		CHECK_INT(kv_to_query(&kv, &b), 0);
		CHECK_STR(buf_str(&b), cases[i].back);
	}
	CHECK_CASE("");
}

int main(void)
{
	test_set_get();
	test_many();
	test_sets();
	test_query();
	return check_done();
}
