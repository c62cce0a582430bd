/*
 * history.h - older versions: which of them this mount shows, and under which names.
 *
 * A mount has up to three views of its bucket, and this is the one place that tells them apart:
 *
 *  now            the current versions: what ListObjectsV2 and HeadObject say
 *  versions       below conf.versions_dir in the root, read-only: every version of every key.
 *                 A key "a/f" is the directory VERSIONS_DIR/a/f with an entry for each of its
 *                 versions, see history_name.c; "a/f/g" is below that directory as well
 *  at a time      conf.at_ms: the whole mount is the bucket as it was then
 *
 * Keys inside fs/ that begin with "PREFIX" VERSIONS_DIR "/" are names of the versions view, not
 * keys of the bucket: history_place tells what they stand for.
 */
#ifndef FS_HISTORY_H
#define FS_HISTORY_H

#include "fs/fs.h"
#include "s3/types.h"

/* What a key of the mount stands for in the bucket. */
struct history_place {
	char *key;
	char *version; /* NULL: the current one */
	int64_t mtime_ms;
	bool deleted; /* the version is a delete marker */
};
void history_place_free(struct history_place *p);

/* Is it in the versions view? */
bool history_holds(const struct fs *fs, const char *key);
/* Is name in the directory dir_key the versions directory itself? */
bool history_is_top(const struct fs *fs, const char *dir_key, const char *name);
/* Of a file's key; -ENOENT in the versions view when it cannot be the name of a version. No
 * request. */
int history_place(const struct fs *fs, const char *key, struct history_place *ret_p) must_check;

/*
 * As list_keys, of what this mount shows: entries carry a version id where it is not the current
 * version. Below the versions directory prefix must be a directory, and delimiter "/". max is what
 * a page should have; it may have more, and fewer.
 */
int history_keys(struct fs *fs, const char *prefix, const char *delimiter, const char *token,
		 unsigned max, struct s3_page *ret_p) must_check;
/* As object_head, of what this mount shows. version: when it is known already, else NULL. A delete
 * marker has delete_marker set in the versions view, and is -ENOENT else. */
int history_head(struct fs *fs, const char *key, const char *version, struct s3_info *ret_i)
	must_check;
/* Is there a directory dir_key in the versions view? -ENOENT. */
int history_find_dir(struct fs *fs, const char *dir_key) must_check;

#define HISTORY_LATEST "latest"

struct history_restore {
	const char *key;     /* with the mount's prefix, as "to" */
	const char *version; /* an id, the name of a version, or HISTORY_LATEST */
	const char *to;
};
/* Copies a version to the key `to`, where it is the current one then. *ret_version: which it was,
 * *ret_made: the new one (may be NULL); new strings. On failure words in why. */
int history_restore(struct fs *fs, const struct history_restore *q, char **ret_version,
		    char **ret_made, char *why, size_t why_len) must_check;

/* "2026-11-22[T20:34[:01[.5]]][Z|+01:00]" or "@EPOCH": without a zone it is local time, and a date
 * is its beginning. -EINVAL. */
int history_time_parse(const char *s, int64_t *ret_ms) must_check;

#endif
