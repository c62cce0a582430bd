/*
 * file.c - open objects: the table of them, handles, reads and writes. The states are in file_i.h.
 *
 * Lock order: the table's lock and a file's lock are never held together. A file's lock is held while local bytes are written, never while S3 or
 * the queue is asked: for that there is the busy mark.
 */
#include "fs/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "fs/file_i.h"
#include "fs/path.h"
#include "s3/part.h"

#define DEFERRED_MS 1000        /* between a close and its release, see file_count */

int file_table_new(struct fs *fs, struct file_table **ret_t)
{
	struct file_table *t = calloc(1, sizeof(*t));

	(void)fs;
	if (!t)
		return -ENOMEM;
	lock_init(&t->l);
	cond_init(&t->changed);
	*ret_t = t;
	return 0;
}

/* --- states ------------------------------------------------------------------------------------------------------ */

static bool step_legal(enum file_state from, enum file_state to)
{
	static const unsigned legal[] = {
		[FILE_CLEAN] = 1u << FILE_DIRTY | 1u << FILE_DEAD,
		[FILE_DIRTY] = 1u << FILE_COMMITTING | 1u << FILE_HELD | 1u << FILE_DEAD,
		[FILE_HELD] = 1u << FILE_DIRTY | 1u << FILE_COMMITTING | 1u << FILE_DEAD,
		[FILE_COMMITTING] = 1u << FILE_CLEAN | 1u << FILE_HELD | 1u << FILE_FAILED | 1u << FILE_DEAD,
		[FILE_FAILED] = 1u << FILE_COMMITTING | 1u << FILE_DIRTY | 1u << FILE_DEAD,
		[FILE_DEAD] = 0,
	};

	return legal[from] & 1u << to;
}

/* The rows of the table in file_i.h, as far as they can be seen in one file. */
static void check_locked(const struct file *f)
{
	assert(f->locked.body);
	assert((f->locked.state == FILE_FAILED) == (f->locked.error != 0) || f->locked.state == FILE_COMMITTING ||
	       f->locked.state == FILE_DEAD);
	assert(f->locked.state != FILE_CLEAN || (!f->locked.ticket && !f->locked.upload && !f->locked.body->spool));
	assert(f->locked.state != FILE_HELD || (f->locked.ticket && !f->locked.upload));
	assert(f->locked.state != FILE_COMMITTING || f->locked.busy);
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

/* --- the table --------------------------------------------------------------------------------------------------- */

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
	file_drop_uploads(f);
	repl_leave(f->locked.ticket);
	body_unref(f->locked.body);
	attr_free(&f->locked.now);
	meta_rec_free(&f->locked.sent);
	node_unref(f->fs->nodes, f->node);
	cond_free(&f->locked.changed);
	lock_free(&f->locked.l);
	free(f);
}

/* At the end of a mount that was told to stop: programs may still have files open. What was not closed was not promised; what is held
 * has its ticket and its staged file, and the next mount goes on with them. */
