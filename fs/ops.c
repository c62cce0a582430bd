/* ops.c - the table of operations, the start of the mount, lookups, and what all ops share. See
 * ops.h. */
#include "fs/ops.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/dir_keep.h"
#include "fs/file.h"
#include "fs/history.h"
#include "fs/loop.h"
#include "fs/notify.h"
#include "fs/ops_i.h"
#include "fs/path.h"

void ops_reply(fuse_req_t req, int r)
{
	fuse_reply_err(req, -r);
}

/* Directories come and go with what is in them: of those we are asked. */
double ops_timeout(const struct fs *fs, mode_t mode)
{
	int64_t most = S_ISDIR(mode) ? ATTR_MOMENT_MS : CLOCK_NEVER;

	return (double)min_of(fs->conf.attr_ms, most) / 1000.0;
}

/* Of a name that is free: of those in the versions view every write may take one, and of one that
 * no entry of the cache is about (seen.h) the kernel could not be told. */
static double absent_timeout(struct fs *fs, fuse_ino_t parent, const char *name)
{
	auto_free char *key = NULL;
	int64_t ms = fs->conf.absent_ms;

	auto_with(attr_free) struct attr a = { 0 };

	if (ms > ATTR_MOMENT_MS &&
	    (node_child_key(fs->nodes, parent, name, false, &key) || history_holds(fs, key) ||
	     attr_cache_get(fs->attrs, key, &a) != -ENOENT))
		ms = ATTR_MOMENT_MS;
	return (double)ms / 1000.0;
}

/* --- finding ---------------------------------------------------------------------------------- */

int ops_may_change(struct fs *fs, fuse_ino_t ino, const char *name)
{
	auto_free char *key = NULL;
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	if (!r)
		r = node_key(fs->nodes, n, &key);
	node_unref(fs->nodes, n);
	if (r == -ESTALE && n) /* removed while open: a file of now */
		return 0;
	if (!r && (history_holds(fs, key) || (name && history_is_top(fs, key, name))))
		r = -EROFS;
	return r;
}

static int look_pending(struct fs *fs, fuse_ino_t parent, const char *name, struct attr *ret_a)
{
	struct node *n = NULL;
	int r = node_find(fs->nodes, parent, name, &n);

	if (!r)
		r = file_peek_attr(fs, n, ret_a);
	node_unref(fs->nodes, n);
	return r;
}

int ops_look(struct fs *fs, fuse_ino_t parent, const char *name, struct attr *ret_a)
{
	auto_free char *dir_key = NULL;
	struct node *dir = NULL;
	int r = look_pending(fs, parent, name, ret_a);

	if (r != -ENOENT)
		return r;
	r = node_ref(fs->nodes, parent, &dir);
	if (!r)
		r = node_key(fs->nodes, dir, &dir_key);
	node_unref(fs->nodes, dir);
	return r ? r : attr_lookup(fs, dir_key, name, ret_a);
}

int ops_entry(struct fs *fs, fuse_ino_t parent, const char *name, const struct attr *a,
	      struct fuse_entry_param *ret_e)
{
	auto_with(attr_free) struct attr pending = { 0 };
	struct node *n = NULL;
	/* What is pending under the name is not taken away by a key of the same name and "/". */
	bool is_dir = a->is_dir && (look_pending(fs, parent, name, &pending) || pending.is_dir);
	int r = node_get(fs->nodes, parent, name, is_dir, true, &n);

	if (r)
		return r;
	attr_free(&pending);
	memset(ret_e, 0, sizeof(*ret_e));
	/* An open file knows better than a listing. */
	if (file_peek_attr(fs, n, &pending) || file_getattr(fs, n, &ret_e->attr))
		attr_to_stat(fs, a, &ret_e->attr);
	node_times_to_stat(node_times(n), &ret_e->attr);
	ret_e->ino = ret_e->attr.st_ino = node_ino(n);
	ret_e->generation = 1;
	ret_e->attr_timeout = ret_e->entry_timeout = ops_timeout(fs, ret_e->attr.st_mode);
	node_unref(fs->nodes, n);
	return 0;
}

static void reply_entry(fuse_req_t req, struct fs *fs, const struct fuse_entry_param *e)
{
	notify_known(fs->notify);
	if (fuse_reply_entry(req, e) && e->ino)
		node_forget(fs->nodes, e->ino, 1); /* the kernel has not heard of it */
}

void ops_reply_new(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = ops_fs(req);
	struct fuse_entry_param e;
	auto_with(attr_free) struct attr a = { 0 };
	int r = ops_look(fs, parent, name, &a);

	if (!r)
		r = ops_entry(fs, parent, name, &a, &e);
	if (r)
		ops_reply(req, r);
	else
		reply_entry(req, fs, &e);
}

int ops_stat(struct fs *fs, fuse_ino_t ino, struct stat *ret_st)
{
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	if (!r)
		r = file_getattr(fs, n, ret_st);
	if (!r) {
		ret_st->st_ino = ino;
		node_times_to_stat(node_times(n), ret_st);
	}
	node_unref(fs->nodes, n);
	return r;
}

void ops_names_changed(struct fs *fs, fuse_ino_t dir)
{
	struct node *n = NULL;

	if (!node_ref(fs->nodes, dir, &n)) {
		node_times_names_changed(node_times(n));
		file_names_changed(fs, n);
		dir_keep_drop(fs->dirs, n);
	}
	node_unref(fs->nodes, n);
}

/* Has the caller the rights of the group, or all? */
static bool is_in_group(fuse_req_t req, gid_t gid)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	gid_t groups[256];
	int n = 0;

	if (!ctx->uid || ctx->gid == gid)
		return true;
	n = min_of(fuse_req_getgroups(req, (int)array_size(groups), groups),
		   (int)array_size(groups));
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

int ops_unset_id(fuse_req_t req, struct node *n, struct file_change *c)
{
	struct stat st;
	int r = node_is_dir(n) ? 0 : file_getattr(ops_fs(req), n, &st);

	if (r || node_is_dir(n) || !(st.st_mode & (S_ISUID | S_ISGID)))
		return r;
	c->new_mode = attr_mode_unset_id(st.st_mode, is_in_group(req, st.st_gid));
	c->mode = c->new_mode != st.st_mode;
	return 0;
}

int ops_inherit(struct fs *fs, fuse_ino_t parent, gid_t *gid, mode_t *mode)
{
	struct stat st;
	int r = ops_stat(fs, parent, &st);

	if (r || !(st.st_mode & S_ISGID))
		return r;
	*gid = st.st_gid;
	if (S_ISDIR(*mode))
		*mode |= S_ISGID;
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = ops_fs(req);
	struct fuse_entry_param e = { 0 };
	auto_with(attr_free) struct attr a = { 0 };
	struct ops_cancel cancel;
	int r;

	ops_cancel_begin(&cancel, req);
	r = ops_look(fs, parent, name, &a);
	if (!r)
		r = ops_entry(fs, parent, name, &a, &e);
	ops_cancel_end(&cancel);
	if (r == -ENOENT) {
		e.entry_timeout = absent_timeout(fs, parent, name);
		r = 0;
	}
	if (r)
		ops_reply(req, r);
	else
		reply_entry(req, fs, &e);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_forget(ops_fs(req)->nodes, ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		node_forget(ops_fs(req)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static const struct fuse_lowlevel_ops table = {
	.init = ops_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write_buf = op_write_buf,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.setxattr = op_setxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};

const struct fuse_lowlevel_ops *ops_table(void)
{
	return &table;
}
