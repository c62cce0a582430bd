/* clock.h - time. Milliseconds as int64_t everywhere; "mono" never jumps, "wall" is since 1970. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <time.h>

#include "base/base.h"

#define CLOCK_NEVER INT64_MAX

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);
struct timespec clock_wall_ts(void);
/* clock_mono_ms() + ms, saturating; ms < 0 means CLOCK_NEVER. */
int64_t clock_deadline(int64_t ms);

/* "20260131T235959Z" (16 characters, dst >= 17) and "20260131" (dst >= 9): SigV4's forms. */
void time_format_amz(int64_t wall_ms, char *dst);
void time_format_amz_date(int64_t wall_ms, char *dst);
/* "2026-01-31T23:59:59.123Z" (dst >= 32). */
void time_format_iso(int64_t wall_ms, char *dst);
/*
 * "2026-01-31T23:59:59[.123]Z" -> ms; and RFC 7231 "Sat, 31 Jan 2026 23:59:59 GMT" -> ms. -EINVAL.
 */
int time_parse_iso(const char *s, int64_t *ret_wall_ms) must_check;
int time_parse_http(const char *s, int64_t *ret_wall_ms) must_check;

#endif
