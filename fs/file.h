/*
 * file.h - an open object, one per node, shared by all its handles: read, write, truncate,
 * attributes, commit. The table of its states is in file_i.h.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "fs/attr.h"
#include "fs/cache.h"
#include "fs/fs.h"
#include "fs/node.h"
#include "fs/spool.h"

struct file;
struct handle; /* one open(2) */

struct file_table;
int file_table_new(struct fs *fs, struct file_table **ret_t) must_check;
void file_table_free(struct file_table *t);

struct file_open {
	int flags;   /* open(2)'s */
	pid_t pid;   /* of the caller */
	bool create; /* the name is free: begin a new object with this mode and owner */
	mode_t mode; /* with S_IFREG */
	uid_t uid;
	gid_t gid;
};

/* Takes a reference to n. O_TRUNC empties. A new object appears in S3 at the first commit, never
 * before. */
int file_open(struct fs *fs, struct node *n, const struct file_open *o, struct handle **ret_h)
	must_check;
/* What the kernel kept of its pages since it was open last is still what it says. */
bool file_kept(const struct handle *h);
/* Commits what is left when it was the last handle; errors are logged, as nobody hears them. Frees
 * h. */
void file_release(struct fs *fs, struct handle *h);

/* What a read(2) gets: in the read cache where that has it, else a copy. */
struct file_bytes {
	struct read_view view;
	void *copy; /* NULL: the view */
	size_t n;   /* of the copy */
};
/* fewer than n only at the end */
int file_read(struct fs *fs, struct handle *h, size_t n, uint64_t off, struct file_bytes *ret_b)
	must_check;
void file_bytes_free(struct file_bytes *b);
/* A write(2); borrows. */
struct file_piece {
	spool_put_fn *put;
	void *arg;
	size_t n;
	uint64_t off;
	/* the kernel writes pages back (mmap): there is nobody who could be held up */
	bool is_page;
};
/* -EAGAIN: there is no room for it, and nothing has happened yet: file_write_waiting. */
int file_write(struct handle *h, const struct file_piece *p) must_check;
/* The same, where who writes waits for room (quota.h); he may give that up (base/cancel.h), and
 * nothing else. Without room it is an error that sticks: no version is made of the content, until
 * it is cut to what is in front of this piece. */
int file_write_waiting(struct handle *h, const struct file_piece *p) must_check;
/* One per close(2). Commits when dirty, and returns why not. Put off (to the next one, or the
 * release) while the caller, or the process that opened the file, still has it open for writing:
 * see flush.c. */
int file_flush(struct fs *fs, struct handle *h, pid_t pid) must_check;
int file_fsync(struct fs *fs, struct handle *h) must_check;
/* mknod(2), before its release: the empty file is acknowledged, durable here, and reaches S3 when
 * it was opened and closed (tar --xattrs makes a file, sets its attributes, and opens it then: one
 * version), or when its time is up. */
int file_hold_new(struct fs *fs, struct handle *h) must_check;
/* Set-user-ID or set-group-ID, which a write may take; h writes, so that its metadata are known. */
bool file_has_set_id(struct handle *h);
/* fallocate(2) mode 0 and FALLOC_FL_KEEP_SIZE; -EOPNOTSUPP otherwise. */
int file_allocate(struct fs *fs, struct handle *h, int mode, uint64_t off, uint64_t n) must_check;

/* --- by node: whether it is open or not ------------------------------------------------------- */

/* What stat(2) shows, pending changes included. */
int file_getattr(struct fs *fs, struct node *n, struct stat *ret_st) must_check;

/* What is pending of it, without a request: -ENOENT when the source knows best (or it is not open).
 * ret_a->has_object false: the source has no version of it yet. */
int file_peek_attr(struct fs *fs, struct node *n, struct attr *ret_a) must_check;

