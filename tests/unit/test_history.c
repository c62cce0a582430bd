#include "fs/history_i.h"

#include <errno.h>
#include <time.h>

#include "tests/unit/check.h"

#define NOON 1780315200123 /* 2026-06-01T12:00:00.123Z */

static void test_names(void)
{
	static const struct {
		const char *version;
		bool deleted;
		unsigned tie;
		const char *name;
	} rows[] = {
		{ "abc.D-e_f", false, 0, "2026-06-01T12:00:00.123Z~abc.D-e_f" },
		{ NULL, false, 0, "2026-06-01T12:00:00.123Z~null" },
		{ "abc", true, 0, "2026-06-01T12:00:00.123Z~abc.deleted" },
		{ "abc", false, 1, "2026-06-01T12:00:00.123999Z~abc" },
		{ "abc", false, 2, "2026-06-01T12:00:00.123998Z~abc" },
		{ "abc", false, 5000, "2026-06-01T12:00:00.123001Z~abc" },
		{ "3/a b%\x01\xff+", true, 0,
		  "2026-06-01T12:00:00.123Z~3%2Fa%20b%25%01%FF%2B.deleted" },
		{ "x.deleted", false, 0, "2026-06-01T12:00:00.123Z~x%2Edeleted" },
		{ ".deleted", true, 0, "2026-06-01T12:00:00.123Z~%2Edeleted.deleted" },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		const struct s3_entry e = { .version_id = (char *)(uintptr_t)rows[i].version,
					    .mtime_ms = NOON,
					    .delete_marker = rows[i].deleted };
		auto_with(history_place_free) struct history_place p = { 0 };
		auto_free char *name = NULL;

		CHECK_CASE(rows[i].name);
		CHECK_INT(history_name_write(&e, rows[i].tie, &name), 0);
		CHECK_STR(name, rows[i].name);
		CHECK_INT(history_name_read(rows[i].name, &p), 0);
		CHECK_STR(p.version, rows[i].version ? rows[i].version : "null");
		CHECK_INT(p.mtime_ms, NOON);
		CHECK_INT(p.deleted, rows[i].deleted);
	}
}

static void test_order(void)
{
	/* newest first, as a listing gives them: each name sorts before that of the one before it */
	static const int64_t times[] = { NOON + 1, NOON, NOON, NOON, NOON - 1 };
	static const unsigned ties[] = { 0, 0, 1, 2, 0 };
	static const char *const ids[] = { "e", "a", "z", "b", "c" };
	auto_free char *newer = NULL;

	for (size_t i = 0; i < array_size(times); i++) {
		const struct s3_entry e = { .version_id = (char *)(uintptr_t)ids[i],
					    .mtime_ms = times[i] };
		char *name = NULL;

		CHECK_CASE(ids[i]);
		CHECK_INT(history_name_write(&e, ties[i], &name), 0);
		CHECK(!newer || strcmp(name, newer) < 0);
		free(newer);
		newer = name;
	}
}

static void test_no_names(void)
{
	static const char *const rows[] = {
		"",
		"~",
		"file.txt",
		"2026-06-01T12:00:00.123Z",
		"2026~x",
		"2026-06-01T12:00:00.123Z~",
		"~backup",
		"2026-06-01T12:00:00.123Z~.deleted",
		"2026-06-01T12:00:00.123Z~%zz",
		"2026-06-01T12:00:00.123Z~a%00b",
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct history_place p = { 0 };

		CHECK_CASE(rows[i]);
		CHECK_INT(history_name_read(rows[i], &p), -EINVAL);
		CHECK(!p.version);
	}
}

static void test_marks(void)
{
	const struct history_mark rows[] = {
		{ .stage = 'v' },
		{ .stage = 'n', .decided = true, .tie = 7, .tie_ms = NOON },
		{ .stage = 'n', .key = (char[]){ "a b/c:\n" }, .version = (char[]){ "1:2 3" } },
		{ .stage = 'n', .key = (char[]){ "7:a" } },
	};
	struct history_mark none = { 0 };

	for (size_t i = 0; i < array_size(rows); i++) {
		auto_with(history_mark_free) struct history_mark m = { 0 };
		auto_free char *token = NULL;

		CHECK_CASE(rows[i].key);
		CHECK_INT(history_mark_write(&rows[i], &token), 0);
		CHECK_INT(history_mark_read(token, &m), 0);
		CHECK_INT(m.stage, rows[i].stage);
		CHECK_INT(m.decided, rows[i].decided);
		CHECK_INT(m.tie, rows[i].tie);
		CHECK_INT(m.tie_ms, rows[i].tie_ms);
		CHECK_STR(m.key, rows[i].key);
		CHECK_STR(m.version, rows[i].version);
	}
	CHECK_INT(history_mark_read(NULL, &none), 0);
	CHECK(!none.key);
	CHECK_INT(history_mark_read("n1 0 0 9:abc", &none), -EINVAL);
}

