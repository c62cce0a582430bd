/*
 * dir.h - listing -> readdir. A handle keeps one page at a time: memory does not grow with the
 * directory. Cookies are (page, index), and hold while the page is the one that is kept, or has not
 * changed: going back asks for it again. Who reads straight on gets each name that stays once,
 * whatever comes and goes meanwhile.
 */
#ifndef FS_DIR_H
#define FS_DIR_H

#include "fs/attr.h"
#include "fs/fs.h"
#include "fs/node.h"

struct dir;

int dir_open(struct fs *fs, struct node *n, struct dir **ret_d) must_check;
void dir_close(struct dir *d);
void dir_free(struct dir *d); /* one that dir_keep.h has */

struct dir_item {
	const char *name; /* borrowed until the next call */
	bool is_dir;
	struct attr attr; /* filled when want_attr; borrowed */
	uint64_t cookie;  /* of the next item */
	/* The page's last one. A reply that went beyond might be cut by the kernel, and asked for
	 * again from before it. */
	bool last_of_page;
};
/* The item at cookie (0 = first): 1, 0 at the end, or -errno. "." and ".." are not among them.
 * want_attr: attributes are complete (unseen objects of the page are asked for by HEADs in
 * parallel). New local files that S3 does not have yet come last. */
int dir_next(struct dir *d, uint64_t cookie, bool want_attr, struct dir_item *ret_i) must_check;

int dir_make(struct fs *fs, uint64_t parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
	must_check;
int dir_remove(struct fs *fs, uint64_t parent, const char *name) must_check; /* -ENOTEMPTY */
/* The keys below the directory: -ENOTEMPTY, or whether it has an object of its own. */
int dir_check_empty(struct fs *fs, const char *key, bool *ret_marker) must_check;
/* Are there open files below n that the source does not have yet? */
bool dir_has_local(struct fs *fs, struct node *n);

#endif
