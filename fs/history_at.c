/*
 * history_at.c - the bucket as it was at a time: of each key the newest version that is not
 * younger, unless that is a delete marker. See history.h.
 *
 * S3 lists the versions of a key from the newest to the oldest, so the first one that is old enough
 * decides. A directory was there when a key below it was.
 */
#include <errno.h>
#include <string.h>

#include "fs/history_i.h"
#include "s3/list.h"

#define ASK_MIN 100 /* many versions may be too young */

struct find_version {
	int64_t at_ms;
	char *version; /* NULL: none */
	int error;
};

static int see_version(void *arg, const struct s3_entry *e)
{
	struct find_version *f = arg;

	if (e->mtime_ms > f->at_ms)
		return 0;
	if (!e->delete_marker)
		f->error = str_dup(e->version_id, &f->version);
	return 1;
}

int history_at_find(struct fs *fs, const char *key, char **ret_version)
{
	struct find_version f = { .at_ms = fs->conf.at_ms };
	int r = list_versions_of(fs->source, key, see_version, &f, NULL);

	if (r < 0 || f.error)
		return r < 0 ? r : f.error;
	if (!f.version)
		return -ENOENT;
	*ret_version = f.version;
	return 0;
}

static int was_there(struct fs *fs, const char *prefix)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };
	int r = history_at_keys(fs, prefix, NULL, NULL, 1, &p);

	return r ? r : p.n > 0;
}

/* m: the key that was looked at last. 1: e is to be shown. */
static int decide(struct fs *fs, struct history_mark *m, const struct s3_entry *e)
{
	if (e->is_prefix)
		return was_there(fs, e->key);
	if (!m->key || strcmp(m->key, e->key)) {
		char *key = NULL;

		if (str_dup(e->key, &key))
			return -ENOMEM;
		free(m->key);
		m->key = key;
		m->decided = false;
	}
	if (m->decided || e->mtime_ms > fs->conf.at_ms)
		return 0;
	m->decided = true;
	return !e->delete_marker;
}

/* Takes what is to be shown out of raw. */
static int filter(struct fs *fs, struct history_mark *m, struct s3_page *raw, struct s3_page *out)
{
	int r = 0;

	out->entries = calloc(raw->n ? raw->n : 1, sizeof(*out->entries));
	if (!out->entries)
		return -ENOMEM;
	for (size_t i = 0; i < raw->n && r >= 0; i++) {
		r = decide(fs, m, &raw->entries[i]);
		if (r > 0)
			history_page_add(out, &raw->entries[i], take_ptr(&raw->entries[i].key));
	}
	return r < 0 ? r : 0;
}

/* m says of the key in it whether it is decided; from now on it says where the next page begins. */
static void move_on(struct history_mark *m, struct s3_page *raw)
{
	m->decided = m->decided && m->key && raw->next_key && !strcmp(m->key, raw->next_key);
	free(m->key);
	free(m->version);
	m->key = take_ptr(&raw->next_key);
	m->version = take_ptr(&raw->next_version);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct s3_entry *)a)->key, ((const struct s3_entry *)b)->key);
}

/* One request's worth; *ret_more: there is more behind it. */
static int one_page(struct fs *fs, const char *prefix, const char *delimiter, unsigned max,
		    struct history_mark *m, struct s3_page *out)
{
	auto_with(s3_page_free) struct s3_page raw = { 0 };
	int r = list_versions(fs->source, prefix, delimiter, m->key, m->version, max, &raw, NULL);

	s3_page_free(out);
	if (!r)
		r = filter(fs, m, &raw, out);
	if (r)
		return r;
	out->truncated = raw.truncated;
	move_on(m, &raw);
	return 0;
}

int history_at_keys(struct fs *fs, const char *prefix, const char *delimiter, const char *token,
		    unsigned max, struct s3_page *ret_p)
{
	auto_with(history_mark_free) struct history_mark m = { 0 };
	auto_with(s3_page_free) struct s3_page out = { 0 };
	int r = history_mark_read(token, &m);

	do {
		if (!r)
			r = one_page(fs, prefix, delimiter, max_of(max, (unsigned)ASK_MIN), &m,
				     &out);
	} while (!r && !out.n && out.truncated);
	if (!r && out.truncated)
		r = history_mark_write(&m, &out.next_token);
	if (r)
		return r;
	qsort(out.entries, out.n, sizeof(*out.entries), compare_keys);
	*ret_p = out;
	memset(&out, 0, sizeof(out));
	return 0;
}
