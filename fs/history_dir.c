/*
 * history_dir.c - directories of the versions view, listed. See history.h.
 *
 * The directory of "a/b" has two kinds of entries, and a listing two stages, each with its own
 * pages:
 *
 *  VERSIONS  the versions of the key "a/b", newest first
 *  NAMES     a directory for each name below "a/b/": of keys, by their versions, and of prefixes
 *
 * A name that is both, "a/b/c" and "a/b/c/", is given once: as the key, which comes first.
 */
#include <errno.h>
#include <string.h>

#include "fs/history_i.h"
#include "s3/list.h"

#define STAGE_VERSIONS 'v'
#define STAGE_NAMES    'n'
#define FIRST_VERSIONS 100 /* most keys have fewer; siblings that begin alike come along */

struct listing {
	struct fs *fs;
	const char *dir_key;	/* in the view; ends in '/' */
	const char *prefix;	/* in the bucket: "a/b/" */
	struct history_mark *m; /* where this page begins, then the next one */
	struct s3_page *out;
};

static int ask(const struct listing *l, const char *prefix, unsigned max, struct s3_page *ret_raw)
{
	int r = list_versions(l->fs->source, prefix, "/", l->m->key, l->m->version, max, ret_raw,
			      NULL);

	if (r)
		return r;
	l->out->entries = calloc(ret_raw->n ? ret_raw->n : 1, sizeof(*l->out->entries));
	return l->out->entries ? 0 : -ENOMEM;
}

static void next_mark(struct history_mark *m, char stage, struct s3_page *raw)
{
	free(m->key);
	free(m->version);
	m->stage = stage;
	m->key = raw ? take_ptr(&raw->next_key) : NULL;
	m->version = raw ? take_ptr(&raw->next_version) : NULL;
}

static int add_version(const struct listing *l, struct s3_entry *e)
{
	auto_free char *name = NULL;
	char *key = NULL;
	bool tied = l->m->tie_ms == e->mtime_ms;
	int r;

	l->m->tie = tied ? l->m->tie + 1 : 0;
	l->m->tie_ms = e->mtime_ms;
	r = history_name_write(e, l->m->tie, &name);
	if (!r)
		r = str_format(&key, "%s%s", l->dir_key, name);
	if (!r)
		history_page_add(l->out, e, key);
	return r;
}

static int list_the_versions(const struct listing *l)
{
	auto_with(s3_page_free) struct s3_page raw = { 0 };
	auto_free char *key = NULL;
	bool more;
	int r = str_format(&key, "%.*s", (int)strlen(l->prefix) - 1, l->prefix);

	if (!r)
		r = ask(l, key, l->m->key ? HISTORY_PAGE : FIRST_VERSIONS, &raw);
	for (size_t i = 0; i < raw.n && !r; i++)
		if (!strcmp(raw.entries[i].key, key))
			r = add_version(l, &raw.entries[i]);
	if (r)
		return r;
	more = raw.truncated && raw.next_key && !strcmp(raw.next_key, key);
	next_mark(l->m, more ? STAGE_VERSIONS : STAGE_NAMES, more ? &raw : NULL);
	l->out->truncated = true;
	return 0;
}

/* Was the prefix "a/b/c/" given already, as the key "a/b/c"? 1, 0. That key is on this page, or on
 * one before it, if those went so far. */
static int given_as_key(const struct listing *l, const struct s3_page *raw, const char *prefix)
{
	auto_with(s3_page_free) struct s3_page first = { 0 };
	auto_free char *key = NULL;
	size_t len = strlen(prefix) - 1;
	int r = str_format(&key, "%.*s", (int)len, prefix);

	for (size_t i = 0; i < raw->n && !r; i++)
		if (!strcmp(raw->entries[i].key, key))
			return 1;
	if (r || !l->m->key || strncmp(l->m->key, key, len))
		return r;
	r = list_versions(l->fs->source, key, NULL, NULL, NULL, 1, &first, NULL);
	return r ? r : first.n && !strcmp(first.entries[0].key, key);
}

/* Whose versions went on over the end of the last page, or are many on this one: given once. */
static bool given_before(const struct listing *l, const struct s3_page *raw, size_t i)
{
	const char *before = i ? raw->entries[i - 1].key : l->m->key;

	return before && !strcmp(before, raw->entries[i].key);
}

/* 1: e is to be shown. */
static int is_new_name(const struct listing *l, const struct s3_page *raw, size_t i)
{
	const struct s3_entry *e = &raw->entries[i];
	int r;

	if (!strcmp(e->key, l->prefix)) /* the directory's own marker */
		return 0;
	if (!e->is_prefix)
		return !given_before(l, raw, i);
	r = given_as_key(l, raw, e->key);
	return r < 0 ? r : !r;
}

static int add_name(const struct listing *l, const struct s3_entry *e)
{
	struct s3_entry dir = { .is_prefix = true };
	const char *name = e->key + strlen(l->prefix);
	char *key = NULL;
	int r = str_format(&key, "%s%s%s", l->dir_key, name, e->is_prefix ? "" : "/");

	if (!r)
		history_page_add(l->out, &dir, key);
	return r;
}

static int list_the_names(const struct listing *l)
{
	auto_with(s3_page_free) struct s3_page raw = { 0 };
	int r = ask(l, l->prefix, HISTORY_PAGE, &raw);

	for (size_t i = 0; i < raw.n && !r; i++) {
		r = is_new_name(l, &raw, i);
		if (r > 0)
			r = add_name(l, &raw.entries[i]);
	}
	if (r)
		return r;
	l->out->truncated = raw.truncated;
	next_mark(l->m, STAGE_NAMES, &raw);
	return 0;
}

int history_dir_keys(struct fs *fs, const char *dir_key, const char *token, struct s3_page *ret_p)
{
	auto_with(history_mark_free) struct history_mark m = { .stage = STAGE_VERSIONS };
	auto_with(s3_page_free) struct s3_page out = { 0 };
	auto_free char *prefix = NULL;
	struct listing l = { fs, dir_key, NULL, &m, &out };
	int r = history_real_prefix(fs, dir_key, &prefix);

	if (!r)
		r = history_mark_read(token, &m);
	if (r)
		return r;
	l.prefix = prefix;
	if (!strcmp(prefix, fs->conf.prefix)) /* the root is no key */
		m.stage = STAGE_NAMES;
	r = m.stage == STAGE_VERSIONS ? list_the_versions(&l) : list_the_names(&l);
	if (!r && out.truncated)
		r = history_mark_write(&m, &out.next_token);
	if (r)
		return r;
	*ret_p = out;
	memset(&out, 0, sizeof(out));
	return 0;
}

int history_find_dir(struct fs *fs, const char *dir_key)
{
	auto_with(s3_page_free) struct s3_page as_key = { 0 }, below = { 0 };
	auto_free char *prefix = NULL, *key = NULL;
	int r = history_real_prefix(fs, dir_key, &prefix);

	if (r || !strcmp(prefix, fs->conf.prefix))
		return r;
	r = str_format(&key, "%.*s", (int)strlen(prefix) - 1, prefix);
	/* The key itself is the first of all that begin with it. */
	if (!r)
		r = list_versions(fs->source, key, NULL, NULL, NULL, 1, &as_key, NULL);
	if (r || (as_key.n && (!strcmp(as_key.entries[0].key, key) ||
			       !strncmp(as_key.entries[0].key, prefix, strlen(prefix)))))
		return r;
	if (!as_key.n)
		return -ENOENT;
	r = list_versions(fs->source, prefix, NULL, NULL, NULL, 1, &below, NULL);
	return r ? r : below.n ? 0 : -ENOENT;
}
