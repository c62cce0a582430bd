/* job_base.c - what a version has in common with the one that it was made of. See job.h. */
#include "queue/job_base.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"

void job_base_free(struct job_base *b)
{
	free(b->key);
	free(b->version);
	free(b->etag);
	free(b->own);
	*b = (struct job_base){ 0 };
}

int job_base_copy(struct job_base *dst, const struct job_base *src)
{
	struct job_base n = { .size = src->size, .shown = src->shown, .own_n = src->own_n };
	int r = str_dup(src->key, &n.key);

	r = r < 0 ? r : str_dup(src->version, &n.version);
	r = r < 0 ? r : str_dup(src->etag, &n.etag);
	if (r == 0 && src->own_n > 0) {
		n.own = calloc(src->own_n, sizeof(*n.own));
		r = n.own ? 0 : -ENOMEM;
	}
	if (r < 0) {
		job_base_free(&n);
		return r;
	}
	if (n.own)
		memcpy(n.own, src->own, n.own_n * sizeof(*n.own));
	job_base_free(dst);
	*dst = n;
	return 0;
}

bool job_base_owns(const struct job_base *b, uint64_t off, uint64_t max, uint64_t *ret_len)
{
	size_t i = 0;

	while (i < b->own_n && b->own[i].end <= off)
		i++;
	if (i < b->own_n && b->own[i].start <= off) {
		*ret_len = min_of(max, b->own[i].end - off);
		return true;
	}
	*ret_len = i < b->own_n ? min_of(max, b->own[i].start - off) : max;
	return false;
}

bool job_base_has(const struct job_base *b, struct s3_range r)
{
	uint64_t len;

	if (!b->key || r.start >= r.end || r.end > b->shown)
		return false;
	return !job_base_owns(b, r.start, r.end - r.start, &len) && len == r.end - r.start;
}

bool job_base_is_whole(const struct job_base *b, uint64_t size)
{
	return b->key && b->own_n == 0 && b->shown == size && b->size == size;
}

bool job_base_may_be(const char *etag, const char *copy)
{
	return !etag || !copy || !strchr(etag, '-') != !strchr(copy, '-') ||
	       strcmp(etag, copy) == 0;
}

void job_base_to_json(const struct job_base *b, struct json_out *j)
{
	if (!b->key)
		return;
	json_open(j, "base", '{');
	json_str(j, "key", b->key);
	json_str(j, "version", b->version);
	json_str(j, "etag", b->etag);
	json_u64(j, "size", b->size);
	json_u64(j, "shown", b->shown);
	if (b->own_n > 0) {
		json_open(j, "own", '[');
		for (size_t i = 0; i < b->own_n; i++) {
			json_u64(j, NULL, b->own[i].start);
			json_u64(j, NULL, b->own[i].end);
		}
		json_close(j, ']');
	}
	json_close(j, '}');
}

static int read_u64(const struct doc_node *n, uint64_t *ret_v)
{
	return n && n->kind == DOC_NUMBER && parse_u64(n->text, ret_v) == 0 ? 0 : -EINVAL;
}

static int read_text(const struct doc_node *root, const char *name, char **ret_v)
{
	const struct doc_node *n = doc_child(root, name);

	if (!n || (n->kind != DOC_STRING && n->kind != DOC_NULL))
		return -EINVAL;
	return str_dup(n->kind == DOC_NULL ? NULL : n->text, ret_v);
}

/* Pairs of offsets that rise. */
static int read_own(const struct doc_node *root, struct job_base *b)
{
	size_t n = doc_count(root, "own");
	const struct doc_node *at = doc_child(root, "own");
	uint64_t last = 0;

	if (n == 0)
		return 0;
	if (n % 2 != 0)
		return -EINVAL;
	b->own = calloc(n / 2, sizeof(*b->own));
	if (!b->own)
		return -ENOMEM;
	for (size_t i = 0; i < n / 2; i++) {
		struct s3_range *r = &b->own[i];
		int err = read_u64(at, &r->start);

		at = doc_next_same(at);
		err = err < 0 ? err : read_u64(at, &r->end);
		at = doc_next_same(at);
		if (err < 0 || r->start < last || r->end <= r->start)
			return -EINVAL;
		last = r->end;
	}
	b->own_n = n / 2;
	return 0;
}

int job_base_from_json(const struct doc_node *root, struct job_base *ret_b)
{
	const struct doc_node *n = doc_child(root, "base");
	struct job_base b = { 0 };
	int r;

	if (!n)
		return 0;
	r = n->kind == DOC_OBJECT ? read_text(n, "key", &b.key) : -EINVAL;
	r = r < 0 ? r : read_text(n, "version", &b.version);
	r = r < 0 ? r : read_text(n, "etag", &b.etag);
	r = r < 0 ? r : read_u64(doc_child(n, "size"), &b.size);
	r = r < 0 ? r : read_u64(doc_child(n, "shown"), &b.shown);
	r = r < 0 ? r : read_own(n, &b);
	if (r == 0 && !b.key)
		r = -EINVAL;
	if (r < 0) {
		job_base_free(&b);
		return r;
	}
	*ret_b = b;
	return 0;
}
