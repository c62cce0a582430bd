/*
 * rename_dir.c - rename of a directory: its keys get another prefix (move.c), and open files below
 * it go along.
 *
 * A commit below it in the meantime would be copied too early or deleted too late: so commits below
 * wait (moving_from, moving_to), and those under way are waited for.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/file_i.h"
#include "fs/move.h"
#include "fs/settle.h"
#include "s3/list.h"

#define RETRY_MS 30000 /* what is left under an old name */

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
static int check_empty(struct fs *fs, const char *key, bool *ret_marker)
{
	auto_with(s3_page_free) struct s3_page page = { 0 };
	int r = list_keys(fs->source, key, NULL, NULL, 2, &page, NULL);

	if (r)
		return r;
	*ret_marker = page.n && !strcmp(page.entries[0].key, key);
	return page.n > *ret_marker ? -ENOTEMPTY : 0;
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
	bool had_marker; /* the new place was an empty directory with an object of its own */
};

static void try_later(struct fs *fs)
{
	int64_t due = clock_deadline(RETRY_MS);

	lock_take(&fs->files->l);
	fs->files->moves_ms = due;
	lock_drop(&fs->files->l);
	settle_note(fs->settle, due);
}

static int move_dir(struct fs *fs, struct node *dir, const struct dir_move *m)
{
	bool left = false;
	int r = node_each_file(fs->nodes, dir, false, settle_below, fs);

	if (!r)
		r = file_settle_node(fs, dir);
	if (r)
		return r;
	moving_begin(fs, m->from, m->to);
	r = move_run(fs, m->from, m->to, m->had_marker, &left);
	if (left)
		try_later(fs);
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
	struct dir_move m = { parent, to_parent, name, to_name, NULL, NULL, false };
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
	r = check_empty(fs, to, &m.had_marker);
	if (!r)
		r = node_find(fs->nodes, parent, name, &dir);
	if (!r)
		r = move_dir(fs, dir, &m);
	node_unref(fs->nodes, dir);
	return r;
}

/* --- what was left ---------------------------------------------------------------------------- */

void file_finish_moves(struct fs *fs)
{
	auto_with(store_move_free) struct store_move m = { 0 };
	int r;

	while (!(r = store_move_next(fs->store, m.id, &m))) {
		moving_begin(fs, m.from, m.to);
		r = move_resume(fs, &m);
		moving_end(fs);
		attr_cache_clear(fs->attrs);
		if (r)
			try_later(fs);
	}
	if (r != -ENOENT)
		try_later(fs);
}

void file_moves_due(struct fs *fs, int64_t now_mono_ms, int64_t *ret_next)
{
	bool due;

	lock_take(&fs->files->l);
	due = fs->files->moves_ms <= now_mono_ms;
	if (due)
		fs->files->moves_ms = CLOCK_NEVER;
	lock_drop(&fs->files->l);
	if (due)
		file_finish_moves(fs);
	lock_take(&fs->files->l);
	*ret_next = fs->files->moves_ms;
	lock_drop(&fs->files->l);
}
