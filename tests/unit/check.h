/*
 * check.h - a harness for unit tests. A failed check prints file:line and what was got and wanted,
 * and the test goes on; main ends with "return check_done();": 0 ok, 1 failed. Tables name their
 * row with CHECK_CASE.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdio.h>
#include <string.h>

#include "base/base.h"

#ifdef CHECK_SHARED /* a program of several files; one of them has these */
extern int check_failures;
extern const char *check_case;
#else
static int check_failures;
static const char *check_case = "";
#endif

/* Names the row that the checks below are about; NULL or "" for none. */
#define CHECK_CASE(name) (check_case = (name))

#define CHECK(expr) check_true((expr), #expr, __FILE__, __LINE__)
/* Any integers, errors too: CHECK_INT(buf_add(...), -E2BIG) */
#define CHECK_INT(got, want)                                                                       \
	check_int((long long)(got), (long long)(want), #got, __FILE__, __LINE__)
/* Either may be NULL. */
#define CHECK_STR(got, want)	check_str((got), (want), #got, __FILE__, __LINE__)
#define CHECK_MEM(got, want, n) check_mem((got), (want), (n), #got, __FILE__, __LINE__)

static inline bool check_report(const char *file, int line)
{
	check_failures++;
	fprintf(stderr, "%s:%d: ", file, line);
	if (check_case && *check_case)
		fprintf(stderr, "[%s] ", check_case);
	return false;
}

static inline bool check_true(bool ok, const char *expr, const char *file, int line)
{
	if (ok)
		return true;
	check_report(file, line);
	fprintf(stderr, "%s is false\n", expr);
	return false;
}

static inline bool check_int(long long got, long long want, const char *expr, const char *file,
			     int line)
{
	if (got == want)
		return true;
	check_report(file, line);
	fprintf(stderr, "%s: got %lld, wanted %lld\n", expr, got, want);
	return false;
}

static inline bool check_str(const char *got, const char *want, const char *expr, const char *file,
			     int line)
{
	if (got && want ? strcmp(got, want) == 0 : got == want)
		return true;
	check_report(file, line);
	fprintf(stderr, "%s: got \"%s\", wanted \"%s\"\n", expr, got ? got : "(NULL)",
		want ? want : "(NULL)");
	return false;
}

static inline bool check_mem(const void *got, const void *want, size_t n, const char *expr,
			     const char *file, int line)
{
	const unsigned char *g = got, *w = want;

	for (size_t i = 0; i < n; i++) {
		if (g[i] == w[i])
			continue;
		check_report(file, line);
		fprintf(stderr, "%s: byte %zu: got %02x, wanted %02x\n", expr, i, g[i], w[i]);
		return false;
	}
	return true;
}

static inline int check_done(void)
{
	if (check_failures > 0)
		fprintf(stderr, "%d checks failed\n", check_failures);
	return check_failures > 0;
}

#endif