void file_table_free(struct file_table *t)
{
	if (!t)
		return;
	while (t->first) {
		struct file *f = t->first;

		t->first = f->next;
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

/* --- what it is now ---------------------------------------------------------------------------------------------- */

/* Takes over what attr says; a new body when the version is another one. Busy, clean. */
static int adopt(struct file *f, const char *key, struct attr *a)
{
	struct body *body = NULL, *old;
	int r = body_new(f->fs, NULL, key, a, &body);

	if (r)
		return r;
	lock_take(&f->locked.l);
	old = f->locked.body;
	f->locked.body = body;
	attr_free(&f->locked.now);
	f->locked.now = *a;
	memset(a, 0, sizeof(*a));
	f->locked.has_data = true;
	lock_drop(&f->locked.l);
	body_unref(old);
	return 0;
}

int file_refresh(struct file *f, bool want_rec)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	int r = node_key(f->fs->nodes, f->node, &key);

	if (r)
		return r;
	r = attr_get(f->fs, key, &a);
	if (!r && want_rec)
		r = attr_load(f->fs, key, &a, true);
	if (r)
		return r;
	a.has_object = true;
	return adopt(f, key, &a);
}

void file_rec_touch(struct file *f)
{
	if (!f->locked.mtime_set)
		return;
	if (attr_meta_set_mtime(f->fs, &f->locked.now.rec.meta, f->locked.mtime))
		log_warn("out of memory: a modification time is lost");
}

/* Clean or failed or held -> dirty: gives it a spool. Busy or not, but locked; its metadata is known. */
int file_make_dirty_locked(struct file *f)
{
	struct spool *spool = NULL;
	struct body *body = NULL;
	int r;

	lock_assert_held(&f->locked.l);
	if (f->locked.state == FILE_DEAD || f->locked.body->spool) {
		if (f->locked.state == FILE_CLEAN || f->locked.state == FILE_FAILED || f->locked.state == FILE_HELD)
			file_set_state_locked(f, FILE_DIRTY);
		if (f->locked.body->spool)
			return 0;
	}
	r = spool_new(f->fs->conf.staging_dir, &spool);
	if (r)
		return r;
	r = body_new(f->fs, spool, NULL, NULL, &body);
	if (!r && f->locked.body->key) {
		r = str_dup(f->locked.body->key, &body->key);
		if (!r)
			r = str_dup(f->locked.body->version_id, &body->version_id);
		if (!r)
			r = str_dup(f->locked.body->etag, &body->etag);
		body->full_size = f->locked.body->full_size;
		atomic_store(&body->base_size, atomic_load(&f->locked.body->base_size));
	}
	if (r) {
		if (body)
			body_unref(body);
		else
			spool_unref(spool);
		return r;
	}
	body_unref(f->locked.body);
	f->locked.body = body;
	if (f->locked.state != FILE_DEAD)
		file_set_state_locked(f, FILE_DIRTY);
	return 0;
}

static void touch_mtime_locked(struct file *f)
{
	f->locked.mtime = clock_wall_ts();
	f->locked.mtime_set = true;
}

int file_truncate_locked(struct file *f, uint64_t size)
{
	struct body *b;
	uint64_t old = f->locked.now.size;
	int r;

	if (size > PART_OBJECT_MAX)
		return -EFBIG;
	r = file_make_dirty_locked(f);
	if (r)
		return r;
	b = f->locked.body;
	if (size < old) {
		if (atomic_load(&b->base_size) > size)
			atomic_store(&b->base_size, size);
		r = spool_truncate(b->spool, size);
	} else {
		r = spool_zero(b->spool, (struct s3_range){ old, size });
	}
	if (r)
		return r;
	f->locked.now.size = size;
	touch_mtime_locked(f);
	return 0;
}

/* --- open and release -------------------------------------------------------------------------------------------- */

static int begin_new(struct file *f, const struct file_open *o)
{
	struct attr *a = &f->locked.now;
	auto_free char *name = NULL;
	int r = node_name(f->fs->nodes, f->node, &name);

	a->rec_known = a->rec.tags_known = true;
	if (!r)
		r = attr_meta_set_mode(f->fs, &a->rec.meta, o->mode);
	if (!r)
		r = attr_meta_set_owner(f->fs, &a->rec.meta, o->uid, o->gid);
	if (!r)
		r = kv_set(&a->rec.sys, "content-type", path_content_type(name));
	if (r)
		return r;
	lock_take(&f->locked.l);
	f->locked.late_meta = !(o->mode & 077);
	f->locked.has_data = false;
	touch_mtime_locked(f);
	r = file_make_dirty_locked(f);
	lock_drop(&f->locked.l);
	return r;
}

static bool opens_for_writing(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/* Busy. A clean file is brought up to date; one with pending changes is itself the newest there is. */
static int prepare(struct file *f, const struct file_open *o)
{
	bool empty_now = false;
	int r = 0;

	if (f->locked.state == FILE_CLEAN && o->create && !f->locked.now.has_object)
		r = begin_new(f, o);
	else if (f->locked.state == FILE_CLEAN)
		r = file_refresh(f, opens_for_writing(o->flags));
	if (r)
		return r;
	lock_take(&f->locked.l);
	if ((o->flags & O_TRUNC) && f->locked.now.size) {
		r = file_truncate_locked(f, 0);
		empty_now = !r;
	}
	if (empty_now) {
		f->locked.has_data = false;
		f->locked.late_meta = false;
	}
	if (opens_for_writing(o->flags))
		f->locked.opener = o->pid;
	lock_drop(&f->locked.l);
	return r;
}

int file_open(struct fs *fs, struct node *n, const struct file_open *o, struct handle **ret_h)
{
	struct handle *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	r = file_get(fs, n, &h->file);
	if (r) {
		free(h);
		return r;
	}
	h->flags = o->flags;
	file_busy_begin(h->file);
	r = prepare(h->file, o);
	lock_take(&h->file->locked.l);
	if (!r)
		h->file->locked.handles++;
	file_busy_end_locked(h->file);
	lock_drop(&h->file->locked.l);
	if (r) {
		file_put(h->file);
		free(h);
		return r;
	}
	*ret_h = h;
	return 0;
}

/* Nobody will ask again: the body is kept aside and said so. Busy. */
static void give_up(struct file *f, int err)
{
	auto_free char *key = NULL;
	char why[64], shown[256];
	struct spool *spool = f->locked.body->spool;

	if (node_key(f->fs->nodes, f->node, &key))
		return;
	attr_cache_drop(f->fs->attrs, key);
	if (f->locked.held_ref)
		file_drop_held_ref(f);          /* its ticket holds what was acknowledged: the next mount uploads that */
	else if (spool && f->locked.has_data && !spool_move(spool, f->fs->conf.failed_dir, spool_name(spool)))
		log_error("upload=failed key=\"%s\" why=\"%s\" kept=%s/%s", printable(key, shown, sizeof(shown)),
			  errno_text(err, why, sizeof(why)), f->fs->conf.failed_dir, spool_name(spool));
	else
		log_error("upload=failed key=\"%s\" why=\"%s\"", printable(key, shown, sizeof(shown)),
			  errno_text(err, why, sizeof(why)));
}

void file_release(struct fs *fs, struct handle *h)
{
	struct file *f = h->file;
	unsigned left;
	int r = 0;

	(void)fs;
	file_busy_begin(f);
	lock_take(&f->locked.l);
	left = --f->locked.handles;
	lock_drop(&f->locked.l);
	if (!left && f->locked.state == FILE_DIRTY)
		r = file_may_hold_busy(f) ? file_hold_busy(f) : file_commit_busy(f);
	else if (!left && f->locked.state == FILE_FAILED)
		r = f->locked.error;
	if (!left && r && f->locked.state == FILE_FAILED)
		give_up(f, r);
	file_busy_end(f);
	free(h);
	file_put(f);
}

/* --- read and write ---------------------------------------------------------------------------------------------- */

static ssize_t read_once(struct file *f, struct handle *h, void *dst, size_t n, uint64_t off, bool *ret_clean)
{
	struct body *b;
	uint64_t size;
	int r;

	lock_take(&f->locked.l);
	size = f->locked.now.size;
	*ret_clean = f->locked.state == FILE_CLEAN;
	b = body_ref(f->locked.body);
	lock_drop(&f->locked.l);
	if (off >= size)
		n = 0;
	n = (size_t)min_of((uint64_t)n, size > off ? size - off : 0);
	r = body_read(b, &h->pos, dst, n, off);
	body_unref(b);
	return r ? r : (ssize_t)n;
}

ssize_t file_read(struct fs *fs, struct handle *h, void *dst, size_t n, uint64_t off)
{
	struct file *f = h->file;
	auto_free char *key = NULL;
	bool clean = false;
	ssize_t got = read_once(f, h, dst, n, off, &clean);

	if (got != -ESTALE || !clean)
		return got;
	/* Another writer replaced the object since we looked: look once more. */
	file_busy_begin(f);
	if (!node_key(fs->nodes, f->node, &key))
		attr_cache_drop(fs->attrs, key);
	if (f->locked.state == FILE_CLEAN && key && file_refresh(f, false))
		got = -ESTALE;
	else
		got = read_once(f, h, dst, n, off, &clean);
	file_busy_end(f);
	return got;
}

int file_write(struct fs *fs, struct handle *h, const void *p, size_t n, uint64_t off)
{
	struct file *f = h->file;
	int r;

	(void)fs;
	if (off + n > PART_OBJECT_MAX)
		return -EFBIG;
	scoped_lock(&f->locked.l);
	while (f->locked.busy)
		cond_wait(&f->locked.changed, &f->locked.l);
	r = file_make_dirty_locked(f);
	if (!r && off > f->locked.now.size)
		r = spool_zero(f->locked.body->spool, (struct s3_range){ f->locked.now.size, off });
	if (!r)
		r = spool_write(f->locked.body->spool, p, n, off);
	if (r)
		return r;
	f->locked.now.size = max_of(f->locked.now.size, off + n);
	f->locked.has_data = true;
	touch_mtime_locked(f);
	if (f->locked.state == FILE_DIRTY)
		file_early_locked(f, off, off + n);
	return 0;
}

int file_allocate(struct fs *fs, struct handle *h, int mode, uint64_t off, uint64_t n)
{
	struct file *f = h->file;
	int r = 0;

	(void)fs;
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_KEEP_SIZE)
		return 0;
	scoped_lock(&f->locked.l);
	while (f->locked.busy)
		cond_wait(&f->locked.changed, &f->locked.l);
	if (off + n > f->locked.now.size) {
		r = file_truncate_locked(f, off + n);
		if (!r)
			f->locked.has_data = true;
	}
	return r;
}

void file_count(struct fs *fs, struct file_counts *ret_c)
{
	struct file_table *t = fs->files;
	int64_t now = clock_mono_ms();

	memset(ret_c, 0, sizeof(*ret_c));
	scoped_lock(&t->l);
	for (struct file *f = t->first; f; f = f->next) {
		/* Peeking without the file's lock: two locks are never held together, and a count may be a moment old. */
		enum file_state s = f->locked.state;

		ret_c->open++;
		ret_c->dirty += s == FILE_DIRTY || s == FILE_COMMITTING || s == FILE_FAILED;
		/* A put-off close whose release does not follow soon is an inherited descriptor: its file is simply open. */
		ret_c->deferred += s == FILE_DIRTY && f->locked.deferred && now - f->locked.deferred_ms < DEFERRED_MS;
		ret_c->deferred += s == FILE_COMMITTING && !f->locked.handles;
		ret_c->held += s == FILE_HELD;
	}
}
