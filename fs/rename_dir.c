/*
 * rename_dir.c - rename of a directory: every key below is copied by the server, then every old one
 * is deleted.
 *
 * A commit below it in the meantime would be copied too early or deleted too late: so commits below
 * wait (moving_from, moving_to), and those under way are waited for.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "s3/list.h"

#define DIR_AT_ONCE 16

/* One run over all keys below a directory, several at once. */
struct sweep {
	struct fs *fs;
	const char *from, *to;
	int (*one)(struct sweep *s, const char *key);
	struct lock l;
	struct cond changed;
	unsigned running; /* l */
	int error;	  /* l: the first */
};

struct sweep_task {
	struct sweep *s;
	char *key;
};

static void sweep_run(void *arg)
{
	struct sweep_task *t = arg;
	struct sweep *s = t->s;
	int r = s->one(s, t->key);

	free(t->key);
	free(t);
	lock_take(&s->l);
	if (r && !s->error)
		s->error = r;
	s->running--;
	cond_signal(&s->changed);
	lock_drop(&s->l);
}

static int sweep_start(struct sweep *s, const char *key)
{
	struct sweep_task *t;
	int r;

	lock_take(&s->l);
	while (s->running >= DIR_AT_ONCE)
		cond_wait(&s->changed, &s->l);
	r = s->error;
	s->running += !r;
	lock_drop(&s->l);
	if (r)
		return r;
	t = calloc(1, sizeof(*t));
	if (t && !str_dup(key, &t->key)) {
		t->s = s;
		if (pool_try_submit(s->fs->read_pool, sweep_run, t))
			sweep_run(t);
		return 0;
	}
	free(t);
	lock_take(&s->l);
	s->running--;
	s->error = -ENOMEM;
	lock_drop(&s->l);
	return -ENOMEM;
}

/* Runs one over the keys; waits for all. */
static int sweep_keys(struct sweep *s, char **keys, size_t n)
{
	int r;

	for (size_t i = 0; i < n; i++)
		if (sweep_start(s, keys[i]))
			break;
	lock_take(&s->l);
	while (s->running)
		cond_wait(&s->changed, &s->l);
	r = s->error;
	lock_drop(&s->l);
	return r;
}

static int copy_one(struct sweep *s, const char *key)
{
	auto_free char *to = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	int r = str_format(&to, "%s%s", s->to, key + strlen(s->from));

	if (!r && strlen(to) > S3_KEY_MAX)
		r = -ENAMETOOLONG;
	if (!r)
		r = attr_get(s->fs, key, &a);
	if (!r)
		r = attr_load(s->fs, key, &a, true);
	if (!r)
		r = change_copy(s->fs, key, &a, to, NULL);
	return r;
}

static int delete_one(struct sweep *s, const char *key)
{
	return change_delete(s->fs, key, NULL);
}

struct key_list {
	char **keys;
	size_t n, cap;
};

static void key_list_free(struct key_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->keys[i]);
	free(l->keys);
}

static int key_list_add(struct key_list *l, const char *key)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		char **keys = realloc(l->keys, cap * sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		l->keys = keys;
		l->cap = cap;
	}
	return str_dup(key, &l->keys[l->n]) ? -ENOMEM : (l->n++, 0);
}

/* Every key that is there now: only what was copied will be deleted. */
static int list_all(struct fs *fs, const char *prefix, struct key_list *ret_l)
{
	auto_free char *token = NULL;
	bool more = true;
	int r = 0;

	while (!r && more) {
		auto_with(s3_page_free) struct s3_page page = { 0 };

		r = list_keys(fs->source, prefix, NULL, token, 1000, &page, NULL);
		for (size_t i = 0; !r && i < page.n; i++)
			r = key_list_add(ret_l, page.entries[i].key);
		more = page.truncated;
		free(token);
		token = take_ptr(&page.next_token);
	}
	return r;
}

/* Open files below go along: what the source has is clean before, what it has not just gets its new
 * key. */
