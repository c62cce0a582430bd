/* history_i.h - what the history*.c files share. */
#ifndef FS_HISTORY_I_H
#define FS_HISTORY_I_H

#include "fs/history.h"

#define HISTORY_PAGE 1000 /* the most that a server gives */

/* Where the next page of a listing begins; a string between two calls. */
struct history_mark {
	char stage;	     /* history_dir.c's */
	bool decided;	     /* history_at.c: of key, what there was is told already */
	unsigned tie;	     /* history_dir.c: so many entries before this one */
	int64_t tie_ms;	     /* have this time */
	char *key, *version; /* S3's markers; NULL: the start */
};
void history_mark_free(struct history_mark *m);
int history_mark_write(const struct history_mark *m, char **ret_token) must_check;
int history_mark_read(const char *token, struct history_mark *ret_m) must_check;

/* The name of a version among those of its key. tie: how many newer ones have the same time. */
int history_name_write(const struct s3_entry *e, unsigned tie, char **ret_name) must_check;
/* Fills version, mtime_ms, deleted. -EINVAL when it is no such name. */
int history_name_read(const char *name, struct history_place *ret_p) must_check;

/* history_dir.c, history_at.c: as history_keys. */
int history_dir_keys(struct fs *fs, const char *dir_key, const char *token, struct s3_page *ret_p)
	must_check;
int history_at_keys(struct fs *fs, const char *prefix, const char *delimiter, const char *token,
		    unsigned max, struct s3_page *ret_p) must_check;
/* The version that key had at conf.at_ms. -ENOENT. */
int history_at_find(struct fs *fs, const char *key, char **ret_version) must_check;
/* A directory of the versions view -> the prefix in the bucket that it mirrors. */
int history_real_prefix(const struct fs *fs, const char *dir_key, char **ret_prefix) must_check;
/* Adds what e holds to p, under another key (takes it, also on failure); e is empty after. p has
 * room. */
void history_page_add(struct s3_page *p, struct s3_entry *e, char *key);

#endif
