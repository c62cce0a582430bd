#include "base/clock.h"

#include <errno.h>

#include "tests/unit/check.h"

static void test_clocks(void)
{
	int64_t mono = clock_mono_ms(), wall = clock_wall_ms();
	struct timespec ts = clock_wall_ts();

	CHECK(clock_mono_ms() >= mono);
	CHECK(wall > 1700000000000);
	CHECK((int64_t)ts.tv_sec >= wall / 1000);
	CHECK(clock_deadline(1000) >= mono + 1000);
	CHECK(clock_deadline(0) >= mono);
	CHECK_INT(clock_deadline(-1), CLOCK_NEVER);
	CHECK_INT(clock_deadline(INT64_MAX), CLOCK_NEVER);
}

static void test_format(void)
{
	static const struct {
		int64_t ms;
		const char *amz, *iso;
	} cases[] = {
		{ 0, "19700101T000000Z", "1970-01-01T00:00:00.000Z" },
		{ 1769903999123, "20260131T235959Z", "2026-01-31T23:59:59.123Z" },
		{ 1709164800005, "20240229T000000Z", "2024-02-29T00:00:00.005Z" },
		{ -1, "19691231T235959Z", "1969-12-31T23:59:59.999Z" },
		{ INT64_MAX, "99991231T235959Z", "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "00010101T000000Z", "0001-01-01T00:00:00.000Z" },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		char amz[17], date[9], iso[32];

		CHECK_CASE(cases[i].iso);
		time_format_amz(cases[i].ms, amz);
		CHECK_STR(amz, cases[i].amz);
		time_format_amz_date(cases[i].ms, date);
		CHECK_MEM(date, cases[i].amz, 8);
		CHECK_INT(strlen(date), 8);
		time_format_iso(cases[i].ms, iso);
		CHECK_STR(iso, cases[i].iso);
	}
	CHECK_CASE("");
}

static void test_parse(int (*parse)(const char *s, int64_t *ret_ms), const char *s, int want,
		       int64_t ms)
{
	int64_t got = 77;

	CHECK_CASE(s);
	CHECK_INT(parse(s, &got), want);
	CHECK_INT(got, want ? 77 : ms);
	CHECK_CASE("");
}

static void test_iso(void)
{
	static const struct {
		const char *s;
		int want;
		int64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-01-31T23:59:59Z", 0, 1769903999000 },
		{ "2026-01-31T23:59:59.123Z", 0, 1769903999123 },
		{ "2026-01-31T23:59:59.5Z", 0, 1769903999500 },
		{ "2026-01-31T23:59:59.123987654Z", 0, 1769903999123 },
		{ "1969-12-31T23:59:59.999Z", 0, -1 },
		{ "2024-02-29T00:00:00Z", 0, 1709164800000 },
		{ "2000-02-29T00:00:00Z", 0, 951782400000 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800000 },
		{ "1900-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2023-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2023-00-01T00:00:00Z", -EINVAL, 0 },
		{ "2023-13-01T00:00:00Z", -EINVAL, 0 },
		{ "2023-04-31T00:00:00Z", -EINVAL, 0 },
		{ "2023-04-00T00:00:00Z", -EINVAL, 0 },
		{ "2023-04-01T24:00:00Z", -EINVAL, 0 },
		{ "2023-04-01T00:60:00Z", -EINVAL, 0 },
		{ "2023-04-01T00:00:61Z", -EINVAL, 0 },
		{ "0000-04-01T00:00:00Z", -EINVAL, 0 },
		{ "2023-04-01T00:00:00", -EINVAL, 0 },
		{ "2023-04-01T00:00:00.Z", -EINVAL, 0 },
		{ "2023-04-01T00:00:00+00:00", -EINVAL, 0 },
		{ "2023-04-01 00:00:00Z", -EINVAL, 0 },
		{ "2023-4-01T00:00:00Z", -EINVAL, 0 },
		{ "2023-04-01T00:00:00ZZ", -EINVAL, 0 },
		{ "-023-04-01T00:00:00Z", -EINVAL, 0 },
		{ "2023", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < array_size(cases); i++)
		test_parse(time_parse_iso, cases[i].s, cases[i].want, cases[i].ms);
}

static void test_http(void)
{
	static const struct {
		const char *s;
		int want;
		int64_t ms;
	} cases[] = {
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0 },
		{ "Sat, 31 Jan 2026 23:59:59 GMT", 0, 1769903999000 },
		{ "Thu, 29 Feb 2024 00:00:00 GMT", 0, 1709164800000 },
		{ "Xxx, 31 Jan 2026 23:59:59 GMT", -EINVAL, 0 },
		{ "Sat, 31 Jam 2026 23:59:59 GMT", -EINVAL, 0 },
		{ "Sat, 31 anF 2026 23:59:59 GMT", -EINVAL, 0 },
		{ "Sat, 32 Jan 2026 23:59:59 GMT", -EINVAL, 0 },
		{ "Sat, 1 Jan 2026 23:59:59 GMT", -EINVAL, 0 },
		{ "Sat, 31 Jan 2026 23:59:59 UTC", -EINVAL, 0 },
		{ "Sat, 31 Jan 2026 23:59:59 GMT ", -EINVAL, 0 },
		{ "Sat, 31 Jan 2026 23:59:59", -EINVAL, 0 },
		{ "Sat, 31 Ja", -EINVAL, 0 },
		{ "Sat, 31 ", -EINVAL, 0 },
		{ "Sat", -EINVAL, 0 },
		{ "S", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < array_size(cases); i++)
		test_parse(time_parse_http, cases[i].s, cases[i].want, cases[i].ms);
}

int main(void)
{
	test_clocks();
	test_format();
	test_iso();
	test_http();
	return check_done();
}
