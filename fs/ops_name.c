/* ops_name.c - unlink, rename, links. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/ops_i.h"

#define TARGET_MAX 4096 /* PATH_MAX */

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = ops_may_change(fs, parent, name);

	if (!r && node_find(fs->nodes, parent, name, &n))
		n = NULL;
	if (!r)
		r = file_unlink(fs, parent, name);
	if (!r)
		ops_names_changed(fs, parent);
	if (!r && n)
		node_times_changed(node_times(n));
	node_unref(fs->nodes, n);
	ops_reply(req, r);
}

/* May what is at one name take the place of what is at another? rename(2). */
static int may_replace(const struct attr *from, const struct attr *to, unsigned flags)
{
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (from->is_dir && !to->is_dir)
		return -ENOTDIR;
	return !from->is_dir && to->is_dir ? -EISDIR : 0;
}

static bool has_local(struct fs *fs, fuse_ino_t parent, const char *name)
{
	struct node *n = NULL;
	bool local =
		!node_find(fs->nodes, parent, name, &n) && node_is_dir(n) && dir_has_local(fs, n);

	node_unref(fs->nodes, n);
	return local;
}

static int do_rename(struct fs *fs, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
		     const char *to_name, unsigned flags)
{
	auto_with(attr_free) struct attr from = { 0 }, to = { 0 };
	int r = flags & ~(unsigned)RENAME_NOREPLACE ? -EINVAL : ops_look(fs, parent, name, &from),
	    there;

	if (r)
		return r;
	there = ops_look(fs, to_parent, to_name, &to);
	if (there && there != -ENOENT)
		return there;
	if (!there)
		r = may_replace(&from, &to, flags);
	if (!r && !there && to.is_dir && has_local(fs, to_parent, to_name))
		r = -ENOTEMPTY;
	if (r)
		return r;
	return from.is_dir ? file_rename_dir(fs, parent, name, to_parent, to_name)
			   : file_rename(fs, parent, name, to_parent, to_name);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	       const char *to_name, unsigned flags)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = ops_may_change(fs, parent, name);

	if (!r)
		r = ops_may_change(fs, to_parent, to_name);
	if (!r)
		r = do_rename(fs, parent, name, to_parent, to_name, flags);
	if (!r) {
		ops_names_changed(fs, parent);
		ops_names_changed(fs, to_parent);
	}
	if (!r && !node_find(fs->nodes, to_parent, to_name, &n)) {
		node_times_changed(node_times(n));
		node_unref(fs->nodes, n);
	}
	ops_reply(req, r);
}

/* A symlink is an object whose body is the target and whose mode says so: s3fs's form. FIFOs,
 * sockets and devices have no body. */
static int make_special(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			dev_t rdev, const char *body)
{
	struct fs *fs = ops_fs(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	auto_with(attr_free) struct attr a = { 0 };
	auto_with(meta_rec_free) struct meta_rec rec = { .tags_known = true };
	gid_t gid = ctx->gid;
	int r = fs->conf.posix_meta ? ops_look(fs, parent, name, &a) : -EPERM;

	if (r != -ENOENT)
		return r ? r : -EEXIST;
	r = ops_inherit(fs, parent, &gid, &mode);
	if (!r && S_ISLNK(mode))
		return file_symlink(fs, parent, name, body, ctx->uid, gid);
	if (!r)
		r = attr_meta_set_mode(fs, &rec.meta, mode);
	if (!r && (S_ISCHR(mode) || S_ISBLK(mode)))
		r = attr_meta_set_rdev(fs, &rec.meta, rdev);
	if (!r)
		r = attr_meta_set_owner(fs, &rec.meta, ctx->uid, gid);
	if (!r)
		r = attr_meta_set_mtime(fs, &rec.meta, clock_wall_ts());
	if (!r)
		r = kv_set(&rec.sys, "content-type", "application/octet-stream");
	return r ? r : file_special(fs, parent, name, &rec, body);
}

void ops_special(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev,
		 const char *body)
{
	int r = ops_may_change(ops_fs(req), parent, name);

	if (!r)
		r = make_special(req, parent, name, mode, rdev, body);
	if (r) {
		ops_reply(req, r);
		return;
	}
	ops_names_changed(ops_fs(req), parent);
	ops_reply_new(req, parent, name);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	ops_special(req, parent, name, S_IFLNK | 0777, 0, target);
}

static int read_target(struct fs *fs, fuse_ino_t ino, struct buf *out)
{
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	if (!r)
		r = file_readlink(fs, n, out);
	node_unref(fs->nodes, n);
	return r;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	auto_with(buf_free) struct buf b;
	struct ops_cancel cancel;
	int r;

	buf_init(&b, TARGET_MAX);
	ops_cancel_begin(&cancel, req);
	r = read_target(ops_fs(req), ino, &b);
	ops_cancel_end(&cancel);
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_readlink(req, buf_str(&b));
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	(void)parent;
	(void)name;
	ops_reply(req, -EPERM); /* link(2): no hard links here. S3 has one key per object */
}
