/* file_peek.c - what an open file knows that the source does not. */
#include <errno.h>

#include "fs/file_i.h"

int file_peek_attr(struct fs *fs, struct node *n, struct attr *ret_a)
{
	struct file *f = node_is_dir(n) ? NULL : file_peek(fs, n);
	int r = -ENOENT;

	if (!f)
		return r;
	lock_take(&f->locked.l);
	if (f->locked.state != FILE_CLEAN && f->locked.state != FILE_DEAD)
		r = attr_copy(ret_a, &f->locked.now);
	if (!r && f->locked.mtime_set)
		r = attr_meta_set_mtime(fs, &ret_a->rec.meta, f->locked.mtime);
	lock_drop(&f->locked.l);
	file_put(f);
	return r;
}
