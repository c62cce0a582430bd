/* xattr_code.c - see xattr_i.h. */
#include "fs/xattr_i.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"

static bool is_plain_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

int xattr_name_encode(const char *name, struct buf *out)
{
	if (!*name)
		return out->error = -EINVAL;
	for (; *name; name++) {
		uint8_t c = (uint8_t)*name;

		if (is_plain_name(c))
			buf_addc(out, *name);
		else
			buf_addf(out, "%%%02x", c);
	}
	return out->error;
}

/* The byte that %XX at s stands for; -1 when it is none. */
static int escaped(const char *s, size_t left)
{
	uint8_t byte;
	char digits[3];

	if (left < 3 || s[0] != '%')
		return -1;
	memcpy(digits, s + 1, 2);
	digits[2] = '\0';
	return hex_decode(digits, &byte, 1) ? -1 : byte;
}

static int decode(const char *text, struct buf *out)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		int byte = escaped(text + i, n - i);

		if (byte >= 0)
			i += 2;
		buf_addc(out, byte >= 0 ? (char)byte : text[i]);
	}
	return out->error;
}

int xattr_name_decode(const char *header, struct buf *out)
{
	auto_with(buf_free) struct buf name;
	const char *shown;
	int r;

	buf_init(&name, BUF_LIMIT_SMALL);
	r = decode(header, &name);
	if (r)
		return r;
	/* a NUL cannot be in a name */
	shown = strlen(buf_str(&name)) == name.len ? buf_str(&name) : header;
	return buf_addf(out, "user.%s%s", strncmp(shown, "s3.", 3) ? "" : "s3.meta.", shown);
}

/* Must the byte at i be encoded whatever the others are? Headers lose blanks at their ends, and
 * some servers fold runs of them. */
static bool is_fragile(const char *p, size_t size, size_t i)
{
	if (p[i] == ' ')
		return i == 0 || i == size - 1 || p[i - 1] == ' ';
	return (uint8_t)p[i] < 0x20 || (uint8_t)p[i] > 0x7e || escaped(p + i, size - i) >= 0;
}

int xattr_value_encode(const void *value, size_t size, struct buf *out)
{
	const char *p = value;
	bool plain = true;

	for (size_t i = 0; i < size && plain; i++)
		plain = !is_fragile(p, size, i);
	for (size_t i = 0; i < size; i++) {
		if (plain || (!is_fragile(p, size, i) && p[i] != '%'))
			buf_addc(out, p[i]);
		else
			buf_addf(out, "%%%02X", (uint8_t)p[i]);
	}
	return out->error;
}

int xattr_value_decode(const char *text, struct buf *out)
{
	return decode(text, out);
}
