#include "base/buf.h"

#include <errno.h>

#include "tests/unit/check.h"

static void test_additions(void)
{
	auto_with(buf_free) struct buf b;
	auto_free char *s = NULL;
	size_t n = 0;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_STR(buf_str(&b), "");
	CHECK_INT(buf_adds(&b, "abc"), 0);
	CHECK_INT(buf_addc(&b, '-'), 0);
	CHECK_INT(buf_addf(&b, "%d/%s", 42, "x"), 0);
	CHECK_INT(buf_add(&b, "\0z", 2), 0);
	CHECK_INT(buf_add(&b, NULL, 0), 0);
	CHECK_INT(b.len, 10);
	CHECK_MEM(b.data, "abc-42/x\0z\0", 11);
	CHECK_INT(buf_take(&b, &s, &n), 0);
	CHECK_INT(n, 10);
	CHECK_INT(b.len, 0);
	CHECK_STR(buf_str(&b), "");
	CHECK_INT(buf_adds(&b, "again"), 0);
	CHECK_STR(buf_str(&b), "again");
	buf_reset(&b);
	CHECK_STR(buf_str(&b), "");
}

static void test_growth(void)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, 100000);
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%08d|", i);
	CHECK_INT(b.error, 0);
	CHECK_INT(b.len, 90000);
	CHECK_MEM(b.data + 9 * 7777, "00007777|", 9);
	CHECK(b.cap <= 100001);
}

static void test_limit(void)
{
	static const struct {
		const char *name;
		size_t limit;
		const char *add;
		int want;
		const char *content;
	} cases[] = {
		{ "under", 10, "123456789", 0, "123456789" },
		{ "exact", 9, "123456789", 0, "123456789" },
		{ "over", 8, "123456789", -E2BIG, "" },
		{ "nothing allowed", 0, "1", -E2BIG, "" },
		{ "nothing added", 0, "", 0, "" },
		{ "no limit", SIZE_MAX, "123", 0, "123" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct buf b, f;

		CHECK_CASE(cases[i].name);
		buf_init(&b, cases[i].limit);
		buf_init(&f, cases[i].limit);
		CHECK_INT(buf_adds(&b, cases[i].add), cases[i].want);
		CHECK_INT(buf_addf(&f, "%s", cases[i].add), cases[i].want);
		CHECK_STR(buf_str(&b), cases[i].content);
		CHECK_STR(buf_str(&f), cases[i].content);
		buf_free(&b);
		buf_free(&f);
	}
	CHECK_CASE("");
}

static void test_error_sticks(void)
{
	auto_with(buf_free) struct buf b;
	auto_free char *s = NULL;

	buf_init(&b, 4);
	CHECK_INT(buf_adds(&b, "123"), 0);
	CHECK_INT(buf_addf(&b, "%s", "45"), -E2BIG);
	CHECK_STR(buf_str(&b), "123");
	CHECK_INT(buf_addc(&b, '4'), -E2BIG);
	CHECK_INT(buf_take(&b, &s, NULL), -E2BIG);
	CHECK(s == NULL);
	buf_reset(&b);
	CHECK_INT(buf_adds(&b, "4567"), 0);
	CHECK_INT(buf_take(&b, &s, NULL), 0);
	CHECK_STR(s, "4567");
}

static void test_strings(void)
{
	auto_free char *a = NULL;
	auto_free char *b = NULL;
	char *none = (char *)"x";

	CHECK_INT(str_format(&a, "%s-%03d", "n", 7), 0);
	CHECK_STR(a, "n-007");
	CHECK_INT(str_dup("copy", &b), 0);
	CHECK_STR(b, "copy");
	CHECK_INT(str_dup(NULL, &none), 0);
	CHECK(none == NULL);
}

static void test_take_empty(void)
{
	struct buf b;
	char *s = NULL;
	size_t n = 9;

	buf_init(&b, 0);
	CHECK_INT(buf_take(&b, &s, &n), 0);
	CHECK_STR(s, "");
	CHECK_INT(n, 0);
	free(s);
}

int main(void)
{
	test_additions();
	test_growth();
	test_limit();
	test_error_sticks();
	test_strings();
	test_take_empty();
	return check_done();
}
