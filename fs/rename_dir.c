/*
 * rename_dir.c - rename of a directory: its keys get another prefix (move.c), and open files below
 * it go along.
 *
 * Changes below it wait meanwhile, and so do commits: gate.h.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/dir.h"
#include "fs/file_i.h"
#include "fs/move.h"
#include "fs/settle.h"

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

/* A directory's old and new place. */
struct dir_move {
	uint64_t parent, to_parent;
	const char *name, *to_name;
	char *from, *to;
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

/* No attributes below are ahead of the source: that they are for a version of the old key. */
static int settle_all(struct fs *fs, struct node *dir)
{
	int r = node_each_file(fs->nodes, dir, false, settle_below, fs);

	return r ? r : file_settle_dir(fs, dir);
}

static int move_dir(struct fs *fs, struct node *dir, const struct dir_move *m)
{
	bool left = false;
	int r = settle_all(fs, dir);

	if (r)
		return r;
	gate_shut_commits(fs);
	r = move_run(fs, m->from, m->to, m->had_marker, &left);
	if (left)
		try_later(fs);
	if (!r)
		r = node_move(fs->nodes, m->parent, m->name, m->to_parent, m->to_name);
	attr_cache_clear(fs->attrs);
	gate_open_commits(fs); /* they have the marks of their files */
	return r ? r : node_each_file(fs->nodes, dir, false, follow_below, fs);
}

/* The empty directory in whose place it comes may be new: its marker shall not come after. */
static int settle_replaced(struct fs *fs, const struct dir_move *m)
{
	struct node *n = NULL;
	int r = node_find(fs->nodes, m->to_parent, m->to_name, &n) ? 0 : file_settle_dir(fs, n);

	node_unref(fs->nodes, n);
	return r;
}

/* Has the gate. */
static int rename_taken(struct fs *fs, struct dir_move *m)
{
	struct node *dir = NULL;
	int r = node_child_key(fs->nodes, m->parent, m->name, true, &m->from);

	if (!r)
		r = node_child_key(fs->nodes, m->to_parent, m->to_name, true, &m->to);
	if (r || !strcmp(m->from, m->to))
		return r;
	if (!strncmp(m->to, m->from, strlen(m->from)))
		return -EINVAL; /* into itself */
	gate_shut_changes(fs, m->from, m->to);
	r = settle_replaced(fs, m);
	if (!r)
		r = dir_check_empty(fs, m->to, &m->had_marker);
	if (!r)
		r = node_find(fs->nodes, m->parent, m->name, &dir);
	if (!r)
		r = move_dir(fs, dir, m);
	node_unref(fs->nodes, dir);
	return r;
}

int file_rename_dir(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		    const char *to_name)
{
	struct dir_move m = { parent, to_parent, name, to_name, NULL, NULL, false };
	int r;

	gate_take(fs);
	r = rename_taken(fs, &m);
	gate_give(fs);
	free(m.from);
	free(m.to);
	return r;
}

/* --- what was left ---------------------------------------------------------------------------- */

/* The next row after m's. It is nobody's: who renames has the gate. */
static int finish_next(struct fs *fs, struct store_move *m)
{
	int r;

	gate_take(fs);
	r = store_move_next(fs->store, m->id, m);
	if (!r) {
		gate_shut_changes(fs, m->from, m->to);
		gate_shut_commits(fs);
		if (move_resume(fs, m))
			try_later(fs);
		attr_cache_clear(fs->attrs);
	}
	gate_give(fs);
	return r;
}

void file_finish_moves(struct fs *fs)
{
	auto_with(store_move_free) struct store_move m = { 0 };
	int r;

	do
		r = finish_next(fs, &m);
	while (!r);
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
