/* ops_file.c - create, open, and what goes through an open file. fi->fh is a struct handle *. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "fs/file.h"
#include "fs/history.h"
#include "fs/notify.h"
#include "fs/ops_i.h"

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static struct file_open how(fuse_req_t req, int flags, bool create, mode_t mode)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct file_open){
		.flags = flags,
		.pid = ctx->pid,
		.create = create,
		.mode = S_IFREG | (mode & 07777 & ~ctx->umask),
		.uid = ctx->uid,
		.gid = ctx->gid,
	};
}

/* Who writes, and is not root, takes set-user-ID and set-group-ID; the kernel is told, as there are
 * no attributes in the answer. */
static int unset_id(fuse_req_t req, struct node *n, struct handle *h)
{
	struct fs *fs = ops_fs(req);
	struct file_change c = { 0 };
	int r;

	if (!fuse_req_ctx(req)->uid || !file_has_set_id(h))
		return 0;
	r = ops_unset_id(req, n, &c);
	if (!r && c.mode)
		r = file_setattr(fs, n, h, &c);
	if (!r && c.mode)
		notify_attrs(fs->notify, node_ino(n));
	return r;
}

static int unset_id_of(fuse_req_t req, fuse_ino_t ino, struct handle *h)
{
	struct fs *fs = ops_fs(req);
	struct node *n = NULL;
	int r = fuse_req_ctx(req)->uid ? node_ref(fs->nodes, ino, &n) : 0;

	if (!r && n)
		r = unset_id(req, n, h);
	node_unref(fs->nodes, n);
	return r;
}

/* What changes something is not given up. */
static void release(struct fs *fs, struct handle *h)
{
	struct cancel *before = cancel_enter(NULL);

	file_release(fs, h);
	cancel_enter(before);
}

static int open_node(fuse_req_t req, struct node *n, const struct file_open *o,
		     struct handle **ret_h)
{
	struct fs *fs = ops_fs(req);
	struct handle *h = NULL;
	int r = file_open(fs, n, o, &h);
	struct cancel *before = cancel_enter(NULL); /* what changes something is not given up */

	if (!r && !o->create && (o->flags & O_TRUNC))
		r = unset_id(req, n, h);
	if (!r)
		*ret_h = h;
	else if (h)
		file_release(fs, h);
	cancel_enter(before);
	return r;
}

/* Opens (parent, name), made when it is free; one more lookup of it on success. */
static int create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, int flags,
		  struct handle **ret_h, struct fuse_entry_param *ret_e)
{
	struct fs *fs = ops_fs(req);
	auto_with(attr_free) struct attr a = { 0 };
	struct node *n = NULL;
	int r = ops_may_change(fs, parent, name);
	struct file_open o;

	if (r)
		return r;
	r = ops_look(fs, parent, name, &a);
	o = how(req, flags, r == -ENOENT, mode);
	if (!r && (flags & O_EXCL))
		return -EEXIST;
	if (!r && a.is_dir)
		return -EISDIR;
	if (o.create)
		r = ops_inherit(fs, parent, &o.gid, &o.mode);
	if (!r)
		r = node_get(fs->nodes, parent, name, false, false, &n);
	if (!r)
		r = open_node(req, n, &o, ret_h);
	if (!r) {
		r = ops_entry(fs, parent, name, &a, ret_e);
		if (r)
			release(fs, *ret_h);
	}
	if (!r && o.create)
		ops_names_changed(fs, parent);
	node_unref(fs->nodes, n);
	return r;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct fuse_entry_param e;
	struct handle *h = NULL;
	struct ops_cancel cancel;
	int r;

	ops_cancel_begin(&cancel, req);
	r = create(req, parent, name, mode, fi->flags, &h, &e);
	ops_cancel_end(&cancel);
	if (r) {
		ops_reply(req, r);
		return;
	}
	fi->fh = (uintptr_t)h;
	if (fuse_reply_create(req, &e, fi)) {
		file_release(fs, h);
		node_forget(fs->nodes, e.ino, 1);
	}
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = ops_fs(req);
	struct fuse_entry_param e;
	struct handle *h = NULL;
	int r;

	if (!S_ISREG(mode) && (mode & S_IFMT)) {
		ops_special(req, parent, name, mode & ~fuse_req_ctx(req)->umask, rdev, "");
		return;
	}
	r = create(req, parent, name, mode, O_WRONLY | O_EXCL, &h, &e);
	if (r) {
		ops_reply(req, r);
		return;
	}
	r = file_hold_new(fs, h);
	file_release(fs, h);
	if (r)
		ops_reply(req, r);
	if (r || fuse_reply_entry(req, &e))
		node_forget(fs->nodes, e.ino, 1);
}