struct file_change { /* what setattr changes */
	bool size, mode, owner, mtime;
	uint64_t new_size;
	mode_t new_mode;
	uid_t uid; /* (uid_t)-1: as it is */
	gid_t gid;
	struct timespec new_mtime;
};
/* On a dirty or held file it rides in the coming version; else it is acknowledged, durable here,
 * and becomes a version after fs_conf.settle_ms, with what else is changed until then. h may be
 * NULL. Also for directories. */
int file_setattr(struct fs *fs, struct node *n, struct handle *h, const struct file_change *c)
	must_check;

/* What is known of it now, pending changes included, for xattrs. *ret_dirty: set_rec will ride in
 * the coming version. */
int file_get_rec(struct fs *fs, struct node *n, bool want_tags, struct attr *ret_a, bool *ret_dirty)
	must_check;
/* fn changes rec (0 = changed, 1 = nothing to do, -errno = refuse) and says by *ret_tags_only that
 * only tags changed; one caller at a time per node. Then: dirty, settling: rides along; clean:
 * PutObjectTagging, or as file_setattr. */
typedef int file_edit_fn(void *arg, struct meta_rec *rec, bool *ret_tags_only);
int file_edit_rec(struct fs *fs, struct node *n, file_edit_fn *fn, void *arg) must_check;

/* fn on the version that the source has, loaded with its tags; what is pending of a file is saved
 * first. One caller at a time per node. -ENODATA: a directory without a marker. */
typedef int file_version_fn(struct fs *fs, const char *key, struct attr *a, void *arg);
int file_with_version(struct fs *fs, struct node *n, file_version_fn *fn, void *arg) must_check;

/* symlink(2): what settles is new names too: durable here, and in the source after settle_ms. */
int file_symlink(struct fs *fs, uint64_t parent, const char *name, const char *target, uid_t uid,
		 gid_t gid) must_check;
/* A name in it was made, removed or changed. */
void file_names_changed(struct fs *fs, struct node *dir);
/* A node of another kind: an object at once. */
int file_special(struct fs *fs, uint64_t parent, const char *name, const struct meta_rec *rec,
		 const char *body) must_check;
/* -EIO: no target. */
int file_readlink(struct fs *fs, struct node *n, struct buf *out) must_check;
/* unlink(2): open handles keep working on what they have. */
int file_unlink(struct fs *fs, uint64_t parent, const char *name) must_check;
/* rename(2) of a file; what was at the new name is replaced. */
int file_rename(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		const char *to_name) must_check;
/* Of a directory: every key below is copied, then every old one deleted; open files go along. The
 * target must not exist or be empty. */
int file_rename_dir(struct fs *fs, uint64_t parent, const char *name, uint64_t to_parent,
		    const char *to_name) must_check;

/* Goes on with directory renames that a dead mount, or the source's trouble, left: those that were
 * not told to have failed are finished, the others undone. Tried again later what fails. */
void file_finish_moves(struct fs *fs);
/* When its time is up; *ret_next: mono ms, CLOCK_NEVER. For settle.c. */
void file_moves_due(struct fs *fs, int64_t now_mono_ms, int64_t *ret_next);

/* Files that are acknowledged or closed but not in the source yet: put-off flushes, held names, new
 * metadata. */
struct file_counts {
	uint64_t open, dirty, deferred, held, settling;
};
void file_count(struct fs *fs, struct file_counts *ret_c);
/* Begins to commit what was held and whose time is up; *ret_next: mono ms of the next one,
 * CLOCK_NEVER. For settle.c. */
void file_commit_due(struct fs *fs, int64_t now_mono_ms, int64_t *ret_next);
/* Commits all that is held now (unmount, crrctl flush); 0 or the first error. */
int file_commit_held(struct fs *fs) must_check;
/* The same of what waits of one directory itself; and of the directories and links that were made
 * in it, too: fsync(2). */
int file_settle_dir(struct fs *fs, struct node *dir) must_check;
int file_settle_names(struct fs *fs, struct node *dir) must_check;

#endif
