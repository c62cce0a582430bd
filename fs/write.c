/*
 * write.c - bytes come into an open file. Where there is no room for them who writes waits, outside
 * of all locks: quota.h says when, and for what.
 *
 *  write(2) of a piece       the spool      close(2), fsync(2)
 *  is in the spool           whole          make a version
 *  has no room, is given up  torn           say the write's error; no version
 *  is interrupted            as it was      make a version of what is there, as after any signal
 *  the same, and the disk    torn           say ENOSPC; no version
 *  had no room for it
 *
 * A file that is not dirty yet (clean, settling, held) has lost nothing by a write that had no
 * room: its content is what was acknowledged.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "fs/file_i.h"

static void wait_idle_locked(struct file *f)
{
	lock_assert_held(&f->locked.l);
	while (f->locked.busy)
		cond_wait(&f->locked.changed, &f->locked.l);
}

/* As far as the disk has room. Nothing has happened but that the file may be dirty when is_no_room
 * is returned. */
static int write_now(struct file *f, const struct file_piece *p)
{
	struct spool *spool;
	int r;

	scoped_lock(&f->locked.l);
	wait_idle_locked(f);
	r = file_make_dirty_locked(f);
	if (r)
		return r;
	spool = f->locked.body->spool;
	if (p->off > f->locked.now.size)
		r = spool_zero(spool, (struct s3_range){ f->locked.now.size, p->off });
	if (!r)
		r = spool_write_by(spool, p->put, p->arg, p->n, p->off);
	if (r)
		return r;
	f->locked.now.size = max_of(f->locked.now.size, p->off + p->n);
	f->locked.changes++;
	f->locked.has_data = true;
	f->locked.mtime = clock_wall_ts();
	f->locked.mtime_set = true;
	if (f->locked.state == FILE_DIRTY)
		file_early_locked(f, p->off, p->off + p->n);
	return 0;
}

int file_write(struct handle *h, const struct file_piece *p)
{
	struct file *f = h->file;
	int r = file_refuse_size(f, p->off + p->n);

	if (r)
		return r;
	if (!p->is_page && !quota_has_room(f->fs->quota, p->n))
		return -EAGAIN;
	r = write_now(f, p);
	return is_no_room(r) ? -EAGAIN : r;
}

/* --- without room ----------------------------------------------------------------------------- */

static uint64_t own_bytes(struct file *f)
{
	scoped_lock(&f->locked.l);
	return f->locked.body->spool ? spool_bytes(f->locked.body->spool) : 0;
}

/* The content lacks the piece, and its program was told so. */
static void give_up(struct file *f, const struct file_piece *p, int err)
{
	auto_free char *key = NULL;
	char shown[256];
	bool first = false;

	lock_take(&f->locked.l);
	wait_idle_locked(f);
	if (f->locked.body->spool && f->locked.state != FILE_HELD) {
		first = !spool_error(f->locked.body->spool);
		spool_fail(f->locked.body->spool, err, p->off);
	}
	lock_drop(&f->locked.l);
	if (first && err == -ETIMEDOUT && !node_key(f->fs->nodes, f->node, &key))
		log_error("op=write key=\"%s\" why=\"as much as staging_max waits for the bucket, "
			  "in vain\"",
			  printable(key, shown, sizeof(shown)));
}

/* Is it torn already? Then there is nothing to wait for. */
static int error_of(struct file *f)
{
	scoped_lock(&f->locked.l);
	return f->locked.body->spool ? spool_error(f->locked.body->spool) : 0;
}

/* Until it is written, or given up. *ret_full: the disk had no room for it. */
static int write_till_end(struct file *f, const struct file_piece *p, struct quota_wait *w,
			  bool *ret_full)
{
	int r;

	for (;;) {
		r = error_of(f);
		if (!r && (!p->is_page || *ret_full))
			r = quota_room(w, *ret_full, own_bytes(f), p->n);
		if (r)
			return r;
		r = write_now(f, p);
		*ret_full = is_no_room(r);
		if (!*ret_full)
			return r;
	}
}

int file_write_waiting(struct handle *h, const struct file_piece *p)
{
	struct file *f = h->file;
	struct cancel *cancel = cancel_enter(NULL); /* it is the wait that can be given up */
	struct quota_wait w;
	bool full = false;
	int r;

	quota_begin(f->fs->quota, p->is_page ? NULL : cancel, &w);
	r = write_till_end(f, p, &w, &full);
	quota_end(&w);
	if (is_no_room(r) || r == -ETIMEDOUT)
		give_up(f, p, r);
	else if (r == -EINTR && full)
		give_up(f, p, -ENOSPC);
	cancel_enter(cancel);
	return r;
}

/* --- fallocate -------------------------------------------------------------------------------- */

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
	wait_idle_locked(f);
	if (off + n > f->locked.now.size) {
		r = file_truncate_locked(f, off + n);
		if (!r)
			f->locked.has_data = true;
	}
	return r;
}
