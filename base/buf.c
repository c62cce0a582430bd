#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAP 64

void buf_init(struct buf *b, size_t limit)
{
	/* The ceiling keeps limit + 1 from overflowing. */
	*b = (struct buf){ .limit = min_of(limit, SIZE_MAX / 2) };
}

void buf_free(struct buf *b)
{
	size_t limit = b->limit;

	free(b->data);
	buf_init(b, limit);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

/* Makes room for n more bytes and the NUL. */
static int grow(struct buf *b, size_t n)
{
	size_t need, cap;
	char *data;

	if (b->error)
		return b->error;
	if (n > b->limit - b->len)
		return b->error = -E2BIG;
	need = b->len + n + 1;
	if (need <= b->cap)
		return 0;
	cap = max_of(b->cap, (size_t)FIRST_CAP);
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	/* Doubling may overshoot the limit by far; the NUL is the only byte beyond it. */
	cap = max_of(need, min_of(cap, b->limit + 1));
	data = realloc(b->data, cap);
	if (!data)
		return b->error = -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int r = grow(b, n);

	if (r < 0)
		return r;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int r, n;

	r = grow(b, 0);
	if (r < 0)
		return r;
	va_copy(again, ap);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	if (n < 0)
		r = b->error = errno == ENOMEM ? -ENOMEM : -E2BIG;
	else if ((size_t)n >= b->cap - b->len || (size_t)n > b->limit - b->len)
		r = grow(b, (size_t)n);
	else
		goto done;
	if (r == 0)
		n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
	else
		b->data[b->len] = '\0';
done:
	va_end(again);
	if (r == 0)
		b->len += (size_t)n;
	return r;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_addv(b, fmt, ap);
	va_end(ap);
	return r;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

int buf_take(struct buf *b, char **ret_s, size_t *ret_len)
{
	int r = grow(b, 0);

	if (r < 0)
		return r;
	b->data[b->len] = '\0';
	*ret_s = b->data;
	if (ret_len)
		*ret_len = b->len;
	buf_init(b, b->limit);
	return 0;
}

int str_format(char **ret_s, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	*ret_s = s;
	return 0;
}

bool str_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int str_dup(const char *s, char **ret_s)
{
	char *copy = NULL;

	if (s) {
		copy = strdup(s);
		if (!copy)
			return -ENOMEM;
	}
	*ret_s = copy;
	return 0;
}
