#include "queue/scan_walk.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

int scan_walk_init(struct scan_walk *w, scan_list_fn *list, void *list_arg, const char *prefix,
		   const char *done_key)
{
	int err;

	*w = (struct scan_walk){ .list = list, .list_arg = list_arg, .prefix = prefix };
	err = str_dup(done_key, &w->done_key);
	err = err < 0 ? err : str_dup(done_key, &w->next_key);
	if (err < 0)
		scan_walk_free(w);
	return err;
}

void scan_walk_free(struct scan_walk *w)
{
	free(w->done_key);
	free(w->next_key);
	free(w->next_version);
	s3_page_free(&w->page);
	scan_key_free(&w->key);
	*w = (struct scan_walk){ 0 };
}

int scan_walk_load(struct scan_walk *w, struct s3_error *err)
{
	int r;

	if (w->loaded)
		return 0;
	r = w->list(w->list_arg, w->prefix, w->next_key, w->next_version, &w->page, err);
	if (r < 0)
		return r;
	w->loaded = true;
	w->at = 0;
	w->last = !w->page.truncated;
	w->seen += w->page.n;
	free(w->next_key);
	free(w->next_version);
	w->next_key = take_ptr(&w->page.next_key);
	w->next_version = take_ptr(&w->page.next_version);
	return 0;
}

static int add_version(struct scan_key *k, struct s3_entry *e)
{
	struct scan_version *v;

	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 4;
		struct scan_version *grown = reallocarray(k->versions, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		k->versions = grown;
		k->cap = cap;
	}
	if (!k->name && str_dup(e->key, &k->name) < 0)
		return -ENOMEM;
	v = &k->versions[k->n++];
	*v = (struct scan_version){
		.id = take_ptr(&e->version_id),
		.size = e->size,
		.mtime_ms = e->mtime_ms,
		.delete_marker = e->delete_marker,
		.latest = e->is_latest,
	};
	return 0;
}

static int end_key(struct scan_walk *w, int (*fn)(void *arg, struct scan_key *k), void *arg)
{
	int r;

	if (!w->key.name)
		return 0;
	r = fn(arg, &w->key);
	if (r < 0)
		return r;
	free(w->done_key);
	w->done_key = take_ptr(&w->key.name);
	scan_key_free(&w->key);
	return 0;
}

/* A server that takes the marker for the first key to be listed shows the last one again. */
static bool is_done(const struct scan_walk *w, const char *key)
{
	return w->done_key && strcmp(w->done_key, key) == 0;
}

int scan_walk_page(struct scan_walk *w, int (*fn)(void *arg, struct scan_key *k), void *arg)
{
	int r = 0;

	for (; r == 0 && w->at < w->page.n; w->at += r == 0) {
		struct s3_entry *e = &w->page.entries[w->at];

		if (is_done(w, e->key))
			continue;
		if (w->key.name && strcmp(w->key.name, e->key) != 0)
			r = end_key(w, fn, arg);
		r = r < 0 ? r : add_version(&w->key, e);
	}
	if (r == 0 && w->last)
		r = end_key(w, fn, arg);
	if (r < 0)
		return r;
	w->end = w->last;
	w->loaded = false;
	s3_page_free(&w->page);
	return 0;
}