/* A version cannot be changed, and where the version is a delete marker there is no object. */
static int check_past(struct fs *fs, const struct node *n, int flags)
{
	auto_free char *key = NULL;
	auto_with(attr_free) struct attr a = { 0 };
	int r = node_key(fs->nodes, n, &key);

	if (r == -ESTALE) /* removed while open: a file of now */
		return 0;
	if (r || !history_holds(fs, key))
		return r;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		return -EROFS;
	r = attr_get(fs, key, &a);
	return r ? r : a.has_object ? 0 : -ENOENT;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct file_open o = how(req, fi->flags, false, 0);
	struct handle *h = NULL;
	struct node *n = NULL;
	struct ops_cancel cancel;
	int r = node_ref(fs->nodes, ino, &n);

	ops_cancel_begin(&cancel, req);
	if (!r)
		r = node_is_dir(n) ? -EISDIR : check_past(fs, n, fi->flags);
	if (!r)
		r = open_node(req, n, &o, &h);
	ops_cancel_end(&cancel);
	node_unref(fs->nodes, n);
	if (r) {
		ops_reply(req, r);
		return;
	}
	fi->fh = (uintptr_t)h;
	fi->keep_cache = file_kept(h);
	if (fuse_reply_open(req, fi))
		file_release(fs, h);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	auto_with(file_bytes_free) struct file_bytes b = { .n = 0 };
	struct ops_cancel cancel;
	int r;

	(void)ino;
	ops_cancel_begin(&cancel, req);
	r = file_read(ops_fs(req), handle_of(fi), size, (uint64_t)off, &b);
	ops_cancel_end(&cancel);
	if (r)
		ops_reply(req, r);
	else if (b.copy)
		fuse_reply_buf(req, b.copy, b.n);
	else
		fuse_reply_iov(req, b.view.iov, (int)b.view.n);
}

struct kernel_bytes {
	struct fuse_bufvec *from;
	void *copy; /* owned; NULL: they are where they came */
};

/* What a pipe gave is in the file, and no longer in the pipe: all goes to memory, so that it can be
 * tried again. */
static int take_back(struct kernel_bytes *b, int fd, size_t done, size_t n, uint64_t off)
{
	struct fuse_bufvec to = FUSE_BUFVEC_INIT(n - done);
	auto_free uint8_t *copy = NULL;
	int r;

	if (b->from->buf[0].flags & FUSE_BUF_IS_FD) {
		copy = malloc(n);
		r = copy ? io_pread_full(fd, copy, done, off) : -ENOMEM;
		if (r)
			return r;
		to.buf[0].mem = copy + done;
		if (fuse_buf_copy(&to, b->from, 0) != (ssize_t)(n - done))
			return -EIO;
		b->from->buf[0] = (struct fuse_buf){ .mem = copy, .size = n };
		b->copy = take_ptr(&copy);
	}
	b->from->idx = 0;
	b->from->off = 0;
	return 0;
}

/* The kernel's pages go to the staged file by its pipe, where it offers one. */
static int put_from_kernel(void *arg, int fd, size_t n, uint64_t off)
{
	struct kernel_bytes *b = arg;
	struct fuse_bufvec to = FUSE_BUFVEC_INIT(n);
	ssize_t got, more;
	int r;

	to.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	to.buf[0].fd = fd;
	to.buf[0].pos = (off_t)off;
	got = fuse_buf_copy(&to, b->from, 0);
	if (got < 0 || (size_t)got == n)
		return got < 0 ? (int)got : 0;
	/* some of it was written: why no more, the rest tells */
	more = fuse_buf_copy(&to, b->from, 0);
	if (more >= 0)
		return -EIO;
	r = is_no_room((int)more) ? take_back(b, fd, (size_t)got, n, off) : 0;
	return r ? r : (int)more;
}

void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *from, off_t off,
		  struct fuse_file_info *fi)
{
	struct kernel_bytes bytes = { from, NULL };
	const struct file_piece p = {
		.put = put_from_kernel,
		.arg = &bytes,
		.n = fuse_buf_size(from),
		.off = (uint64_t)off,
		.is_page = fi->writepage,
	};
	struct ops_cancel cancel;
	int r = file_write(handle_of(fi), &p);

	if (r == -EAGAIN) {
		ops_cancel_begin(&cancel, req);
		r = file_write_waiting(handle_of(fi), &p);
		ops_cancel_end(&cancel);
	}
	free(bytes.copy);
	if (!r && !p.is_page)
		r = unset_id_of(req, ino, handle_of(fi));
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_write(req, p.n);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	ops_reply(req, file_flush(ops_fs(req), handle_of(fi), fuse_req_ctx(req)->pid));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	file_release(ops_fs(req), handle_of(fi));
	ops_reply(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	ops_reply(req, file_fsync(ops_fs(req), handle_of(fi)));
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
		  struct fuse_file_info *fi)
{
	int r = file_allocate(ops_fs(req), handle_of(fi), mode, (uint64_t)off, (uint64_t)length);

	ops_reply(req, r ? r : unset_id_of(req, ino, handle_of(fi)));
}

/* All of a file is data, and the hole is behind its end (lseek(2) allows it). */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct stat st;
	int r = ops_stat(ops_fs(req), ino, &st);

	(void)fi;
	if (!r && whence != SEEK_DATA && whence != SEEK_HOLE)
		r = -EINVAL;
	if (!r && (off < 0 || off >= st.st_size))
		r = -ENXIO;
	if (r)
		ops_reply(req, r);
	else
		fuse_reply_lseek(req, whence == SEEK_DATA ? off : st.st_size);
}
