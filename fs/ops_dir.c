/* ops_dir.c - directories. fi->fh is a struct dir *. An offset is 0 for ".", 1 for "..", then
 * dir.c's cookie + 2. */
#include <errno.h>
#include <string.h>

#include "fs/dir.h"
#include "fs/file.h"
#include "fs/notify.h"
#include "fs/ops_i.h"

#define DOTS 2

static struct dir *dir_of(const struct fuse_file_info *fi)
{
	return (struct dir *)(uintptr_t)fi->fh;
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	gid_t gid = ctx->gid;
	int r = ops_may_change(ops_fs(req), parent, name);

	mode = S_IFDIR | (mode & 07777 & ~ctx->umask);
	if (!r)
		r = ops_inherit(ops_fs(req), parent, &gid, &mode);
	if (!r)
		r = dir_make(ops_fs(req), parent, name, mode, ctx->uid, gid);
	if (r) {
		ops_reply(req, r);
		return;
	}
	ops_names_changed(ops_fs(req), parent);
	ops_reply_new(req, parent, name);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int r = ops_may_change(ops_fs(req), parent, name);

	if (!r)
		r = dir_remove(ops_fs(req), parent, name);
	if (!r)
		ops_names_changed(ops_fs(req), parent);
	ops_reply(req, r);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct dir *d = NULL;
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	if (!r)
		r = dir_open(fs, n, &d);
	node_unref(fs->nodes, n);
	if (r) {
		ops_reply(req, r);
		return;
	}
	fi->fh = (uintptr_t)d;
	if (fuse_reply_open(req, fi))
		dir_close(d);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	dir_close(dir_of(fi));
	ops_reply(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = node_ref(fs->nodes, ino, &n);

	(void)datasync;
	(void)fi;
	/* of files they are there when the close has returned */
	if (!r)
		r = file_settle_names(fs, n);
	node_unref(fs->nodes, n);
	ops_reply(req, r);
}

/* What has been written of an answer. */
struct listing {
	fuse_req_t req;
	struct fs *fs;
	fuse_ino_t ino;
	bool plus;
	char *p;
	size_t size, used;
};

/* 1 = added, 0 = no room. */
static int add(struct listing *l, const char *name, const struct fuse_entry_param *e, off_t next)
{
	size_t room = l->size - l->used, n;

	if (l->plus)
		n = fuse_add_direntry_plus(l->req, l->p + l->used, room, name, e, next);
	else
		n = fuse_add_direntry(l->req, l->p + l->used, room, name, &e->attr, next);
	if (n > room)
		return 0;
	l->used += n;
	return 1;
}

static int add_dots(struct listing *l, off_t *off)
{
	static const char *const names[DOTS] = { ".", ".." };

	for (; *off < DOTS; (*off)++) {
		/* Without an inode number in e the kernel takes no attributes from it. */
		struct fuse_entry_param e = { .attr = { .st_ino = l->ino, .st_mode = S_IFDIR } };

		if (!add(l, names[*off], &e, *off + 1))
			return 0;
	}
	return 1;
}

#define INO_UNKNOWN UINT32_MAX /* as libfuse's high-level API says it */

/* Number and type only; what is not known yet is 0 or INO_UNKNOWN, and readers look it up. */
static int add_plain(struct listing *l, const struct dir_item *i)
{
	struct fuse_entry_param e = { .attr = { .st_ino = INO_UNKNOWN } };
	struct node *n = NULL;
	struct stat st;

	if (!node_find(l->fs->nodes, l->ino, i->name, &n))
		e.attr.st_ino = node_ino(n);
	node_unref(l->fs->nodes, n);
	if (i->is_dir)
		e.attr.st_mode = S_IFDIR;
	else if (i->attr.rec_known || i->attr.past || !l->fs->conf.posix_meta) {
		attr_to_stat(l->fs, &i->attr, &st);
		e.attr.st_mode = st.st_mode;
	}
	return add(l, i->name, &e, (off_t)(i->cookie + DOTS));
}

static int add_item(struct listing *l, const struct dir_item *i)
{
	struct fuse_entry_param e;
	int r;

	if (!l->plus)
		return add_plain(l, i);
	r = ops_entry(l->fs, l->ino, i->name, &i->attr, &e);
	if (r)
		return r;
	r = add(l, i->name, &e, (off_t)(i->cookie + DOTS));
	if (!r)
		node_forget(l->fs->nodes, e.ino, 1);
	return r;
}

static int fill(struct listing *l, struct dir *d, off_t off)
{
	int r = add_dots(l, &off);

	while (r > 0) {
		struct dir_item i;

		r = dir_next(d, (uint64_t)off - DOTS, l->plus, &i);
		if (r > 0)
			r = add_item(l, &i);
		if (r > 0)
			off = (off_t)(i.cookie + DOTS);
		if (r > 0 && i.last_of_page)
			break;
	}
	/* an error after the first entry comes up again with the next call */
	return l->used ? 0 : r;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 const struct fuse_file_info *fi, bool plus)
{
	struct listing l = {
		.req = req, .fs = ops_fs(req), .ino = ino, .plus = plus, .size = size
	};
	struct ops_cancel cancel;
	int r;

	l.p = malloc(size ? size : 1);
	ops_cancel_begin(&cancel, req);
	r = l.p ? fill(&l, dir_of(fi), off) : -ENOMEM;
	ops_cancel_end(&cancel);
	notify_known(l.fs->notify);
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_buf(req, l.p, l.used);
	free(l.p);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	list(req, ino, size, off, fi, true);
}
