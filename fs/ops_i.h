/* ops_i.h - what the ops*.c files share. */
#ifndef FS_OPS_I_H
#define FS_OPS_I_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "base/cancel.h"
#include "fs/attr.h"
#include "fs/fs.h"
#include "fs/node.h"

static inline struct fs *ops_fs(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/*
 * An operation that its caller may give up: between begin and end what is asked of S3 ends with
 * -EINTR when he is to die, or is told to stop. Nothing is replied before the end. For those that
 * change nothing: a change is carried on with.
 */
struct ops_cancel {
	fuse_req_t req;
	struct cancel cancel, *before;
};
void ops_cancel_begin(struct ops_cancel *c, fuse_req_t req);
void ops_cancel_end(struct ops_cancel *c);

void ops_init(void *userdata, struct fuse_conn_info *conn); /* ops_init.c */

/* r is 0 or -errno. */
void ops_reply(fuse_req_t req, int r);
/* How long the kernel may believe attributes and name of what has this mode, in seconds. */
double ops_timeout(const struct fs *fs, mode_t mode);

/* ops.c: what is at (parent, name): from pending files, the caches, or S3. -ENOENT. */
int ops_look(struct fs *fs, fuse_ino_t parent, const char *name, struct attr *ret_a);
/* One more lookup of (parent, name), which is a: fills e. */
int ops_entry(struct fs *fs, fuse_ino_t parent, const char *name, const struct attr *a,
	      struct fuse_entry_param *ret_e);
/* Looks and replies with the entry: for what was just made. */
void ops_reply_new(fuse_req_t req, fuse_ino_t parent, const char *name);
/* The names in a directory were changed: for the times in stat(2). */
void ops_names_changed(struct fs *fs, fuse_ino_t dir);
/* In a directory with the set-group-id bit what is new has its group, and a directory the bit. */
int ops_inherit(struct fs *fs, fuse_ino_t parent, gid_t *gid, mode_t *mode);
int ops_stat(struct fs *fs, fuse_ino_t ino, struct stat *ret_st);
struct file_change;
/*
 * What a write or a chown by the caller takes of the mode goes into c. The kernel leaves it to us
 * (FUSE_HANDLE_KILLPRIV_V2 in linux/fuse.h): so it asks for security.capability, of which there are
 * none here, once, and not before each write(2).
 */
int ops_unset_id(fuse_req_t req, struct node *n, struct file_change *c);
/* -EROFS for what must not be changed: the versions view, and its top's name. name NULL: ino itself
 * is to be changed, else the name in it. */
int ops_may_change(struct fs *fs, fuse_ino_t ino, const char *name);

/* ops_file.c */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *from, off_t off,
		  struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);

/* ops_dir.c */
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* ops_name.c */
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	       const char *to_name, unsigned flags);
/* Makes what is no file and no directory, and replies. body: a symlink's target, or "". */
void ops_special(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev,
		 const char *body);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);

/* ops_meta.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

#endif
