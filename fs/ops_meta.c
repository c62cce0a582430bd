/* ops_meta.c - attributes, extended attributes, statfs. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "fs/file.h"
#include "fs/ops_i.h"
#include "fs/path.h"
#include "fs/xattr.h"

#define XATTR_ANSWER_MAX (64 * 1024) /* the kernel's own: XATTR_SIZE_MAX, XATTR_LIST_MAX */
#define STATFS_BLOCK	 4096
/* 1 PiB: S3 has no size, and programs refuse to write to a full disk */
#define STATFS_BLOCKS ((fsblkcnt_t)1 << 38)
#define STATFS_FILES  ((fsfilcnt_t)1 << 40)

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct ops_cancel cancel;
	struct stat st;
	int r;

	(void)fi;
	ops_cancel_begin(&cancel, req);
	r = ops_stat(fs, ino, &st);
	ops_cancel_end(&cancel);
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_attr(req, &st, ops_timeout(fs, st.st_mode));
}

static struct file_change change_of(const struct stat *st, int to_set)
{
	return (struct file_change){
		.size = to_set & FUSE_SET_ATTR_SIZE,
		.mode = to_set & FUSE_SET_ATTR_MODE,
		.owner = to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID),
		.mtime = to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
		.new_size = (uint64_t)st->st_size,
		.new_mode = st->st_mode,
		.uid = to_set & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
		.gid = to_set & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1,
		.new_mtime = to_set & FUSE_SET_ATTR_MTIME_NOW ? clock_wall_ts() : st->st_mtim,
	};
}

/* A chown takes set-user-ID and set-group-ID, and so does who truncates and is not root. Nothing to
 * be set: chown(2) of nobody to nobody, or the kernel before a write by somebody who may not keep
 * them. */
static bool takes_set_id(fuse_req_t req, const struct file_change *c, int to_set)
{
	return !c->mode && (c->owner || !to_set || (c->size && fuse_req_ctx(req)->uid));
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct file_change c = change_of(st, to_set);
	struct handle *h = fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
	struct node *n = NULL;
	struct stat now;
	int r = ops_may_change(fs, ino, NULL);

	if (!r)
		r = node_ref(fs->nodes, ino, &n);
	if (!r && takes_set_id(req, &c, to_set))
		r = ops_unset_id(req, n, &c);
	if (!r && (c.size || c.mode || c.owner || c.mtime))
		r = file_setattr(fs, n, h, &c);
	if (!r && c.mtime)
		node_times_mtime_is_set(node_times(n));
	if (!r)
		node_times_changed(node_times(n));
	node_unref(fs->nodes, n);
	if (!r)
		r = ops_stat(fs, ino, &now);
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_attr(req, &now, ops_timeout(fs, now.st_mode));
}

/* The two-step protocol of getxattr(2) and listxattr(2): size 0 asks how much. */
static void reply_value(fuse_req_t req, int r, const struct buf *b, size_t size)
{
	if (!r && b->error)
		r = b->error;
	if (!r && size && b->len > size)
		r = -ERANGE;
	if (r)
		ops_reply(req, r);
	else if (!size)
		fuse_reply_xattr(req, b->len);
	else
		fuse_reply_buf(req, buf_str(b), b->len);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = ops_fs(req);
	auto_with(buf_free) struct buf b;
	struct ops_cancel cancel;
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	buf_init(&b, XATTR_ANSWER_MAX);
	ops_cancel_begin(&cancel, req);
	if (!r)
		r = xattr_get(fs, n, name, &b);
	ops_cancel_end(&cancel);
	node_unref(fs->nodes, n);
	reply_value(req, r, &b, size);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = ops_fs(req);
	auto_with(buf_free) struct buf b;
	struct ops_cancel cancel;
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	buf_init(&b, XATTR_ANSWER_MAX);
	ops_cancel_begin(&cancel, req);
	if (!r)
		r = xattr_list(fs, n, &b);
	ops_cancel_end(&cancel);
	node_unref(fs->nodes, n);
	reply_value(req, r, &b, size);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = ops_may_change(fs, ino, NULL);

	if (!r)
		r = node_ref(fs->nodes, ino, &n);
	if (!r)
		r = xattr_set(fs, n, name, value, size, flags);
	if (!r)
		node_times_changed(node_times(n));
	node_unref(fs->nodes, n);
	ops_reply(req, r);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = ops_may_change(fs, ino, NULL);

	if (!r)
		r = node_ref(fs->nodes, ino, &n);
	if (!r)
		r = xattr_remove(fs, n, name);
	if (!r)
		node_times_changed(node_times(n));
	node_unref(fs->nodes, n);
	ops_reply(req, r);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs v = {
		.f_bsize = STATFS_BLOCK,
		.f_frsize = STATFS_BLOCK,
		.f_blocks = STATFS_BLOCKS,
		.f_bfree = STATFS_BLOCKS,
		.f_bavail = STATFS_BLOCKS,
		.f_files = STATFS_FILES,
		.f_ffree = STATFS_FILES,
		.f_favail = STATFS_FILES,
		.f_namemax = PATH_NAME_MAX,
	};

	(void)ino;
	fuse_reply_statfs(req, &v);
}
