/* ranges.c - a set of bytes. See ranges.h. */
#include "fs/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ranges_free(struct ranges *s)
{
	free(s->r);
	*s = (struct ranges){ 0 };
}

/* The first range that ends at or after off (touching counts): where [off, ...) begins to matter.
 * */
static size_t first_touching(const struct ranges *s, uint64_t off)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->r[mid].end < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int have_place(struct ranges *s)
{
	size_t cap = s->cap ? s->cap * 2 : 8;
	struct s3_range *r;

	if (s->n < s->cap)
		return 0;
	r = realloc(s->r, cap * sizeof(*r));
	if (!r)
		return -ENOMEM;
	s->r = r;
	s->cap = cap;
	return 0;
}

int ranges_add(struct ranges *s, struct s3_range r)
{
	uint64_t were = 0;
	size_t i, j;

	if (r.start >= r.end)
		return 0;
	i = first_touching(s, r.start);
	for (j = i; j < s->n && s->r[j].start <= r.end; j++) {
		were += s->r[j].end - s->r[j].start;
		r.start = min_of(r.start, s->r[j].start);
		r.end = max_of(r.end, s->r[j].end);
	}
	if (i == j && have_place(s))
		return -ENOMEM;
	memmove(&s->r[i + 1], &s->r[j], (s->n - j) * sizeof(r));
	s->n = s->n - (j - i) + 1;
	s->r[i] = r;
	s->bytes += r.end - r.start - were;
	return 0;
}

void ranges_cut(struct ranges *s, uint64_t size)
{
	while (s->n && s->r[s->n - 1].end > size) {
		struct s3_range *last = &s->r[s->n - 1];

		if (last->start < size) {
			s->bytes -= last->end - size;
			last->end = size;
			return;
		}
		s->bytes -= last->end - last->start;
		s->n--;
	}
}

bool ranges_at(const struct ranges *s, uint64_t off, uint64_t max, uint64_t *ret_len)
{
	size_t i = first_touching(s, off);

	while (i < s->n && s->r[i].end <= off)
		i++;
	if (i < s->n && s->r[i].start <= off) {
		*ret_len = min_of(max, s->r[i].end - off);
		return true;
	}
	*ret_len = i < s->n ? min_of(max, s->r[i].start - off) : max;
	return false;
}
