/* attr_i.h - what the files of attr*.c share. */
#ifndef FS_ATTR_I_H
#define FS_ATTR_I_H

#include "fs/attr.h"
#include "s3/list.h"

/* The first key that begins with prefix; -ENOENT when none. */
int attr_list_first(struct fs *fs, const char *prefix, struct s3_page *ret_p) must_check;
/* What HEAD says of the version that is shown. */
int attr_head(struct fs *fs, const char *key, struct attr *ret_a) must_check;
/* A directory, by the first key that is it or below it, which a request begun at since (mono ms)
 * showed. Takes the entry's ETag. */
int attr_take_dir(struct fs *fs, const char *key, struct s3_entry *e, int64_t since,
		  struct attr *ret_a) must_check;
/* One that the kernel knows was there, and goes on to be. */
void attr_past_dir(struct attr *ret_a);

#endif
