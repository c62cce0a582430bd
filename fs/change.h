/*
 * change.h - changes of a key that need no open file: each is begin, change the source, commit, and
 * then the caches know. All synchronous.
 */
#ifndef FS_CHANGE_H
#define FS_CHANGE_H

#include "fs/attr.h"
#include "fs/fs.h"

/* A new version with a small body (directory marker, symlink, empty file). rec: its metadata, tags,
 * class. ret_a (may be NULL) what it is now. */
int change_put(struct fs *fs, const char *key, const struct meta_rec *rec, const void *body,
	       size_t n, struct attr *ret_a) must_check;
/* A new version of the same body with other metadata, by a server-side copy; a is what the key is
 * now (loaded, tags too) and becomes what it then is. */
int change_meta(struct fs *fs, const char *key, struct attr *a, const struct meta_rec *rec)
	must_check;
/* Other tags for the current version: no new version. One at a time per key. a as above (loaded).
 * */
int change_tags(struct fs *fs, const char *key, struct attr *a, const struct kv *tags) must_check;
/* Server-side copy to another key, metadata and tags along. a: of the source, loaded with tags. */
int change_copy(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a) must_check;
/* A delete marker. tags: what the rules shall go by; NULL: what the caches say, or the source. */
int change_delete(struct fs *fs, const char *key, const struct kv *tags) must_check;

/* attr + rec -> the queue's spec. Borrowed fields stay a's: do not free. */
struct job_spec change_spec(const struct attr *a);
/*
 * The source has the version of facts: its rows, by repl_commit; takes t and the early uploads.
 * That the rows could not be written is logged and left to the next mount, and nobody's failure:
 * the data stands.
 */
void change_enqueue(struct ticket *t, const struct repl_facts *facts, const char *staged,
		    struct repl_early *early, size_t n);
/* Puts the write's token into rec, and takes out what names an older write or makes it another
 * mount's replica. */
int change_mark(struct meta_rec *rec, const char *token) must_check;
/* rec as the options of a verb; borrows. */
struct s3_put_opts change_opts(const struct meta_rec *rec);

#endif
