/* xattr.h - the table of user.s3.* names: get, set, list, remove. Names outside user. are answered
 * here without a request. */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "fs/fs.h"
#include "fs/node.h"

/* Value appended to out: -ENODATA when there is none. */
int xattr_get(struct fs *fs, struct node *n, const char *name, struct buf *out) must_check;
int xattr_set(struct fs *fs, struct node *n, const char *name, const void *value, size_t size,
	      int flags) must_check;
int xattr_remove(struct fs *fs, struct node *n, const char *name) must_check;
/* Names, each NUL-terminated. */
int xattr_list(struct fs *fs, struct node *n, struct buf *out) must_check;

#endif
