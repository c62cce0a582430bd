/*
 * rename.c - unlink and rename. S3 has no rename: a file that the source has is copied there and its old key deleted, a file that it does not
 * have yet just gets another name. No body byte passes through here.
 *
 * A rename touches up to two open files (the one that moves, the one that is replaced) and has the marks of both while it works, taken in the
 * order of their inode numbers; nothing else ever takes two. The replaced one is let go only when the rename has succeeded.
 *
 * A directory rename copies every key and then deletes every old one. A commit below it in the meantime would be copied too early or deleted too
 * late: so commits below wait (moving_from, moving_to), and those under way are waited for.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "fs/path.h"
#include "s3/list.h"

static int child_key(struct fs *fs, uint64_t parent, const char *name, bool is_dir, char **ret_key)
{
	auto_free char *dir_key = NULL;
	struct node *dir = NULL;
	int r = node_ref(fs->nodes, parent, &dir);

	if (r)
		return r;
	r = node_key(fs->nodes, dir, &dir_key);
	node_unref(fs->nodes, dir);
	return r ? r : path_child_key(dir_key, name, is_dir, ret_key);
}

/* The open file of (parent, name), referenced; NULL when none. */
static struct file *open_file(struct fs *fs, uint64_t parent, const char *name)
{
	struct node *n = NULL;
	struct file *f;

	if (node_find(fs->nodes, parent, name, &n))
		return NULL;
	f = node_is_dir(n) ? NULL : file_peek(fs, n);
	node_unref(fs->nodes, n);
	return f;
}

/* Its name goes away: readers go on from the version they have, so that must be known. Busy. */
static int pin_version(struct file *f, const char *key)
{
	auto_with(attr_free) struct attr now = { 0 };
	struct body *body = NULL;
	int r;

	if (f->locked.state != FILE_CLEAN || !f->locked.handles || !f->locked.now.has_object || f->locked.body->version_id)
		return 0;
	/* It is known by its ETag only (from a listing, the database): the version comes with the tags. */
	r = file_now_copy(f, &now);
	if (!r)
		r = attr_load(f->fs, key, &now, true);
	if (!r)
		r = body_new(f->fs, NULL, key, &now, &body);
	if (r)
		return r == -ENOENT ? 0 : r;
	file_body_set(f, body);
	file_now_set(f, &now);
	return 0;
}

/* Busy. */
static void kill_file(struct file *f)
{
	bool was_held = f->locked.held_ref;
	struct spool *spool = f->locked.body->spool;

	file_kill_busy(f);
	if (was_held && spool)
		spool_unkeep(spool);
	if (was_held)
		file_drop_held_ref(f);
}

/* --- unlink ------------------------------------------------------------------------------------------------------ */

/* Busy. *ret_delete: the source has a version, which must be deleted there. */
static int unlink_open(struct file *f, const char *key, struct kv *ret_tags, bool *ret_tags_known, bool *ret_delete)
{
	int r = pin_version(f, key);

	*ret_delete = f->locked.now.has_object || f->locked.unclear;
	*ret_tags_known = f->locked.now.rec_known && f->locked.now.rec.tags_known;
	if (!r && *ret_tags_known)
		r = kv_copy(ret_tags, &f->locked.now.rec.tags);
	return r;
}

int file_unlink(struct fs *fs, uint64_t parent, const char *name)
{
	auto_free char *key = NULL;
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	struct file *f = open_file(fs, parent, name);
	bool delete = true, tags_known = false;
	int r = child_key(fs, parent, name, false, &key);

	if (f) {
		file_busy_begin(f);
		if (!r)
			r = unlink_open(f, key, &tags, &tags_known, &delete);
	} else if (!r) {
		auto_with(attr_free) struct attr a = { 0 };

		if (!attr_cache_get(fs->attrs, key, &a) && a.rec_known && a.rec.tags_known) {
			r = kv_copy(&tags, &a.rec.tags);
			tags_known = !r;
		}
	}
	if (!r && delete)
		r = change_delete(fs, key, tags_known ? &tags : NULL);
	if (!r) {
		attr_cache_put_absent(fs->attrs, key);
		node_remove(fs->nodes, parent, name);
		if (f)
			kill_file(f);
	}
	if (f) {
		file_busy_end(f);
		file_put(f);
	}
	return r;
}

