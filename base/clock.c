#include "base/clock.h"

#include <errno.h>
#include <string.h>

/* What four digits of a year can say: 0001-01-01 to 9999-12-31. Beyond, formatting clamps. */
#define WALL_MIN_MS (-62135596800000)
#define WALL_MAX_MS 253402300799999

static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char DAYS[] = "SunMonTueWedThuFriSat";

static int64_t read_ms(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

struct timespec clock_wall_ts(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

int64_t clock_deadline(int64_t ms)
{
	int64_t deadline;

	if (ms < 0 || __builtin_add_overflow(clock_mono_ms(), ms, &deadline))
		return CLOCK_NEVER;
	return deadline;
}

/* The broken-down time and what is left of the second, in ms. */
static struct tm split(int64_t wall_ms, int *ret_ms)
{
	int64_t ms = max_of(WALL_MIN_MS, min_of(wall_ms, WALL_MAX_MS));
	int64_t rest = (ms % 1000 + 1000) % 1000;
	time_t t = (time_t)((ms - rest) / 1000);
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	*ret_ms = (int)rest;
	return tm;
}

static char *put_digits(char *dst, int v, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		dst[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return dst + n;
}

static char *put_char(char *dst, char c)
{
	*dst = c;
	return dst + 1;
}

void time_format_amz(int64_t wall_ms, char *dst)
{
	int ms;
	struct tm tm = split(wall_ms, &ms);

	time_format_amz_date(wall_ms, dst);
	dst = put_char(dst + 8, 'T');
	dst = put_digits(dst, tm.tm_hour, 2);
	dst = put_digits(dst, tm.tm_min, 2);
	dst = put_digits(dst, tm.tm_sec, 2);
	dst = put_char(dst, 'Z');
	*dst = '\0';
}

void time_format_amz_date(int64_t wall_ms, char *dst)
{
	int ms;
	struct tm tm = split(wall_ms, &ms);

	dst = put_digits(dst, tm.tm_year + 1900, 4);
	dst = put_digits(dst, tm.tm_mon + 1, 2);
	dst = put_digits(dst, tm.tm_mday, 2);
	*dst = '\0';
}

void time_format_iso(int64_t wall_ms, char *dst)
{
	int ms;
	struct tm tm = split(wall_ms, &ms);

	dst = put_digits(dst, tm.tm_year + 1900, 4);
	dst = put_char(dst, '-');
	dst = put_digits(dst, tm.tm_mon + 1, 2);
	dst = put_char(dst, '-');
	dst = put_digits(dst, tm.tm_mday, 2);
	dst = put_char(dst, 'T');
	dst = put_digits(dst, tm.tm_hour, 2);
	dst = put_char(dst, ':');
	dst = put_digits(dst, tm.tm_min, 2);
	dst = put_char(dst, ':');
	dst = put_digits(dst, tm.tm_sec, 2);
	dst = put_char(dst, '.');
	dst = put_digits(dst, ms, 3);
	dst = put_char(dst, 'Z');
	*dst = '\0';
}

/*
 * Reads s by a pattern: '0' in it stands for a digit, anything else for itself. Returns where s
 * goes on, or NULL. The pattern's length is fixed, so that the fields can then be read by their
 * offsets.
 */
static const char *expect(const char *s, const char *pattern)
{
	for (; *pattern; pattern++, s++) {
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return NULL;
	}
	return s;
}

static int number(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

/* Index of the three letters at s in a list of such, or -1. */
static int name_index(const char *list, const char *s)
{
	for (int i = 0; list[3 * i] != '\0'; i++) {
		if (strncmp(list + 3 * i, s, 3) == 0)
			return i;
	}
	return -1;
}

static int join(struct tm *tm, int64_t *ret_wall_ms)
{
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int days;

	if (year < 1 || tm->tm_mon < 0 || tm->tm_mon > 11)
		return -EINVAL;
	days = month_days[tm->tm_mon] + (leap && tm->tm_mon == 1 ? 1 : 0);
	/* 60 is a leap second; timegm makes it the next second. */
	if (tm->tm_mday < 1 || tm->tm_mday > days || tm->tm_hour > 23 || tm->tm_min > 59 ||
	    tm->tm_sec > 60)
		return -EINVAL;
	*ret_wall_ms = (int64_t)timegm(tm) * 1000;
	return 0;
}

int time_parse_iso(const char *s, int64_t *ret_wall_ms)
{
	const char *end = expect(s, "0000-00-00T00:00:00");
	struct tm tm = { 0 };
	int64_t whole;
	int ms = 0, weight = 100, r;

	if (!end)
		return -EINVAL;
	if (*end == '.') {
		if (!expect(++end, "0"))
			return -EINVAL;
		for (; *end >= '0' && *end <= '9'; end++, weight /= 10)
			ms += (*end - '0') * weight;
	}
	if (strcmp(end, "Z") != 0)
		return -EINVAL;
	tm.tm_year = number(s, 4) - 1900;
	tm.tm_mon = number(s + 5, 2) - 1;
	tm.tm_mday = number(s + 8, 2);
	tm.tm_hour = number(s + 11, 2);
	tm.tm_min = number(s + 14, 2);
	tm.tm_sec = number(s + 17, 2);
	r = join(&tm, &whole);
	if (r < 0)
		return r;
	*ret_wall_ms = whole + ms;
	return 0;
}

int time_parse_http(const char *s, int64_t *ret_wall_ms)
{
	struct tm tm = { 0 };
	const char *end;

	/* Sat, 31 Jan 2026 23:59:59 GMT; the weekday must be one, but not the right one. */
	if (name_index(DAYS, s) < 0 || !expect(s + 3, ", 00 "))
		return -EINVAL;
	tm.tm_mon = name_index(MONTHS, s + 8);
	if (tm.tm_mon < 0)
		return -EINVAL;
	end = expect(s + 11, " 0000 00:00:00 GMT");
	if (!end || *end != '\0')
		return -EINVAL;
	tm.tm_mday = number(s + 5, 2);
	tm.tm_year = number(s + 12, 4) - 1900;
	tm.tm_hour = number(s + 17, 2);
	tm.tm_min = number(s + 20, 2);
	tm.tm_sec = number(s + 23, 2);
	return join(&tm, ret_wall_ms);
}