static int settle_below(void *arg, struct node *n)
{
	struct fs *fs = arg;
	struct file *f = file_peek(fs, n);
	int r = 0;

	if (!f)
		return 0;
	file_busy_begin(f);
	if (f->locked.state == FILE_HELD ||
	    (f->locked.state != FILE_CLEAN && f->locked.now.has_object))
		r = file_commit_busy(f);
	else
		file_drop_uploads(f);
	file_busy_end(f);
	file_put(f);
	return r;
}

static int follow_below(void *arg, struct node *n)
{
	struct fs *fs = arg;
	auto_free char *key = NULL;
	struct file *f = file_peek(fs, n);
	int r = 0;

	if (!f)
		return 0;
	file_busy_begin(f);
	if (f->locked.state == FILE_CLEAN && f->locked.handles)
		r = file_refresh(f, true);
	else if (f->locked.ticket && !node_key(fs->nodes, n, &key))
		r = repl_rekey(f->locked.ticket, key);
	file_busy_end(f);
	file_put(f);
	if (r) /* the rename is done; this one goes on with the version it has */
		log_warn("op=rename result=\"an open file below could not follow\" error=%d", -r);
	return 0;
}

/* -ENOTEMPTY when the target directory has anything but its marker. */
static int check_empty(struct fs *fs, const char *key)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int r = list_keys(fs->source, key, NULL, NULL, 2, &page, NULL);

	if (r)
		return r;
	return page.n > 1 || (page.n == 1 && strcmp(page.entries[0].key, key)) ? -ENOTEMPTY : 0;
}

static int move_keys(struct fs *fs, const char *from, const char *to)
{
	struct sweep s = { .fs = fs, .from = from, .to = to, .one = copy_one };
	auto_with(key_list_free) struct key_list keys = { 0 };
	int r = list_all(fs, from, &keys);

	if (r)
		return r;
	lock_init(&s.l);
	cond_init(&s.changed);
	r = sweep_keys(&s, keys.keys, keys.n);
	s.one = delete_one;
	if (!r)
		r = sweep_keys(&s, keys.keys, keys.n);
	cond_free(&s.changed);
	lock_free(&s.l);
	return r;
}

/* Commits below wait from now on; those under way are done when it returns. One directory at a
 * time. */
static void moving_begin(struct fs *fs, const char *from, const char *to)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	while (t->moving_from)
		cond_wait(&t->changed, &t->l);
	t->moving_from = from;
	t->moving_to = to;
	while (t->commits)
		cond_wait(&t->changed, &t->l);
}

static void moving_end(struct fs *fs)
{
	struct file_table *t = fs->files;

	scoped_lock(&t->l);
	t->moving_from = t->moving_to = NULL;
	cond_broadcast(&t->changed);
}

/* A directory's old and new place. */
struct dir_move {
	uint64_t parent, to_parent;
	const char *name, *to_name;
	const char *from, *to;
};

static int move_dir(struct fs *fs, struct node *dir, const struct dir_move *m)
{
	int r = node_each_file(fs->nodes, dir, false, settle_below, fs);

	if (!r)
		r = file_settle_node(fs, dir);
	if (r)
		return r;
	moving_begin(fs, m->from, m->to);
	r = move_keys(fs, m->from, m->to);
	if (!r)
		r = node_move(fs->nodes, m->parent, m->name, m->to_parent, m->to_name);
	moving_end(fs);
	attr_cache_clear(fs->attrs);
	return r ? r : node_each_file(fs->nodes, dir, false, follow_below, fs);
}

int file_rename_dir(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		    const char *to_name)
{
	auto_free char *from = NULL, *to = NULL;
	struct dir_move m = { parent, to_parent, name, to_name, NULL, NULL };
	struct node *dir = NULL;
	int r = file_child_key(fs, parent, name, true, &from);

	if (!r)
		r = file_child_key(fs, to_parent, to_name, true, &to);
	if (r || !strcmp(from, to))
		return r;
	if (!strncmp(to, from, strlen(from)))
		return -EINVAL; /* into itself */
	m.from = from;
	m.to = to;
	r = check_empty(fs, to);
	if (!r)
		r = node_find(fs->nodes, parent, name, &dir);
	if (!r)
		r = move_dir(fs, dir, &m);
	node_unref(fs->nodes, dir);
	return r;
}
