/* Strings, encodings, time. */
#include "s3d.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <openssl/rand.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("s3d: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *x_malloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *x_calloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size));
}

void *x_realloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

char *x_strdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *x_strndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *x_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return checked(s);
}

static void buf_room(struct buf *b, size_t n)
{
	if (b->len + n + 1 <= b->cap)
		return;
	size_t cap = b->cap ? b->cap * 2 : 256;
	while (cap < b->len + n + 1)
		cap *= 2;
	b->p = x_realloc(b->p, cap);
	b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_room(b, n);
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = 0;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_room(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_url(struct buf *b, const char *s, size_t n, const char *keep, bool plus)
{
	static const char hex[] = "0123456789ABCDEF";

	buf_room(b, n * 3);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < 128 && (isalnum(c) || (c && strchr("-._~", c)) || (c && strchr(keep, c)))) {
			b->p[b->len++] = (char)c;
		} else if (c == ' ' && plus) {
			b->p[b->len++] = '+';
		} else {
			b->p[b->len++] = '%';
			b->p[b->len++] = hex[c >> 4];
			b->p[b->len++] = hex[c & 15];
		}
	}
	b->p[b->len] = 0;
}

char *buf_take(struct buf *b)
{
	char *p = b->p ? b->p : x_strdup("");

	*b = (struct buf){ 0 };
	return p;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void hex_encode(const uint8_t *in, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[in[i] >> 4];
		out[2 * i + 1] = hex[in[i] & 15];
	}
	out[2 * n] = 0;
}

char *b64_encode(const uint8_t *in, size_t n)
{
	char *out = x_malloc((n + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)out, in, (int)n);
	return out;
}

int b64_decode(const char *s, uint8_t *out, size_t want)
{
	uint8_t tmp[96];
	size_t n = strlen(s);

	if (n != (want + 2) / 3 * 4 || n > 120)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("+/=", s[i]))
			return -EINVAL;
	int got = EVP_DecodeBlock(tmp, (const unsigned char *)s, (int)n);
	if (got < 0 || (size_t)got < want)
		return -EINVAL;
	size_t pad = (3 - want % 3) % 3;
	for (size_t i = n - pad; i < n; i++)
		if (s[i] != '=')
			return -EINVAL;
	memcpy(out, tmp, want);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *url_decode(const char *s, size_t n, bool plus)
{
	char *out = x_malloc(n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%') {
			int hi = i + 1 < n ? hex_digit(s[i + 1]) : -1;
			int lo = i + 2 < n ? hex_digit(s[i + 2]) : -1;
			if (hi < 0 || lo < 0 || (hi | lo) == 0) {
				free(out);
				return NULL;
			}
			*o++ = (char)(hi << 4 | lo);
			i += 2;
		} else {
			*o++ = s[i] == '+' && plus ? ' ' : s[i];
		}
	}
	*o = 0;
	return out;
}

/* Length in bytes of the sequence at s, 0 if it is not UTF-8. */
static size_t utf8_sequence(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

bool utf8_valid(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	while (*u) {
		size_t n = utf8_sequence(u);
		if (!n)
			return false;
		u += n;
	}
	return true;
}

size_t utf16_length(const char *s)
{
	size_t n = 0;

	for (const unsigned char *u = (const unsigned char *)s; *u; u++)
		n += (*u & 0xc0) == 0x80 ? 0 : *u >= 0xf0 ? 2 : 1;
	return n;
}

static void random_bytes(uint8_t *out, size_t n)
{
	if (RAND_bytes(out, (int)n) != 1)
		abort();
}

void random_hex(char *out, size_t digits)
{
	uint8_t raw[32];

	random_bytes(raw, digits / 2);
	hex_encode(raw, digits / 2, out);
}

void random_id(char out[33])
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
	uint8_t raw[32];

	random_bytes(raw, sizeof(raw));
	for (size_t i = 0; i < 32; i++)
		out[i] = set[raw[i] & 63];
	out[32] = 0;
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void time_http(int64_t ms, char out[40])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

void time_iso(int64_t ms, char out[40])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S.", &tm);
	out[n++] = (char)('0' + ms / 100 % 10);
	out[n++] = (char)('0' + ms / 10 % 10);
	out[n++] = (char)('0' + ms % 10);
	out[n++] = 'Z';
	out[n] = 0;
}

int time_parse_iso_ns(const char *s, int64_t *ret_ns)
{
	struct tm tm = { 0 };
	const char *rest = strptime(s, "%Y%m%dT%H%M%SZ", &tm);
	int ns = 0;

	if (!rest || strlen(s) != 16) {
		tm = (struct tm){ 0 };
		rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
		if (!rest)
			return -EINVAL;
		if (*rest == '.') {
			int scale = 100000000;
			for (rest++; isdigit((unsigned char)*rest); rest++, scale /= 10)
				ns += (*rest - '0') * scale;
		}
		if (strcmp(rest, "Z") && strcmp(rest, "+00:00"))
			return -EINVAL;
	}
	*ret_ns = (int64_t)timegm(&tm) * 1000000000 + ns;
	return 0;
}

int time_parse_iso(const char *s, int64_t *ret_ms)
{
	int64_t ns;
	int rc = time_parse_iso_ns(s, &ns);

	if (!rc)
		*ret_ms = ns / 1000000;
	return rc;
}

int time_parse_http(const char *s, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *rest = strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!rest || *rest)
		return -EINVAL;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

int parse_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*s) && *s != '-')
		return -EINVAL;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno || *end || end == s || v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}
