/*
 * file_meta.c - attributes and metadata of a node, open or not: on what is pending they ride in the
 * coming version, on what the source has they are held for a while and become one together.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/change.h"
#include "fs/file_i.h"

/* What is pending of an open file, or -ENOENT when the source knows best. */
static int pending_attr(struct file *f, struct attr *ret_a)
{
	int r = -ENOENT;

	if (!f)
		return r;
	lock_take(&f->locked.l);
	if (f->locked.state != FILE_CLEAN || f->locked.handles)
		r = file_now_copy_locked(f, ret_a);
	lock_drop(&f->locked.l);
	return r;
}

int file_peek_attr(struct fs *fs, struct node *n, struct attr *ret_a)
{
	struct file *f = file_peek(fs, n);
	int r = -ENOENT;

	if (!f)
		return r;
	lock_take(&f->locked.l);
	if (f->locked.state != FILE_CLEAN && f->locked.state != FILE_DEAD)
		r = file_now_copy_locked(f, ret_a);
	lock_drop(&f->locked.l);
	file_put(f);
	return r;
}

static int stat_of_open(struct file *f, struct stat *ret_st)
{
	auto_with(attr_free) struct attr a = { 0 };
	struct timespec written = { 0, 0 };
	bool own, set, dead, posix = f->fs->conf.posix_meta;
	int r = pending_attr(f, &a);

	if (r)
		return r;
	lock_take(&f->locked.l);
	/* A clean open file shows what it was opened on, once its metadata is known; else the
	 * caches know more. */
	own = f->locked.state != FILE_CLEAN || f->locked.now.rec_known || !posix;
	written = f->locked.mtime;
	set = f->locked.mtime_set;
	dead = f->locked.state == FILE_DEAD;
	lock_drop(&f->locked.l);
	if (!own)
		return -ENOENT;
	attr_to_stat(f->fs, &a, ret_st);
	if (set)
		ret_st->st_mtim = ret_st->st_ctim = written;
	if (dead)
		ret_st->st_nlink = 0;
	return 0;
}

int file_getattr(struct fs *fs, struct node *n, struct stat *ret_st)
{
	auto_with(attr_free) struct attr a = { 0 };
	auto_free char *key = NULL;
	struct file *f = file_peek(fs, n);
	int r = f ? stat_of_open(f, ret_st) : -ENOENT;

	if (f)
		file_put(f);
	if (r != -ENOENT)
		return r;
	r = node_key(fs->nodes, n, &key);
	if (!r)
		r = attr_get(fs, key, &a);
	if (!r && fs->conf.posix_meta && a.has_object && !a.rec_known && !a.past)
		r = attr_load(fs, key, &a, false);
	if (!r)
		attr_to_stat(fs, &a, ret_st);
	return r;
}

/* --- edits ------------------------------------------------------------------------------------ */

/* Changes what the source has, in the cheapest way. a is loaded, or no object at all yet. */
static int apply(struct fs *fs, const char *key, struct attr *a, struct meta_rec *rec,
		 bool tags_only)
{
	if (!a->has_object)
		return change_put(fs, key, rec, "", 0, a);
	if (tags_only)
		return change_tags(fs, key, a, &rec->tags);
	return change_meta(fs, key, a, rec);
}

/* Busy, clean: a change of its own. The version may be a new one: reads go on from it. */
static int apply_clean(struct file *f, struct meta_rec *rec, bool tags_only)
{
	auto_with(attr_free) struct attr now = { 0 };
	auto_free char *key = NULL;
	struct body *body = NULL;
	int r = node_key(f->fs->nodes, f->node, &key);

	if (!r)
		r = file_now_copy(f, &now);
	if (!r)
		r = apply(f->fs, key, &now, rec, tags_only);
	if (!r)
		r = body_new(f->fs, NULL, key, &now, &body);
	if (r)
		return r;
	if (now.rec.sse && !tags_only)
		f->fs->files->copies_encrypted = true;
	file_body_set(f, body);
	file_now_set(f, &now);
	return 0;
}

static void swap_rec(struct file *f, struct meta_rec *rec)
{
	struct meta_rec old;

	scoped_lock(&f->locked.l);
	old = f->locked.now.rec;
	f->locked.now.rec = *rec;
	*rec = old;
}

