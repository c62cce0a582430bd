/*
 * history_name.c - names of versions, and times. Pure.
 *
 *  2026-11-22T20:34:01.123Z~VERSIONID            a version
 *  2026-11-22T20:34:01.123Z~VERSIONID.deleted    a delete marker
 *
 * Names sort by time. S3 may tell times in whole seconds, so several versions can have the same
 * one: all but the newest of them then have three digits more, 999 for the one before it and so on
 * down. These digits say nothing else, and are not looked at when a name is read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "fs/history_i.h"

#define DELETED ".deleted"
#define TIE_MAX 999

void history_place_free(struct history_place *p)
{
	free(p->key);
	free(p->version);
	memset(p, 0, sizeof(*p));
}

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !memcmp(s + len - n, end, n);
}

/* A version id may hold any byte; and it must not look like a delete marker's. */
static int encode_version(const char *version, struct buf *out)
{
	size_t before = out->len, end = strlen(DELETED);
	int r = uri_encode(version, false, out);

	if (!r && ends_with(out->data + before, out->len - before, DELETED)) {
		out->len -= end;
		r = buf_addf(out, "%%2E%s", &DELETED[1]);
	}
	return r;
}

int history_name_write(const struct s3_entry *e, unsigned tie, char **ret_name)
{
	auto_with(buf_free) struct buf b;
	char time[32], digits[8] = "";

	buf_init(&b, BUF_LIMIT_SMALL);
	time_format_iso(e->mtime_ms, time);
	if (tie)
		snprintf(digits, sizeof(digits), "%03u",
			 TIE_MAX + 1 - min_of(tie, (unsigned)TIE_MAX));
	buf_addf(&b, "%.*s%sZ~", (int)strcspn(time, "Z"), time, digits);
	if (!b.error && encode_version(e->version_id ? e->version_id : "null", &b))
		return b.error;
	if (e->delete_marker)
		buf_adds(&b, DELETED);
	return buf_take(&b, ret_name, NULL);
}

int history_name_read(const char *name, struct history_place *ret_p)
{
	auto_with(buf_free) struct buf version;
	auto_free char *time = NULL;
	const char *id = strchr(name, '~');
	size_t len = id ? strlen(++id) : 0;
	bool deleted = id && ends_with(id, len, DELETED);
	int64_t ms;
	int r;

	buf_init(&version, BUF_LIMIT_SMALL);
	if (!id || str_format(&time, "%.*s", (int)(id - 1 - name), name) ||
	    time_parse_iso(time, &ms))
		return -EINVAL;
	if (deleted)
		len -= strlen(DELETED);
	r = len ? uri_decode(id, len, false, &version) : -EINVAL;
	if (!r)
		r = buf_take(&version, &ret_p->version, NULL);
	if (r)
		return r;
	ret_p->mtime_ms = ms;
	ret_p->deleted = deleted;
	return 0;
}

/* --- times ------------------------------------------------------------------------------------ */

static bool two_digits(const char **p, unsigned *ret_v)
{
	const char *s = *p;

	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret_v = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	*p = s + 2;
	return true;
}

/* "Z", "+HH", "+HH:MM", "+HHMM" at the end of s, cut off; *ret_ms is what to take from the time. */
static bool cut_zone(char *s, int64_t *ret_ms)
{
	size_t len = strlen(s), at = strcspn(s, "T ");
	char *sign = s + at + strcspn(s + at, "+-");
	const char *p = sign + 1;
	unsigned hours = 0, minutes = 0;

	if (len && s[len - 1] == 'Z') {
		s[len - 1] = '\0';
		*ret_ms = 0;
		return true;
	}
	if (!*sign)
		return false;
	if (!two_digits(&p, &hours))
		return false;
	p += *p == ':';
	if (*p && !two_digits(&p, &minutes))
		return false;
	if (*p || hours > 23 || minutes > 59)
		return false;
	*ret_ms = (int64_t)(hours * 60 + minutes) * 60000 * (*sign == '-' ? -1 : 1);
	*sign = '\0';
	return true;
}

/* The moment at which clocks here show what they show in UTC at ms. */
static int from_local(int64_t ms, int64_t *ret_ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return -EINVAL;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	*ret_ms = (int64_t)seconds * 1000 + ms % 1000;
	return 0;
}

static int parse_epoch(const char *s, int64_t *ret_ms)
{
	int64_t seconds;

	if (parse_i64(s, &seconds) || seconds < 0 || seconds > INT32_MAX * INT64_C(100))
		return -EINVAL;
	*ret_ms = seconds * 1000;
	return 0;
}

int history_time_parse(const char *s, int64_t *ret_ms)
{
	static const char rest[] = "0000-00-00T00:00:00";
	auto_free char *text = NULL, *whole = NULL;
	int64_t ms, zone = 0;
	bool zoned;
	size_t len;

	if (*s == '@')
		return parse_epoch(s + 1, ret_ms);
	if (str_dup(s, &text))
		return -ENOMEM;
	zoned = cut_zone(text, &zone);
	len = strlen(text);
	if (len > 10 && text[10] == ' ')
		text[10] = 'T';
	/* what is left out is zero: minutes and seconds, or the whole time of the day */
	if (len != 10 && len != 16 && len < 19)
		return -EINVAL;
	if (str_format(&whole, "%s%sZ", text, len < 19 ? rest + len : ""))
		return -ENOMEM;
	if (time_parse_iso(whole, &ms))
		return -EINVAL;
	if (zoned) {
		*ret_ms = ms - zone;
		return 0;
	}
	return from_local(ms, ret_ms);
}