static void test_places(void)
{
	static const struct {
		const char *prefix, *dir, *key, *place, *version;
		bool holds;
		int r;
	} rows[] = {
		{ "", ".versions", "a", "a", NULL, false, 0 },
		{ "", ".versions", ".versions", ".versions", NULL, false, 0 },
		{ "", ".versions", ".versionsx/a", ".versionsx/a", NULL, false, 0 },
		{ "", ".versions", "a/.versions/b", "a/.versions/b", NULL, false, 0 },
		{ "", ".versions", ".versions/a", NULL, NULL, true, -ENOENT },
		{ "", ".versions", ".versions/2026-06-01T12:00:00Z~v", NULL, NULL, true, -ENOENT },
		{ "", ".versions", ".versions/a/b/2026-06-01T12:00:00Z~v", "a/b", "v", true, 0 },
		{ "p/q/", "old", "p/q/old/b/2026-06-01T12:00:00Z~v", "p/q/b", "v", true, 0 },
		{ "p/q/", "old", "old/b/2026-06-01T12:00:00Z~v", "old/b/2026-06-01T12:00:00Z~v",
		  NULL, false, 0 },
		{ "", NULL, ".versions/a/2026-06-01T12:00:00Z~v",
		  ".versions/a/2026-06-01T12:00:00Z~v", NULL, false, 0 },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		const struct fs fs = { .conf = { .prefix = rows[i].prefix,
						 .versions_dir = rows[i].dir } };
		auto_with(history_place_free) struct history_place p = { 0 };

		CHECK_CASE(rows[i].key);
		CHECK_INT(history_holds(&fs, rows[i].key), rows[i].holds);
		CHECK_INT(history_place(&fs, rows[i].key, &p), rows[i].r);
		CHECK_STR(p.key, rows[i].place);
		CHECK_STR(p.version, rows[i].version);
	}
}

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{ "2026-06-01T12:00:00.123Z", NOON },
		{ "2026-06-01T12:00:00Z", NOON - 123 },
		{ "2026-06-01 12:00:00Z", NOON - 123 },
		{ "2026-06-01T12:00Z", NOON - 123 },
		{ "2026-06-01T14:00+02:00", NOON - 123 },
		{ "2026-06-01T14:00:00+0200", NOON - 123 },
		{ "2026-06-01T06:30:00.123-0530", NOON },
		{ "2026-06-01T13+01", -1 },
		/* the test's zone is three hours before UTC */
		{ "2026-06-01T09:00:00.123", NOON },
		{ "2026-06-01T09:00", NOON - 123 },
		{ "2026-06-01", NOON - 123 - INT64_C(9) * 3600 * 1000 },
		{ "@1780315200", NOON - 123 },
		{ "@0", 0 },
		{ "@-1", -1 },
		{ "@", -1 },
		{ "", -1 },
		{ "yesterday", -1 },
		{ "2026-13-01", -1 },
		{ "2026-06-31T00:00", -1 },
		{ "2026-06-01T12", -1 },
		{ "2026-06-01T12:00:00+25:00", -1 },
		{ "2026-06-01T12:00:00+01:00x", -1 },
		{ "2026-06-01T12:00:00Zx", -1 },
		{ "2026-06-01Z", NOON - 123 - INT64_C(12) * 3600 * 1000 },
	};

	setenv("TZ", "XXX+3", 1);
	tzset();
	for (size_t i = 0; i < array_size(rows); i++) {
		int64_t ms = -1;

		CHECK_CASE(rows[i].text);
		CHECK_INT(history_time_parse(rows[i].text, &ms), rows[i].ms < 0 ? -EINVAL : 0);
		CHECK_INT(ms, rows[i].ms);
	}
}

int main(void)
{
	test_names();
	test_order();
	test_no_names();
	test_marks();
	test_places();
	test_times();
	return check_done();
}