/* Busy: rec instead of what the file has now. */
static int take_rec(struct file *f, struct meta_rec *rec, bool tags_only)
{
	bool clean = f->locked.state == FILE_CLEAN;
	int r = 0;

	/* tags need no version */
	if (clean && (tags_only || !file_may_settle_busy(f)))
		return apply_clean(f, rec, tags_only);
	swap_rec(f, rec);
	/* a version whose answer was lost does not have it */
	lock_take(&f->locked.l);
	f->locked.changes++;
	lock_drop(&f->locked.l);
	if (clean || f->locked.state == FILE_SETTLING)
		r = file_settle_busy(f);
	else if (f->locked.state == FILE_HELD)
		r = file_hold_busy(f);
	if (r)
		swap_rec(f, rec);
	return r;
}

/* Busy, with everything known of the file, tags too. What is pending was loaded when it began. The
 * root of the bucket is no object. */
static int known(struct file *f)
{
	auto_free char *key = NULL;
	int r;

	/* removed while open: it has no key any more */
	if (f->locked.state == FILE_DEAD && !node_is_dir(f->node))
		return 0;
	r = node_key(f->fs->nodes, f->node, &key);
	if (!r && !*key)
		r = -EPERM;
	return !r && f->locked.state == FILE_CLEAN ? file_refresh(f, true) : r;
}

/* Busy. A directory that is only a prefix gets a marker, which says what was shown so far. */
static int edit_file(struct file *f, file_edit_fn *fn, void *arg)
{
	auto_with(meta_rec_free) struct meta_rec rec = { 0 };
	bool tags_only = false;
	int r = 0;

	/* Has the source the last ones already? What is found by their ticket must not be taken for
	 * what comes now. */
	if (f->locked.state == FILE_SETTLING && f->locked.unclear)
		r = file_commit_busy(f);
	if (!r)
		r = known(f);
	if (!r)
		r = meta_rec_copy(&rec, &f->locked.now.rec);
	if (!r && node_is_dir(f->node) && !f->locked.now.has_object)
		r = attr_meta_set_mode(f->fs, &rec.meta, attr_meta_mode(f->fs, &rec.meta, true));
	if (!r)
		r = fn(arg, &rec, &tags_only);
	if (!r)
		r = take_rec(f, &rec, tags_only);
	return r > 0 ? 0 : r;
}

/* Nobody else changes the file, or the name of a directory above it, until changing_end. */
static int changing_begin(struct fs *fs, struct node *n, struct file **ret_f)
{
	int r = gate_change(fs, node_ino(n), 0);

	if (r)
		return r;
	r = file_get(fs, n, ret_f);
	if (r)
		gate_changed(fs);
	else
		file_busy_begin(*ret_f);
	return r;
}

static void changing_end(struct file *f)
{
	struct fs *fs = f->fs;

	file_busy_end(f);
	file_put(f);
	gate_changed(fs);
}

int file_edit_rec(struct fs *fs, struct node *n, file_edit_fn *fn, void *arg)
{
	struct file *f = NULL;
	int r = changing_begin(fs, n, &f);

	if (r)
		return r;
	r = edit_file(f, fn, arg);
	changing_end(f);
	return r;
}

/* Busy. */
static int with_file_version(struct file *f, file_version_fn *fn, void *arg)
{
	auto_with(attr_free) struct attr now = { 0 };
	auto_free char *key = NULL;
	int r = file_commit_busy(f);

	if (r || f->locked.state == FILE_DEAD)
		return r ? r : -ENOENT;
	r = known(f);
	if (!r && !f->locked.now.has_object)
		r = -ENODATA;
	if (!r)
		r = node_key(f->fs->nodes, f->node, &key);
	if (!r)
		r = file_now_copy(f, &now);
	if (!r)
		r = fn(f->fs, key, &now, arg);
	if (!r)
		file_now_set(f, &now);
	return r;
}

int file_with_version(struct fs *fs, struct node *n, file_version_fn *fn, void *arg)
{
	struct file *f = NULL;
	int r = changing_begin(fs, n, &f);

	if (r)
		return r;
	r = with_file_version(f, fn, arg);
	changing_end(f);
	return r;
}

