/*
 * file_table.c - the table of open objects, their states and marks. The table of states is in
 * file_i.h.
 *
 * Lock order: the table's lock and a file's lock are never held together; a spool's lock is taken
 * under a file's, and the quota's under a spool's. A file's lock is held
 * while local bytes are written, never while S3 or the queue is asked: for that there is the busy
 * mark.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/file_i.h"

#define DEFERRED_MS 1000 /* between a close and its release, see file_count */

int file_table_new(struct fs *fs, struct file_table **ret_t)
{
	struct file_table *t = calloc(1, sizeof(*t));

	(void)fs;
	if (!t)
		return -ENOMEM;
	lock_init(&t->l);
	cond_init(&t->changed);
	t->moves_ms = CLOCK_NEVER;
	*ret_t = t;
	return 0;
}

/* --- states ----------------------------------------------------------------------------------- */

static bool maybe_unused step_legal(enum file_state from, enum file_state to)
{
	static const unsigned legal[] = {
		[FILE_CLEAN] = 1u << FILE_DIRTY | 1u << FILE_SETTLING | 1u << FILE_DEAD,
		[FILE_DIRTY] = 1u << FILE_COMMITTING | 1u << FILE_HELD | 1u << FILE_DEAD,
		[FILE_HELD] = 1u << FILE_DIRTY | 1u << FILE_COMMITTING | 1u << FILE_DEAD,
		[FILE_SETTLING] = 1u << FILE_CLEAN | 1u << FILE_DIRTY | 1u << FILE_COMMITTING |
				  1u << FILE_DEAD,
		[FILE_COMMITTING] = 1u << FILE_CLEAN | 1u << FILE_HELD | 1u << FILE_SETTLING |
				    1u << FILE_FAILED | 1u << FILE_DEAD,
		[FILE_FAILED] = 1u << FILE_COMMITTING | 1u << FILE_DIRTY | 1u << FILE_HELD |
				1u << FILE_DEAD,
		[FILE_DEAD] = 0,
	};

	return legal[from] & 1u << to;
}

/* The rows of the table in file_i.h, as far as they can be seen in one file. */
static void check_locked(const struct file *f)
{
	(void)f; /* without assertions */
	assert(f->locked.body);
	assert((f->locked.state == FILE_FAILED) == (f->locked.error != 0) ||
	       f->locked.state == FILE_COMMITTING || f->locked.state == FILE_DEAD);
	assert(f->locked.state != FILE_CLEAN ||
	       (!f->locked.ticket && !f->locked.upload && !f->locked.body->spool));
	assert(f->locked.state != FILE_HELD || (f->locked.ticket && f->locked.held_ref));
	assert(f->locked.state != FILE_SETTLING ||
	       (f->locked.ticket && f->locked.held_ref && f->locked.held_meta &&
		!f->locked.upload && !f->locked.body->spool));
	assert(f->locked.state != FILE_COMMITTING || f->locked.busy);
}

/* Will its bytes go without a program's doing? Those of a temporary name wait for one. */
static bool is_leaving_locked(const struct file *f)
{
	return f->locked.state == FILE_COMMITTING ||
	       (f->locked.state == FILE_HELD && f->locked.hold_period <= f->fs->conf.settle_ms);
}

void file_set_state_locked(struct file *f, enum file_state to)
{
	lock_assert_held(&f->locked.l);
	if (f->locked.state == to)
		return;
	assert(step_legal(f->locked.state, to));
	f->locked.state = to;
	if (to != FILE_FAILED)
		f->locked.error = 0;
	if (to != FILE_DIRTY)
		f->locked.deferred = false;
	else /* no version of the source is what the kernel has of it now */
		node_set_content(f->fs->nodes, f->node, 0);
	if (f->locked.body->spool)
		spool_set_leaving(f->locked.body->spool, is_leaving_locked(f));
	check_locked(f);
}

void file_busy_begin_locked(struct file *f)
{
	lock_assert_held(&f->locked.l);
	while (f->locked.busy)
		cond_wait(&f->locked.changed, &f->locked.l);
	f->locked.busy = true;
}

void file_busy_end_locked(struct file *f)
{
	lock_assert_held(&f->locked.l);
	assert(f->locked.busy && f->locked.state != FILE_COMMITTING);
	check_locked(f);
	f->locked.busy = false;
	cond_broadcast(&f->locked.changed);
}

void file_busy_begin(struct file *f)
{
	scoped_lock(&f->locked.l);
	file_busy_begin_locked(f);
}

void file_busy_end(struct file *f)
{
	scoped_lock(&f->locked.l);
	file_busy_end_locked(f);
}

/* --- the table -------------------------------------------------------------------------------- */

struct file *file_peek(struct fs *fs, struct node *n)
{
	struct file *f;

	scoped_lock(&fs->files->l);
	f = node_file(fs->nodes, n);
	if (f)
		f->refs++;
	return f;
}

