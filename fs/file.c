/* file.c - open objects: handles and reads. The states are in file_i.h. */
#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "fs/file_i.h"
#include "fs/history.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "s3/part.h"

#define RELEASE_MS 1000 /* from the close that gave a torn file up to its release, at most */

/* A change of metadata alone makes a version of the same content. */
static bool is_content_of(const struct body *a, const struct body *b)
{
	return a->full_size == b->full_size && str_same(a->etag, b->etag) &&
	       (a->etag || str_same(a->version_id, b->version_id));
}

/* Of the source's version that a clean file is; 0: it cannot be told from another. */
static uint64_t content_locked(const struct file *f)
{
	const struct attr *a = &f->locked.now;
	const char *id = a->etag ? a->etag : a->rec.version_id;
	uint8_t hash[SHA256_SIZE];
	auto_free char *text = NULL;
	uint64_t content;

	if (f->locked.state != FILE_CLEAN || !id || atomic_load(&f->locked.body->failed) ||
	    str_format(&text, "%llu %s", (unsigned long long)a->size, id) ||
	    sha256(text, strlen(text), hash))
		return 0;
	memcpy(&content, hash, sizeof(content));
	return content;
}

/* Takes over what attr says, with a body for it. Busy, clean. */
static int adopt(struct file *f, const char *key, struct attr *a)
{
	auto_with(history_place_free) struct history_place p = { 0 };
	struct body *body = NULL;
	int r = history_place(f->fs, key, &p);

	if (!r)
		r = body_new(f->fs, NULL, p.key, a, &body);
	if (r)
		return r;
	lock_take(&f->locked.l);
	if (f->locked.handles && f->locked.body->key && !is_content_of(f->locked.body, body))
		f->locked.replaced++;
	lock_drop(&f->locked.l);
	file_body_set(f, body);
	file_now_set(f, a);
	f->locked.has_data = true;
	return 0;
}

bool file_is_torn(const struct file *f)
{
	return f->locked.body->spool && spool_error(f->locked.body->spool);
}

/* Nobody will make it whole: who writes was told, and has closed it. What was acknowledged before,
 * or may be a version, has a ticket yet. Busy. */
static bool is_lost(const struct file *f)
{
	return f->locked.state == FILE_FAILED && file_is_torn(f) && !f->locked.writers &&
	       !f->locked.held_ref && !f->locked.unclear;
}

/*
 * Another client has replaced the object, and somebody has read of the one before. For him that was
 * removed, as by rename(2): he goes on with its version, or, where that has no id, gets ESTALE; the
 * name is that of a new file, with pages of its own. Busy, clean.
 */
static bool must_part(const struct file *f, const struct attr *a)
{
	const struct attr *now = &f->locked.now;

	return f->locked.handles && !f->locked.writers && atomic_load(&f->locked.body->seen) &&
	       now->etag && a->etag && strcmp(now->etag, a->etag) && !a->past;
}

static int part(struct file *f, const char *key)
{
	auto_free char *name = NULL;
	int r = node_name(f->fs->nodes, f->node, &name);

	if (r)
		return r;
	node_remove(f->fs->nodes, node_parent(f->fs->nodes, f->node), name);
	file_kill_busy(f);
	notify_key(f->fs->notify, key, true);
	return -ESTALE; /* the kernel looks the name up again */
}

/* Who reads it keeps it, and the name is that of what was before. Busy, lost. */
static void part_lost(struct file *f)
{
	auto_free char *key = NULL;

	if (node_key(f->fs->nodes, f->node, &key))
		return;
	attr_cache_drop(f->fs->attrs, key);
	(void)part(f, key);
}

int file_refresh(struct file *f, bool want_rec)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	int r = node_key(f->fs->nodes, f->node, &key);

	if (r)
		return r;
	/* who has it open for writing carries its metadata and tags into the next version */
	lock_take(&f->locked.l);
	want_rec = want_rec || f->locked.writers;
	lock_drop(&f->locked.l);
	r = attr_get(f->fs, key, &a);
	if (!r && want_rec && (a.has_object || !a.is_dir))
		r = attr_load(f->fs, key, &a, true);
	if (r)
		return r;
	if (must_part(f, &a))
		return part(f, key);
	a.has_object = a.has_object || !a.is_dir;
	return adopt(f, key, &a);
}

