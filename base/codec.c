#include "base/codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static const char HEX_LOWER[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void hex_encode(const void *p, size_t n, char *dst)
{
	const uint8_t *s = p;

	for (size_t i = 0; i < n; i++) {
		*dst++ = HEX_LOWER[s[i] >> 4];
		*dst++ = HEX_LOWER[s[i] & 15];
	}
	*dst = '\0';
}

int hex_decode(const char *s, void *dst, size_t n)
{
	uint8_t *d = dst;

	/* All is checked first, so that dst is untouched on failure. */
	for (size_t i = 0; i < 2 * n; i++) {
		if (hex_value(s[i]) < 0)
			return -EINVAL;
	}
	if (s[2 * n] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		d[i] = (uint8_t)(hex_value(s[2 * i]) << 4 | hex_value(s[2 * i + 1]));
	return 0;
}

int base64_encode(const void *p, size_t n, struct buf *out)
{
	const uint8_t *s = p;

	while (n > 0) {
		size_t step = min_of(n, (size_t)3);
		uint32_t v = (uint32_t)s[0] << 16;
		char quad[4];

		if (n > 1)
			v |= (uint32_t)s[1] << 8;
		if (n > 2)
			v |= s[2];
		quad[0] = BASE64[v >> 18];
		quad[1] = BASE64[v >> 12 & 63];
		quad[2] = n > 1 ? BASE64[v >> 6 & 63] : '=';
		quad[3] = n > 2 ? BASE64[v & 63] : '=';
		buf_add(out, quad, sizeof(quad));
		s += step;
		n -= step;
	}
	return out->error;
}

static int base64_value(char c)
{
	const char *at = c ? strchr(BASE64, c) : NULL;

	return at ? (int)(at - BASE64) : -1;
}

/* Decodes four characters; returns the bytes they hold, 1 to 3, or -EINVAL. */
static int base64_quad(const char *s, bool last, uint8_t dst[3])
{
	int pad = 0;
	uint32_t v = 0;

	if (last && s[3] == '=')
		pad = s[2] == '=' ? 2 : 1;
	for (int i = 0; i < 4; i++) {
		int digit = i < 4 - pad ? base64_value(s[i]) : 0;

		if (digit < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)digit;
	}
	dst[0] = (uint8_t)(v >> 16);
	dst[1] = (uint8_t)(v >> 8);
	dst[2] = (uint8_t)v;
	/* Bits that no byte holds must be zero: one text for one value. */
	if ((pad == 2 && dst[1] != 0) || (pad > 0 && dst[2] != 0))
		return -EINVAL;
	return 3 - pad;
}

/* Takes back what was added after len. */
static int cut_back(struct buf *b, size_t len, int error)
{
	if (b->data) {
		b->len = len;
		b->data[len] = '\0';
	}
	return error;
}

int base64_decode(const char *s, struct buf *out)
{
	size_t n = strlen(s), start = out->len;

	if (n % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 4) {
		uint8_t bytes[3];
		int k = base64_quad(s + i, i + 4 == n, bytes);

		if (k < 0)
			return cut_back(out, start, k);
		buf_add(out, bytes, (size_t)k);
	}
	return out->error;
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int uri_encode(const char *s, bool keep_slash, struct buf *out)
{
	for (; *s; s++) {
		if (is_unreserved(*s) || (*s == '/' && keep_slash)) {
			buf_addc(out, *s);
		} else {
			char escape[3] = { '%', HEX_UPPER[(uint8_t)*s >> 4],
					   HEX_UPPER[(uint8_t)*s & 15] };

			buf_add(out, escape, sizeof(escape));
		}
	}
	return out->error;
}

int uri_decode(const char *s, size_t n, bool plus_is_space, struct buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = n - i > 2 ? hex_value(s[i + 1]) : -1;
			int low = n - i > 2 ? hex_value(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return cut_back(out, start, -EINVAL);
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0')
			return cut_back(out, start, -EINVAL);
		buf_addc(out, c);
	}
	return out->error;
}

/*
 * Digits up to the first other character; *ret_end is where they end. -EINVAL when there are none.
 */
static int parse_digits(const char *s, uint64_t *ret_v, const char **ret_end)
{
	uint64_t v = 0;
	bool over = false;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		over |= __builtin_mul_overflow(v, (uint64_t)10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	}
	if (p == s)
		return -EINVAL;
	*ret_end = p;
	*ret_v = v;
	return over ? -ERANGE : 0;
}

int parse_u64(const char *s, uint64_t *ret_v)
{
	const char *end = s;
	uint64_t v;
	int r = parse_digits(s, &v, &end);

	if (*end != '\0')
		return -EINVAL;
	if (r < 0)
		return r;
	*ret_v = v;
	return 0;
}

int parse_i64(const char *s, int64_t *ret_v)
{
	bool minus = *s == '-';
	uint64_t v, most = (uint64_t)INT64_MAX + (minus ? 1 : 0);
	int r = parse_u64(minus ? s + 1 : s, &v);

	if (r < 0)
		return r;
	if (v > most)
		return -ERANGE;
	if (minus && v > 0)
		*ret_v = -(int64_t)(v - 1) - 1;
	else
		*ret_v = (int64_t)v;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_v)
{
	static const char UNITS[] = "KMGT";
	const char *end = s, *unit;
	uint64_t v = 0;
	unsigned shift = 0;
	int r = parse_digits(s, &v, &end);

	if (r == -EINVAL)
		return r;
	if (*end != '\0') {
		unit = strchr(UNITS, toupper((unsigned char)*end));
		if (!unit || (end[1] != '\0' && strcmp(end + 1, "iB") != 0))
			return -EINVAL;
		shift = 10 * (unsigned)(unit - UNITS + 1);
	}
	if (r < 0 || v > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_v = v << shift;
	return 0;
}

int parse_bool(const char *s, bool *ret_v)
{
	static const char *const yes[] = { "yes", "true", "1", "on" };
	static const char *const no[] = { "no", "false", "0", "off" };

	for (size_t i = 0; i < array_size(yes); i++) {
		if (strcasecmp(s, yes[i]) == 0) {
			*ret_v = true;
			return 0;
		}
		if (strcasecmp(s, no[i]) == 0) {
			*ret_v = false;
			return 0;
		}
	}
	return -EINVAL;
}

void format_size(uint64_t v, char *dst, size_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t unit = 1, whole, tenths;
	size_t i = 0;

	while (v / unit >= 1024 && i + 1 < array_size(units)) {
		unit *= 1024;
		i++;
	}
	if (i == 0) {
		snprintf(dst, n, "%llu B", (unsigned long long)v);
		return;
	}
	whole = v / unit;
	tenths = (v % unit * 10 + unit / 2) / unit;
	if (tenths == 10) {
		whole++;
		tenths = 0;
	}
	if (whole == 1024 && i + 1 < array_size(units)) {
		whole = 1;
		i++;
	}
	snprintf(dst, n, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)tenths,
		 units[i]);
}

int random_hex(size_t n, char *dst)
{
	uint8_t bytes[32];
	size_t got = 0;

	if (n > sizeof(bytes))
		return -EINVAL;
	while (got < n) {
		ssize_t k = getrandom(bytes + got, n - got, 0);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0)
			got += (size_t)k;
	}
	hex_encode(bytes, n, dst);
	return 0;
}

size_t utf8_step(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	/*
	 * Unicode 15, table 3-7: the second byte's range is what rules out overlong forms and
	 * surrogates.
	 */
	if (p[0] == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return n;
}

bool utf8_valid(const char *s)
{
	while (*s) {
		size_t k = utf8_step(s);

		if (k == 0)
			return false;
		s += k;
	}
	return true;
}

size_t utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((uint8_t)*s & 0xc0) != 0x80;
	return n;
}

/* U+0000..1F, U+7F and U+80..9F, which terminals obey as well. */
static bool is_control(const char *s, size_t k)
{
	uint8_t first = (uint8_t)s[0];

	return k == 1 ? first < 0x20 || first == 0x7f : first == 0xc2 && (uint8_t)s[1] < 0xa0;
}

const char *printable(const char *s, char *dst, size_t n)
{
	size_t at = 0;

	if (n == 0)
		return "";
	for (s = s ? s : "(null)"; *s;) {
		size_t k = utf8_step(s), room = n - 1 - at;

		if (k > 0 && !is_control(s, k)) {
			if (k > room)
				break;
			memcpy(dst + at, s, k);
			at += k;
			s += k;
			continue;
		}
		if (room < 4)
			break;
		dst[at++] = '\\';
		dst[at++] = 'x';
		dst[at++] = HEX_LOWER[(uint8_t)*s >> 4];
		dst[at++] = HEX_LOWER[(uint8_t)*s & 15];
		s++;
	}
	dst[at] = '\0';
	return dst;
}
