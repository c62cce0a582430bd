/* history.c - the views of a mount, told apart. See history.h. */
#include "fs/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/history_i.h"
#include "fs/path.h"
#include "s3/list.h"
#include "s3/object.h"

/* --- keys ------------------------------------------------------------------------------------- */

/* What follows the versions directory in a key of its view; NULL when key is not in it. */
static const char *below_top(const struct fs *fs, const char *key)
{
	const char *dir = fs->conf.versions_dir;
	size_t n = strlen(fs->conf.prefix), len = dir ? strlen(dir) : 0;

	if (!dir || strncmp(key, fs->conf.prefix, n) || strncmp(key + n, dir, len) ||
	    key[n + len] != '/')
		return NULL;
	return key + n + len + 1;
}

bool history_holds(const struct fs *fs, const char *key)
{
	return below_top(fs, key) != NULL;
}

bool history_is_top(const struct fs *fs, const char *dir_key, const char *name)
{
	const char *dir = fs->conf.versions_dir;

	return dir && !strcmp(dir_key, fs->conf.prefix) && !strcmp(name, dir);
}

int history_real_prefix(const struct fs *fs, const char *dir_key, char **ret_prefix)
{
	return str_format(ret_prefix, "%s%s", fs->conf.prefix, below_top(fs, dir_key));
}

int history_place(const struct fs *fs, const char *key, struct history_place *ret_p)
{
	auto_with(history_place_free) struct history_place p = { 0 };
	const char *rest = below_top(fs, key), *name = rest ? strrchr(rest, '/') : NULL;
	int r;

	if (!rest)
		return str_dup(key, &ret_p->key);
	if (!name || name == rest)
		return -ENOENT;
	r = history_name_read(name + 1, &p);
	if (!r)
		r = str_format(&p.key, "%s%.*s", fs->conf.prefix, (int)(name - rest), rest);
	if (r)
		return r == -EINVAL ? -ENOENT : r;
	*ret_p = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

struct find_marker {
	const struct history_place *p;
	bool found;
};

static int see_marker(void *arg, const struct s3_entry *e)
{
	struct find_marker *f = arg;

	f->found = e->delete_marker && e->mtime_ms == f->p->mtime_ms && e->version_id &&
		   !strcmp(e->version_id, f->p->version);
	return f->found;
}

/* There is no HEAD of a delete marker that all servers answer alike. */
static int head_marker(struct fs *fs, const struct history_place *p, struct s3_info *ret_i)
{
	struct find_marker f = { .p = p };
	int r = list_versions_of(fs->source, p->key, see_marker, &f, NULL);

	if (r < 0)
		return r;
	if (!f.found)
		return -ENOENT;
	*ret_i = (struct s3_info){ .delete_marker = true, .mtime_ms = p->mtime_ms };
	return str_dup(p->version, &ret_i->version_id);
}

static int head_version(struct fs *fs, const struct history_place *p, struct s3_info *ret_i)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_error e = { 0 };
	int r = object_head(fs->source, p->key, p->version, &i, &e);

	/* 400: it cannot even be a version id. A header has whole seconds, the name more. */
	if (e.status == 400 || (!r && (i.delete_marker || i.mtime_ms / 1000 != p->mtime_ms / 1000)))
		r = -ENOENT;
	if (!r) {
		free(take_ptr(&i.version_id));
		r = str_dup(p->version, &i.version_id);
	}
	if (r)
		return r;
	i.mtime_ms = p->mtime_ms;
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

static int head_at(struct fs *fs, const char *key, const char *version, struct s3_info *ret_i)
{
	auto_free char *found = NULL;
	int r = version ? 0 : history_at_find(fs, key, &found);

	return r ? r : object_head(fs->source, key, version ? version : found, ret_i, NULL);
}

int history_head(struct fs *fs, const char *key, const char *version, struct s3_info *ret_i)
{
	auto_with(history_place_free) struct history_place p = { 0 };
	int r;

	if (fs->conf.at_ms)
		return head_at(fs, key, version, ret_i);
	r = history_place(fs, key, &p);
	if (r)
		return r;
	if (!p.version)
		return object_head(fs->source, key, NULL, ret_i, NULL);
	return p.deleted ? head_marker(fs, &p, ret_i) : head_version(fs, &p, ret_i);
}

int history_keys(struct fs *fs, const char *prefix, const char *delimiter, const char *token,
		 unsigned max, struct s3_page *ret_p)
{
	if (fs->conf.at_ms)
		return history_at_keys(fs, prefix, delimiter, token, max, ret_p);
	if (history_holds(fs, prefix))
		return history_dir_keys(fs, prefix, token, ret_p);
	return list_keys(fs->source, prefix, delimiter, token, max, ret_p, NULL);
}

/* --- pages ------------------------------------------------------------------------------------ */

void history_page_add(struct s3_page *p, struct s3_entry *e, char *key)
{
	free(e->key);
	e->key = key;
	p->entries[p->n++] = *e;
	memset(e, 0, sizeof(*e));
}

void history_mark_free(struct history_mark *m)
{
	free(m->key);
	free(m->version);
	memset(m, 0, sizeof(*m));
}

int history_mark_write(const struct history_mark *m, char **ret_token)
{
	const char *key = m->key ? m->key : "";

	return str_format(ret_token, "%c%d %u %" PRId64 " %zu:%s%s", m->stage ? m->stage : '-',
			  m->decided, m->tie, m->tie_ms, strlen(key), key,
			  m->version ? m->version : "");
}

int history_mark_read(const char *token, struct history_mark *ret_m)
{
	struct history_mark m = { 0 };
	size_t len;
	int decided, at = 0, r = 0;

	if (!token)
		return 0;
	/* NOLINTNEXTLINE(cert-err34-c): our own token, of a listing of ours */
	if (sscanf(token, "%c%d %u %" SCNd64 " %zu:%n", &m.stage, &decided, &m.tie, &m.tie_ms, &len,
		   &at) != 5 ||
	    !at || strlen(token + at) < len)
		return -EINVAL;
	m.decided = decided;
	if (len)
		r = str_format(&m.key, "%.*s", (int)len, token + at);
	if (!r && token[(size_t)at + len])
		r = str_dup(token + at + len, &m.version);
	if (r) {
		history_mark_free(&m);
		return r;
	}
	*ret_m = m;
	return 0;
}