static void file_free(struct file *f)
{
	while (f->locked.open) { /* at the end of a mount that was told to stop */
		struct handle *h = f->locked.open;

		f->locked.open = h->next;
		read_cache_leave(f->fs->cache, &h->pos);
		free(h);
	}
	file_drop_uploads(f);
	repl_leave(f->locked.ticket);
	free(f->locked.promised);
	body_unref(f->locked.body);
	attr_free(&f->locked.now);
	meta_rec_free(&f->locked.sent);
	node_unref(f->fs->nodes, f->node);
	cond_free(&f->locked.changed);
	lock_free(&f->locked.l);
	free(f);
}

/* At the end of a mount that was told to stop: programs may still have files open. What was not
 * closed was not promised; what is held has its ticket and its staged file, and the next mount goes
 * on with them. */
void file_table_free(struct file_table *t)
{
	if (!t)
		return;
	while (t->first) {
		struct file *f = t->first;

		t->first = f->next;
		node_set_file(f->fs->nodes, f->node, NULL);
		file_free(f);
	}
	cond_free(&t->changed);
	lock_free(&t->l);
	free(t);
}

static int file_new(struct fs *fs, struct node *n, struct file **ret_f)
{
	struct file *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	r = body_new(fs, NULL, NULL, NULL, &f->locked.body);
	if (!r) {
		struct node *ref = NULL;

		r = node_ref(fs->nodes, node_ino(n), &ref);
		f->node = ref;
	}
	if (r) {
		body_unref(f->locked.body);
		free(f);
		return r;
	}
	f->fs = fs;
	f->refs = 1;
	lock_init(&f->locked.l);
	cond_init(&f->locked.changed);
	f->locked.state = FILE_CLEAN;
	*ret_f = f;
	return 0;
}

int file_get(struct fs *fs, struct node *n, struct file **ret_f)
{
	struct file_table *t = fs->files;
	struct file *made = NULL, *f = file_peek(fs, n);
	int r;

	if (f) {
		*ret_f = f;
		return 0;
	}
	r = file_new(fs, n, &made);
	if (r)
		return r;
	lock_take(&t->l);
	f = node_file(fs->nodes, n);
	if (f) {
		f->refs++;
	} else {
		made->next = t->first;
		if (t->first)
			t->first->prev = made;
		t->first = made;
		node_set_file(fs->nodes, n, made);
		f = take_ptr(&made);
	}
	lock_drop(&t->l);
	if (made)
		file_free(made);
	*ret_f = f;
	return 0;
}

void file_put(struct file *f)
{
	struct file_table *t;

	if (!f)
		return;
	t = f->fs->files;
	lock_take(&t->l);
	if (--f->refs) {
		lock_drop(&t->l);
		return;
	}
	if (f->prev)
		f->prev->next = f->next;
	else
		t->first = f->next;
	if (f->next)
		f->next->prev = f->prev;
	node_set_file(f->fs->nodes, f->node, NULL);
	lock_drop(&t->l);
	file_free(f);
}

/* --- what it is now --------------------------------------------------------------------------- */

int file_now_copy_locked(struct file *f, struct attr *ret_a)
{
	int r;

	lock_assert_held(&f->locked.l);
	r = attr_copy(ret_a, &f->locked.now);
	if (!r && f->locked.mtime_set)
		r = attr_meta_set_mtime(f->fs, &ret_a->rec.meta, f->locked.mtime);
	return r;
}

int file_now_copy(struct file *f, struct attr *ret_a)
{
	scoped_lock(&f->locked.l);
	return file_now_copy_locked(f, ret_a);
}

void file_now_set(struct file *f, struct attr *a)
{
	struct attr old;

	lock_take(&f->locked.l);
	old = f->locked.now;
	f->locked.now = *a;
	memset(a, 0, sizeof(*a));
	lock_drop(&f->locked.l);
	attr_free(&old);
}

void file_body_set(struct file *f, struct body *b)
{
	struct body *old;

	lock_take(&f->locked.l);
	old = f->locked.body;
	f->locked.body = b;
	lock_drop(&f->locked.l);
	body_unref(old);
}

static void count_one(struct file *f, int64_t now, struct file_counts *c)
{
	enum file_state s;

	scoped_lock(&f->locked.l);
	s = f->locked.state;
	c->open++;
	c->dirty += s == FILE_DIRTY || s == FILE_COMMITTING || s == FILE_FAILED;
	/* A put-off close whose release does not follow soon is an inherited descriptor: its file
	 * is simply open. */
	c->deferred += s == FILE_DIRTY && f->locked.deferred &&
		       now - f->locked.deferred_ms < DEFERRED_MS;
	c->deferred += s == FILE_COMMITTING && !f->locked.handles;
	c->held += s == FILE_HELD;
	c->settling += s == FILE_SETTLING;
}

/* Referenced; the first after NULL. */
static struct file *file_after(struct file_table *t, struct file *f)
{
	struct file *next;

	scoped_lock(&t->l);
	next = f ? f->next : t->first;
	if (next)
		next->refs++;
	return next;
}

void file_count(struct fs *fs, struct file_counts *ret_c)
{
	int64_t now = clock_mono_ms();
	struct file *f = NULL, *next;

	memset(ret_c, 0, sizeof(*ret_c));
	while ((next = file_after(fs->files, f))) {
		file_put(f);
		f = next;
		count_one(f, now, ret_c);
	}
	file_put(f);
}