/* --- rename of a file -------------------------------------------------------------------------------------------- */

struct move {
	uint64_t parent, to_parent;
	const char *name, *to_name;
	char *key, *to_key;
};

static int move_node(struct fs *fs, const struct move *m)
{
	return node_move(fs->nodes, m->parent, m->name, m->to_parent, m->to_name);
}

/* The Content-Type that was guessed by the old name is guessed again by the new one. */
static int guess_again(struct meta_rec *rec, const struct move *m)
{
	const char *now = kv_get(&rec->sys, "content-type");

	if (now && strcmp(now, path_content_type(m->name)))
		return 0;       /* somebody chose it */
	return kv_set(&rec->sys, "content-type", path_content_type(m->to_name));
}

/* now of a file that gets another name before the source has it: has_object says whether the source has something under the new name. */
static int renamed_now(struct file *f, const struct move *m, struct attr *ret_a)
{
	auto_with(attr_free) struct attr there = { 0 };
	int found = attr_get(f->fs, m->to_key, &there);
	int r = file_now_copy(f, ret_a);

	ret_a->has_object = found != -ENOENT;
	return r ? r : guess_again(&ret_a->rec, m);
}

/* Both the durable row and the node have the new name, or neither. */
static int move_ticket_and_node(struct file *f, const struct move *m)
{
	int r = f->locked.ticket ? repl_rekey(f->locked.ticket, m->to_key) : 0;

	if (r)
		return r;
	r = move_node(f->fs, m);
	if (r && f->locked.ticket && repl_rekey(f->locked.ticket, m->key))
		log_error("op=rename result=\"the row keeps the new name\"");
	return r;
}

/* The source has nothing under the old name: only the name changes, and what was promised is promised under the new one. Busy. */
static int move_pending(struct file *f, const struct move *m)
{
	auto_with(attr_free) struct attr now = { 0 };
	char shown[256];
	int r = renamed_now(f, m, &now);

	if (r)
		return r;
	file_drop_uploads(f);
	r = move_ticket_and_node(f, m);
	if (r)
		return r;
	file_now_set(f, &now);
	attr_cache_drop(f->fs->attrs, m->to_key);
	if (f->locked.state != FILE_HELD)
		return 0;       /* its close will save it */
	/* It stays held, and promised, whatever happens now. */
	if (path_is_temporary(m->to_name) ? file_hold_busy(f) : file_commit_busy(f))
		log_warn("op=rename key=\"%s\" result=\"uploaded later\"", printable(m->to_key, shown, sizeof(shown)));
	return 0;
}

/* The source has it and knows all of it. a: loaded. */
static int move_object(struct fs *fs, const struct move *m, struct attr *a, struct attr *ret_a)
{
	int r = guess_again(&a->rec, m);

	if (!r)
		r = change_copy(fs, m->key, a, m->to_key, ret_a);
	if (!r)
		r = change_delete(fs, m->key, &a->rec.tags);
	return r;
}

/* Busy, clean: the body reads from the new key on. */
static int rebase(struct file *f, const char *key, struct attr *a)
{
	struct body *body = NULL;
	int r = body_new(f->fs, NULL, key, a, &body);

	if (r)
		return r;
	file_body_set(f, body);
	file_now_set(f, a);
	return 0;
}

static int move_clean(struct fs *fs, struct file *f, const struct move *m)
{
	auto_with(attr_free) struct attr a = { 0 };
	auto_with(attr_free) struct attr moved = { 0 };
	int r = attr_get(fs, m->key, &a);

	if (!r)
		r = attr_load(fs, m->key, &a, true);
	if (!r)
		r = move_object(fs, m, &a, &moved);
	if (!r)
		r = move_node(fs, m);
	if (!r && f)
		r = rebase(f, m->to_key, &moved);
	return r;
}

static int move_open(struct fs *fs, struct file *f, const struct move *m)
{
	int r = 0;

	/* Changes of an object that the source has become a version under its old name first: no crash can take that away. */
	if (f->locked.state != FILE_CLEAN && f->locked.now.has_object)
		r = file_commit_busy(f);
	if (r)
		return r;
	if (f->locked.state == FILE_DEAD)
		return -ENOENT;
	return f->locked.state == FILE_CLEAN ? move_clean(fs, f, m) : move_pending(f, m);
}

