/*
 * symlink.c - symbolic links: a small object whose body is the target and whose mode says what it
 * is, as s3fs makes them. A new one is held for a moment, like a file from mknod(2): owner and
 * times ride along, and one that is removed soon (git tries whether there are links) makes nothing.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/change.h"
#include "fs/file_i.h"
#include "s3/object.h"

#define TARGET_MAX 4096 /* PATH_MAX */

static int make_rec(struct fs *fs, uid_t uid, gid_t gid, struct meta_rec *rec)
{
	int r = attr_meta_set_mode(fs, &rec->meta, S_IFLNK | 0777);

	rec->tags_known = true;
	if (!r)
		r = attr_meta_set_owner(fs, &rec->meta, uid, gid);
	if (!r)
		r = attr_meta_set_mtime(fs, &rec->meta, clock_wall_ts());
	return r ? r : kv_set(&rec->sys, "content-type", "application/octet-stream");
}

struct link {
	struct meta_rec rec;
	const char *target;
};

/* A file_stage_fn. Takes rec. */
static int stage(struct file *f, void *arg)
{
	struct link *l = arg;
	size_t n = strlen(l->target);
	struct attr now = { .rec_known = true, .size = n, .rec = l->rec };
	int r;

	memset(&l->rec, 0, sizeof(l->rec));
	file_now_set(f, &now);
	f->locked.made = true;
	scoped_lock(&f->locked.l);
	r = file_make_dirty_locked(f);
	if (!r)
		r = spool_write(f->locked.body->spool, l->target, n, 0);
	f->locked.has_data = true;
	return r;
}

int file_symlink(struct fs *fs, uint64_t parent, const char *name, const char *target, uid_t uid,
		 gid_t gid)
{
	struct link l = { .target = target };
	int r = make_rec(fs, uid, gid, &l.rec);

	if (!r)
		r = fs->conf.settle_ms ? file_make(fs, parent, name, false, stage, &l)
				       : file_special(fs, parent, name, &l.rec, target);
	meta_rec_free(&l.rec);
	return r;
}

int file_special(struct fs *fs, uint64_t parent, const char *name, const struct meta_rec *rec,
		 const char *body)
{
	auto_free char *key = NULL;
	int r = gate_change(fs, parent, 0);

	if (r)
		return r;
	r = node_child_key(fs->nodes, parent, name, false, &key);
	if (!r)
		r = change_put(fs, key, rec, body, strlen(body), NULL);
	gate_changed(fs);
	return r;
}

/* -ENOENT: the source has it. */
static int read_held(struct file *f, struct buf *out)
{
	char target[TARGET_MAX];
	struct read_pos pos = { 0 };
	struct body *b = NULL;
	uint64_t size;
	int r;

	lock_take(&f->locked.l);
	size = f->locked.now.size;
	if (f->locked.body->spool)
		b = body_ref(f->locked.body);
	lock_drop(&f->locked.l);
	if (!b)
		return -ENOENT;
	r = size < sizeof(target) ? body_read(b, &pos, target, size, 0) : -EFBIG;
	body_unref(b);
	return r ? r : buf_add(out, target, size);
}

int file_readlink(struct fs *fs, struct node *n, struct buf *out)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	struct file *f = file_peek(fs, n);
	int r = f ? read_held(f, out) : -ENOENT;

	if (f)
		file_put(f);
	if (r == -ENOENT) {
		r = node_key(fs->nodes, n, &key);
		if (!r)
			r = attr_get(fs, key, &a);
		if (!r)
			r = object_get_small(fs->source, key, a.rec.version_id, TARGET_MAX - 1, out,
					     NULL);
	}
	return r == -EFBIG || (!r && !out->len) || (!r && memchr(out->data, '\0', out->len)) ? -EIO
											     : r;
}