int file_get_rec(struct fs *fs, struct node *n, bool want_tags, struct attr *ret_a, bool *ret_dirty)
{
	auto_with(attr_free) struct attr a = { 0 };
	auto_free char *key = NULL;
	struct file *f = file_peek(fs, n);
	enum file_state state = FILE_CLEAN;
	int r = pending_attr(f, &a);

	if (f) {
		lock_take(&f->locked.l);
		state = f->locked.state;
		lock_drop(&f->locked.l);
		file_put(f);
	}
	*ret_dirty = state != FILE_CLEAN && state != FILE_SETTLING;
	if (r == -ENOENT || (!r && state == FILE_CLEAN)) {
		attr_free(&a);
		r = node_key(fs->nodes, n, &key);
		if (!r)
			r = attr_get(fs, key, &a);
		if (!r && a.has_object)
			r = attr_load(fs, key, &a, want_tags);
	}
	if (r)
		return r;
	attr_free(ret_a);
	*ret_a = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

/* --- setattr ---------------------------------------------------------------------------------- */

struct setattr_edit {
	struct fs *fs;
	const struct file_change *c;
	bool is_dir;
};

static int edit_attrs(void *arg, struct meta_rec *rec, bool *ret_tags_only)
{
	const struct setattr_edit *e = arg;
	auto_with(kv_free) struct kv before = KV_EMPTY;
	mode_t type = attr_meta_mode(e->fs, &rec->meta, e->is_dir) & S_IFMT;
	int r = kv_copy(&before, &rec->meta);

	*ret_tags_only = false;
	if (!r && e->c->mode)
		r = attr_meta_set_mode(e->fs, &rec->meta, type | (e->c->new_mode & 07777));
	if (!r && e->c->owner) {
		struct stat st;
		struct attr as_is = { .is_dir = e->is_dir, .rec_known = true, .rec = *rec };

		attr_to_stat(e->fs, &as_is, &st);
		r = attr_meta_set_owner(e->fs, &rec->meta,
					e->c->uid == (uid_t)-1 ? st.st_uid : e->c->uid,
					e->c->gid == (gid_t)-1 ? st.st_gid : e->c->gid);
	}
	if (!r && e->c->mtime)
		r = attr_meta_set_mtime(e->fs, &rec->meta, e->c->new_mtime);
	if (r)
		return r;
	/* what is as it should be makes no version */
	return kv_equal(&before, &rec->meta) ? 1 : 0;
}

/* Busy; 1: that is its size. A file that nobody has open for writing is saved at once: no close
 * will come. */
static int set_size(struct file *f, uint64_t size)
{
	bool closed;
	int r = known(f);

	if (r || (f->locked.now.size == size && !file_is_torn(f)))
		return r ? r : 1;
	lock_take(&f->locked.l);
	r = file_truncate_locked(f, size);
	if (!r)
		f->locked.has_data = true;
	closed = !f->locked.writers;
	lock_drop(&f->locked.l);
	return !r && closed ? file_save_busy(f) : r;
}

static int set_file(struct file *f, const struct file_change *wanted)
{
	struct file_change c = *wanted;
	struct setattr_edit e = { .fs = f->fs, .c = &c, .is_dir = node_is_dir(f->node) };
	int r = c.size ? set_size(f, c.new_size) : 0;

	if (r == 1 && !c.mtime) { /* truncate(2): the time is that of the call all the same */
		c.mtime = true;
		c.new_mtime = clock_wall_ts();
	}
	r = min_of(r, 0);
	if (!r && c.mtime) {
		lock_take(&f->locked.l);
		/* the time that is set wins over that of the last write */
		f->locked.mtime_set = false;
		lock_drop(&f->locked.l);
	}
	if (!r && (c.mode || c.owner || c.mtime))
		r = edit_file(f, edit_attrs, &e);
	return r;
}

int file_setattr(struct fs *fs, struct node *n, struct handle *h, const struct file_change *c)
{
	struct file *f = NULL;
	int r;

	(void)h;
	if (!fs->conf.posix_meta && !c->size)
		return 0;
	if (node_is_dir(n) && c->size)
		return -EISDIR;
	r = changing_begin(fs, n, &f);
	if (r)
		return r;
	r = set_file(f, c);
	changing_end(f);
	return r == -EPERM && node_is_dir(n) ? 0 : r; /* the root's attributes are the mount's */
}

bool file_has_set_id(struct handle *h)
{
	struct file *f = h->file;

	scoped_lock(&f->locked.l);
	return attr_meta_mode(f->fs, &f->locked.now.rec.meta, false) & (S_ISUID | S_ISGID);
}