/* The marks of one or two files, in the order of their numbers. */
static void marks_begin(struct file *a, struct file *b)
{
	if (a && b && node_ino(b->node) < node_ino(a->node)) {
		file_busy_begin(b);
		file_busy_begin(a);
		return;
	}
	if (a)
		file_busy_begin(a);
	if (b)
		file_busy_begin(b);
}

static void mark_end(struct file *f)
{
	if (!f)
		return;
	file_busy_end(f);
	file_put(f);
}

static int rename_marked(struct fs *fs, struct file *f, struct file *target, const struct move *m)
{
	int r = target ? pin_version(target, m->to_key) : 0;

	if (!r)
		r = f ? move_open(fs, f, m) : move_clean(fs, NULL, m);
	if (!r && target)
		kill_file(target);
	return r;
}

int file_rename(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent, const char *to_name)
{
	auto_free char *key = NULL, *to_key = NULL;
	struct move m = { parent, to_parent, name, to_name, NULL, NULL };
	struct file *f, *target;
	int r = child_key(fs, parent, name, false, &key);

	if (!r)
		r = child_key(fs, to_parent, to_name, false, &to_key);
	if (r || !strcmp(key, to_key))
		return r;
	m.key = key;
	m.to_key = to_key;
	f = open_file(fs, parent, name);
	target = open_file(fs, to_parent, to_name);
	marks_begin(f, target);
	r = rename_marked(fs, f, target, &m);
	mark_end(f);
	mark_end(target);
	return r;
}

/* --- rename of a directory --------------------------------------------------------------------------------------- */

#define DIR_AT_ONCE 16

/* One run over all keys below a directory, several at once. */
struct sweep {
	struct fs *fs;
	const char *from, *to;
	int (*one)(struct sweep *s, const char *key);
	struct lock l;
	struct cond changed;
	unsigned running;               /* l */
	int error;                      /* l: the first */
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
	auto_with(attr_free) struct attr a = { 0 };
	bool known = !attr_cache_get(s->fs->attrs, key, &a) && a.rec_known && a.rec.tags_known;

	return change_delete(s->fs, key, known ? &a.rec.tags : NULL);
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

/* Open files below go along: what the source has is clean before, what it has not just gets its new key. */
static int settle_below(void *arg, struct node *n)
{
	struct fs *fs = arg;
	struct file *f = file_peek(fs, n);
	int r = 0;

	if (!f)
		return 0;
	file_busy_begin(f);
	if (f->locked.state == FILE_HELD || (f->locked.state != FILE_CLEAN && f->locked.now.has_object))
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
	if (r)  /* the rename is done; this one goes on with the version it has */
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

/* Commits below wait from now on; those under way are done when it returns. One directory at a time. */
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

static int move_dir(struct fs *fs, struct node *dir, const struct move *m)
{
	int r = node_each_file(fs->nodes, dir, false, settle_below, fs);

	if (r)
		return r;
	moving_begin(fs, m->key, m->to_key);
	r = move_keys(fs, m->key, m->to_key);
	if (!r)
		r = move_node(fs, m);
	moving_end(fs);
	attr_cache_clear(fs->attrs);
	return r ? r : node_each_file(fs->nodes, dir, false, follow_below, fs);
}

int file_rename_dir(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent, const char *to_name)
{
	auto_free char *from = NULL, *to = NULL;
	struct move m = { parent, to_parent, name, to_name, NULL, NULL };
	struct node *dir = NULL;
	int r = child_key(fs, parent, name, true, &from);

	if (!r)
		r = child_key(fs, to_parent, to_name, true, &to);
	if (r || !strcmp(from, to))
		return r;
	if (!strncmp(to, from, strlen(from)))
		return -EINVAL;         /* into itself */
	m.key = from;
	m.to_key = to;
	r = check_empty(fs, to);
	if (!r)
		r = node_find(fs->nodes, parent, name, &dir);
	if (!r)
		r = move_dir(fs, dir, &m);
	node_unref(fs->nodes, dir);
	return r;
}