/* What was acknowledged stays as it is until what comes now is acknowledged in its place. */
static int leave_promised_locked(struct file *f, uint64_t keep)
{
	struct spool *spool = f->locked.body->spool;

	if (!spool || !f->locked.held_ref || f->locked.held_meta || f->locked.promised)
		return 0;
	return spool_part_ways(spool, keep, &f->locked.promised);
}

/* Clean, settling, failed or held -> dirty: gives it a spool, of which the first keep bytes are
 * wanted. Busy or not, but locked; its metadata is known. */
static int make_dirty_locked(struct file *f, uint64_t keep)
{
	struct spool *spool = NULL;
	struct body *body = NULL;
	int r = leave_promised_locked(f, keep);

	lock_assert_held(&f->locked.l);
	if (r)
		return r;
	if (f->locked.state == FILE_DEAD || f->locked.body->spool) {
		if (f->locked.state == FILE_CLEAN || f->locked.state == FILE_FAILED ||
		    f->locked.state == FILE_HELD)
			file_set_state_locked(f, FILE_DIRTY);
		if (f->locked.body->spool)
			return 0;
	}
	r = spool_new(f->fs->conf.staging_dir, f->fs->quota, &spool);
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

int file_make_dirty_locked(struct file *f)
{
	return make_dirty_locked(f, f->locked.now.size);
}

static void touch_mtime_locked(struct file *f)
{
	f->locked.mtime = clock_wall_ts();
	f->locked.mtime_set = true;
}

int file_refuse_size(const struct file *f, uint64_t size)
{
	auto_free char *key = NULL;
	char shown[256];

	if (size <= PART_OBJECT_MAX)
		return 0;
	if (node_key(f->fs->nodes, f->node, &key) == 0)
		log_warn("write=refused key=\"%s\" size=%llu "
			 "why=\"an object of S3 has 5 TiB at most\"",
			 printable(key, shown, sizeof(shown)), (unsigned long long)size);
	return -EFBIG;
}

int file_truncate_locked(struct file *f, uint64_t size)
{
	struct body *b;
	uint64_t old = f->locked.now.size;
	int r = file_refuse_size(f, size);

	r = r ? r : make_dirty_locked(f, min_of(size, old));
	if (r)
		return r;
	b = f->locked.body;
	if (size < old)
		r = spool_truncate(b->spool, size);
	else
		r = spool_zero(b->spool, (struct s3_range){ old, size });
	if (r)
		return r;
	spool_mend(b->spool, size);
	f->locked.given_up = f->locked.given_up && spool_error(b->spool);
	if (atomic_load(&b->base_size) > size)
		atomic_store(&b->base_size, size);
	f->locked.changes++;
	f->locked.now.size = size;
	touch_mtime_locked(f);
	return 0;
}

/* --- open and release ------------------------------------------------------------------------- */

static int begin_new(struct file *f, const struct file_open *o)
{
	auto_with(attr_free) struct attr a = { .rec_known = true, .rec = { .tags_known = true } };
	auto_free char *name = NULL;
	int r = node_name(f->fs->nodes, f->node, &name);

	if (!r)
		r = attr_meta_set_mode(f->fs, &a.rec.meta, o->mode);
	if (!r)
		r = attr_meta_set_owner(f->fs, &a.rec.meta, o->uid, o->gid);
	if (!r)
		r = kv_set(&a.rec.sys, "content-type", path_content_type(name));
	if (r)
		return r;
	file_now_set(f, &a);
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

/* Busy. A clean file is brought up to date; one with pending changes is itself the newest there is.
 * */
static int prepare(struct file *f, const struct file_open *o)
{
	bool made = f->locked.state == FILE_CLEAN && o->create && !f->locked.now.has_object;
	bool empty_now = false, given_up;
	int r = 0;

	lock_take(&f->locked.l);
	given_up = f->locked.given_up;
	lock_drop(&f->locked.l);
	if (given_up && is_lost(f))
		part_lost(f);
	if (given_up && f->locked.state == FILE_DEAD)
		return -ESTALE; /* the kernel looks the name up again */
	if (made)
		r = begin_new(f, o);
	else if (f->locked.state == FILE_CLEAN)
		r = file_refresh(f, opens_for_writing(o->flags));
	if (r)
		/* the kernel looks the name up again, and may create it */
		return r == -ENOENT ? -ESTALE : r;
	lock_take(&f->locked.l);
	if ((o->flags & O_TRUNC) && !made) { /* an empty one has a new time all the same */
		r = file_truncate_locked(f, 0);
		empty_now = !r;
	}
	if (empty_now) {
		f->locked.has_data = false;
		f->locked.late_meta = false;
	}
	lock_drop(&f->locked.l);
	return r;
}

/* A file that somebody has open is what the kernel has pages of: they come from it. */
static void note_content_locked(struct handle *h)
{
	struct file *f = h->file;
	uint64_t content = content_locked(f);
	struct node_table *t = f->fs->nodes;

	h->kept = content ? node_content(t, f->node) == content
			  : f->locked.handles && f->locked.state != FILE_CLEAN;
	h->replaced = f->locked.replaced;
	if (h->kept)
		atomic_store(&f->locked.body->seen, true);
	node_set_content(t, f->node, content);
}

bool file_kept(const struct handle *h)
{
	return h->kept;
}

/* The kernel releases what was closed a little later: until then a torn file has its name. */
static void await_release(struct file *f)
{
	int64_t until = clock_mono_ms() + RELEASE_MS;

	scoped_lock(&f->locked.l);
	while (f->locked.given_up && f->locked.writers && clock_mono_ms() < until)
		cond_wait_until(&f->locked.changed, &f->locked.l, until);
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
	h->writes = opens_for_writing(o->flags);
	h->opener = h->writes ? file_process_of(o->pid) : -1;
	if (!(o->flags & O_TRUNC))
		await_release(h->file);
	file_busy_begin(h->file);
	r = prepare(h->file, o);
	lock_take(&h->file->locked.l);
	if (!r) {
		note_content_locked(h);
		h->next = h->file->locked.open;
		h->file->locked.open = h;
		h->file->locked.handles++;
		h->file->locked.writers += h->writes;
	}
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

/* Nobody will ask again: the body is kept aside and said so; where something was acknowledged, this
 * mount goes on trying. Busy. */
/* A body that could not even be written whole is of no use to anybody, and fills the disk. */
static void give_up(struct file *f, int err)
{
	auto_free char *key = NULL;
	char why[64], shown[256];
	struct spool *spool = f->locked.body->spool;

	if (node_key(f->fs->nodes, f->node, &key) && str_dup("(its name is gone)", &key))
		return;
	attr_cache_drop(f->fs->attrs, key);
	if (f->locked.held_ref && !f->locked.held_meta) {
		if (!file_hold_again_busy(f)) {
			log_warn("upload=later key=\"%s\" why=\"%s\"",
				 printable(key, shown, sizeof(shown)),
				 errno_text(err, why, sizeof(why)));
			return;
		}
		/* its ticket holds what was acknowledged: the next mount makes that true */
		file_drop_held_ref(f);
		return;
	}
	file_drop_held_ref(f);
	if (spool && f->locked.has_data && !spool_error(spool) &&
	    !spool_move(spool, f->fs->conf.failed_dir, spool_name(spool)))
		log_error("upload=failed key=\"%s\" why=\"%s\" kept=%s/%s",
			  printable(key, shown, sizeof(shown)), errno_text(err, why, sizeof(why)),
			  f->fs->conf.failed_dir, spool_name(spool));
	else
		log_error("upload=failed key=\"%s\" why=\"%s\"",
			  printable(key, shown, sizeof(shown)), errno_text(err, why, sizeof(why)));
}

static void log_failed(const struct file *f, int err)
{
	auto_free char *key = NULL;
	char why[64], shown[256];

	if (!node_key(f->fs->nodes, f->node, &key))
		log_error("upload=failed key=\"%s\" why=\"%s\"",
			  printable(key, shown, sizeof(shown)), errno_text(err, why, sizeof(why)));
}

static void forget_handle_locked(struct file *f, const struct handle *h)
{
	struct handle **at = &f->locked.open;

	while (*at && *at != h)
		at = &(*at)->next;
	if (*at)
		*at = h->next;
}

void file_release(struct fs *fs, struct handle *h)
{
	struct file *f = h->file;
	bool last, saves;
	int r = 0;

	file_busy_begin(f);
	lock_take(&f->locked.l);
	forget_handle_locked(f, h);
	last = !--f->locked.handles;
	f->locked.writers -= h->writes;
	saves = last || (h->writes && (h->deferred || !f->locked.writers));
	lock_drop(&f->locked.l);
	if (saves && f->locked.state == FILE_DIRTY)
		r = file_save_busy(f);
	else if (last && f->locked.state == FILE_FAILED)
		r = f->locked.error;
	if (last && r && f->locked.state != FILE_HELD)
		give_up(f, r);
	if (!last && is_lost(f)) {
		log_failed(f, f->locked.error);
		part_lost(f);
	}
	lock_take(&f->locked.l);
	f->locked.given_up = f->locked.given_up || (r && file_is_torn(f));
	if (last)
		node_set_content(fs->nodes, f->node, content_locked(f));
	file_busy_end_locked(f);
	lock_drop(&f->locked.l);
	read_cache_leave(fs->cache, &h->pos);
	free(h);
	file_put(f);
}

/* --- names that nobody has open --------------------------------------------------------------- */

static int make_busy(struct file *f, file_stage_fn *stage, void *arg)
{
	int r = f->locked.state == FILE_CLEAN ? stage(f, arg) : -EEXIST;

	if (r == -EEXIST)
		return r;
	if (!r && file_hold_busy(f))
		r = file_commit_busy(f);
	if (r)
		file_kill_busy(f);
	return r;
}

int file_make(struct fs *fs, uint64_t parent, const char *name, bool is_dir, file_stage_fn *stage,
	      void *arg)
{
	struct node *n = NULL;
	struct file *f = NULL;
	int r = node_get(fs->nodes, parent, name, is_dir, false, &n);

	if (!r)
		r = file_get(fs, n, &f);
	if (!r) {
		file_busy_begin(f);
		r = make_busy(f, stage, arg);
		file_busy_end(f);
		if (r && r != -EEXIST)
			node_remove(fs->nodes, parent, name);
		file_put(f);
	}
	node_unref(fs->nodes, n);
	return r;
}

/* --- read ------------------------------------------------------------------------------------- */

/* Of the source's version alone: no byte is copied. */
static int view_base(struct body *b, struct read_pos *pos, size_t n, uint64_t off,
		     struct file_bytes *ret_b)
{
	const struct read_id id = { b->key, b->version_id, b->etag, b->full_size };

	return read_cache_view(b->fs->cache, &id, pos, n, off, &ret_b->view);
}

static int copy_body(struct body *b, struct read_pos *pos, size_t n, uint64_t off,
		     struct file_bytes *ret_b)
{
	auto_free void *p = malloc(n);
	int r = p ? body_read(b, pos, p, n, off) : -ENOMEM;

	if (!r) {
		ret_b->copy = take_ptr(&p);
		ret_b->n = n;
	}
	return r;
}

static int read_once(struct file *f, struct handle *h, size_t n, uint64_t off,
		     struct file_bytes *ret_b, bool *ret_again)
{
	struct body *b;
	uint64_t size;
	bool clean;
	int r = 0;

	lock_take(&f->locked.l);
	if (h->has_read && h->replaced != f->locked.replaced) {
		lock_drop(&f->locked.l);
		*ret_again = false;
		return -ESTALE;
	}
	h->has_read = true;
	h->replaced = f->locked.replaced;
	size = f->locked.now.size;
	clean = f->locked.state == FILE_CLEAN;
	b = body_ref(f->locked.body);
	lock_drop(&f->locked.l);
	n = (size_t)min_of((uint64_t)n, size > off ? size - off : 0);
	if (n && b->key && !b->spool && n <= READ_VIEW_BYTES && off + n <= b->full_size)
		r = view_base(b, &h->pos, n, off, ret_b);
	else if (n)
		r = copy_body(b, &h->pos, n, off, ret_b);
	if (n && !r)
		atomic_store(&b->seen, true);
	*ret_again = clean && !atomic_load(&b->seen);
	if (r == -EIO)
		atomic_store(&b->failed, true);
	body_unref(b);
	return r;
}

void file_bytes_free(struct file_bytes *b)
{
	read_view_free(&b->view);
	free(b->copy);
}

int file_read(struct fs *fs, struct handle *h, size_t n, uint64_t off, struct file_bytes *ret_b)
{
	struct file *f = h->file;
	auto_free char *key = NULL;
	bool again = false;
	int r = read_once(f, h, n, off, ret_b, &again);

	if (r != -ESTALE && r != -ENOENT)
		return r;
	if (!node_key(fs->nodes, f->node, &key))
		attr_cache_drop(fs->attrs, key);
	if (!again)
		return -ESTALE; /* never a mixture of two versions */
	/* Another writer replaced the object since we looked: look once more. */
	file_busy_begin(f);
	if (f->locked.state == FILE_CLEAN && key && file_refresh(f, false))
		r = -ESTALE;
	else
		r = read_once(f, h, n, off, ret_b, &again);
	file_busy_end(f);
	return r;
}
