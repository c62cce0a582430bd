/* test_seen.c - what a listing showed whole, and what is absent by that. */
#include "fs/seen.h"

#include "tests/unit/check.h"

#define TTL 1000

static char from[256];

static enum seen_advice ask(struct seen *s, const char *name, int64_t now)
{
	return seen_ask(s, "d/", name, now, from);
}

static struct seen *make(void)
{
	struct seen *s = NULL;

	CHECK_INT(seen_new(TTL, &s), 0);
	return s;
}

static void test_whole(void)
{
	struct seen *s = make();

	CHECK_INT(ask(s, "a", 0), SEEN_ALONE);
	seen_put(s, "d/", "", NULL, 100, INT64_MAX);
	CHECK_INT(ask(s, "a", 100), SEEN_ABSENT);
	CHECK_INT(seen_until(s, "d/", "a"), 1100);
	CHECK_INT(seen_until(s, "e/", "a"), 0);
	CHECK_INT(ask(s, "\xc3\xa9", 1099), SEEN_ABSENT);
	CHECK_INT(seen_ask(s, "e/", "a", 200, from), SEEN_ALONE);
	CHECK_INT(ask(s, "a", 1100), SEEN_ALONE); /* too old, and little used */
	seen_put(s, "d/", "", NULL, 2000, 50);	  /* something in it holds for a moment only */
	CHECK_INT(ask(s, "a", 2049), SEEN_ABSENT);
	CHECK_INT(ask(s, "a", 2050), SEEN_ALONE);
	seen_free(s);
}

/* A name is absent where both it and the directory of that name would have been shown. */
static void test_edges(void)
{
	static const struct {
		const char *from, *to, *name;
		enum seen_advice want;
	} rows[] = {
		{ "b", "f", "a", SEEN_ALONE },	 { "b", "f", "b", SEEN_ALONE },
		{ "b", "f", "b1", SEEN_ABSENT }, { "b", "f", "c", SEEN_ABSENT },
		{ "b", "f", "f", SEEN_ALONE }, /* "f/" may come after the page's end */
		{ "b", "f/", "f", SEEN_ABSENT }, { "b", "f", "g", SEEN_ALONE },
		{ "b", NULL, "z", SEEN_ABSENT }, { "", "f", "a", SEEN_ABSENT },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct seen *s = make();

		CHECK_CASE(rows[i].name);
		seen_put(s, "d/", rows[i].from, rows[i].to, 0, INT64_MAX);
		CHECK_INT(ask(s, rows[i].name, 1), rows[i].want);
		seen_free(s);
	}
	CHECK_CASE("");
}

/* Many names that were not there make a listing worth it; later it is renewed at once. */
static void test_worth(void)
{
	struct seen *s = make();

	seen_note_absent(s, "d/", 0);
	CHECK_INT(ask(s, "a", 1), SEEN_ALONE);
	seen_note_absent(s, "d/", 2);
	CHECK_INT(ask(s, "a", 3), SEEN_LIST);
	CHECK_STR(from, "");
	CHECK_INT(ask(s, "a", 3), SEEN_ALONE); /* once: another thread is on it */
	seen_put(s, "d/", "", NULL, 3, INT64_MAX);
	for (int i = 0; i < 10; i++)
		CHECK_INT(ask(s, "b", 4), SEEN_ABSENT);
	CHECK_INT(ask(s, "b", 3 + TTL), SEEN_LIST);
	CHECK_INT(ask(s, "b", 3 + TTL), SEEN_ALONE);
	/* names asked for long ago do not count */
	seen_note_absent(s, "e/", 0);
	seen_note_absent(s, "e/", TTL);
	CHECK_INT(seen_ask(s, "e/", "a", TTL, from), SEEN_ALONE);
	seen_free(s);
}

/* Of a directory with more names than a page shows: from the name on, less its last character. */
static void test_long(void)
{
	static const struct {
		const char *name, *want;
	} rows[] = { { "file0012", "file001" }, { "x", "" }, { "caf\xc3\xa9", "caf" } };

	for (size_t i = 0; i < array_size(rows); i++) {
		struct seen *s = make();

		CHECK_CASE(rows[i].name);
		seen_put(s, "d/", "", "aaa", 0, INT64_MAX);
		CHECK_INT(ask(s, rows[i].name, 1), SEEN_ALONE); /* or with who asks beside it */
		CHECK_STR(from, rows[i].want);
		seen_note_absent(s, "d/", 0);
		seen_note_absent(s, "d/", 0);
		CHECK_INT(ask(s, rows[i].name, 1), SEEN_LIST);
		CHECK_STR(from, rows[i].want);
		seen_free(s);
	}
	CHECK_CASE("");
}

/* Names that are there, and are asked for one after the other in the order of a listing. */
static void test_row(void)
{
	struct seen *s = make();
	char name[32];
	unsigned lists = 0;

	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n%04d", i);
		if (ask(s, name, 0) == SEEN_LIST) {
			lists++;
			CHECK_STR(from, "n000");
		}
	}
	CHECK_INT(lists, 1);
	for (int i = 5; i > 0; i--) { /* backwards: no */
		snprintf(name, sizeof(name), "m%04d", i);
		CHECK_INT(ask(s, name, 0), SEEN_ALONE);
	}
	for (int i = 0; i < 1000; i++) { /* at random: hardly */
		snprintf(name, sizeof(name), "n%04d", i * 7919 % 10007);
		lists += seen_ask(s, "e/", name, 0, from) == SEEN_LIST;
	}
	CHECK(lists < 200);
	seen_free(s);
}

static void test_drop(void)
{
	struct seen *s = make();

	seen_put(s, "d/", "", NULL, 0, INT64_MAX);
	seen_put(s, "e/", "", NULL, 0, INT64_MAX);
	seen_drop(s, "d/");
	CHECK_INT(ask(s, "a", 1), SEEN_ALONE);
	CHECK_INT(seen_ask(s, "e/", "a", 1, from), SEEN_ABSENT);
	seen_clear(s);
	CHECK_INT(seen_ask(s, "e/", "a", 1, from), SEEN_ALONE);
	seen_free(s);
}

/* Neither directories nor stretches grow without bound. */
static void test_bound(void)
{
	struct seen *s = make();
	char dir[32], name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(dir, sizeof(dir), "%d/", i);
		seen_put(s, dir, "", NULL, 0, INT64_MAX);
	}
	CHECK_INT(seen_ask(s, "0/", "a", 1, from), SEEN_ALONE);
	CHECK_INT(seen_ask(s, "999/", "a", 1, from), SEEN_ABSENT);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%02d", i);
		snprintf(dir, sizeof(dir), "n%02dz", i);
		seen_put(s, "d/", name, dir, 0, INT64_MAX);
	}
	CHECK_INT(ask(s, "n99a", 1), SEEN_ABSENT);
	CHECK_INT(ask(s, "n00a", 1), SEEN_ALONE);
	seen_put(s, "d/", "", NULL, 0, INT64_MAX);
	CHECK_INT(ask(s, "n00a", 1), SEEN_ABSENT);
	seen_free(s);
}

static void test_off(void)
{
	struct seen *s = NULL;

	CHECK_INT(seen_new(0, &s), 0);
	seen_put(s, "d/", "", NULL, 0, INT64_MAX);
	seen_note_absent(s, "d/", 0);
	seen_note_absent(s, "d/", 0);
	CHECK_INT(ask(s, "a", 0), SEEN_NOTHING);
	seen_free(s);
}

int main(void)
{
	test_whole();
	test_edges();
	test_worth();
	test_long();
	test_row();
	test_drop();
	test_bound();
	test_off();
	return check_done();
}
