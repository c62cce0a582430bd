/*
 * change.h - changes of a key that need no open file: each is begin, change the source, commit, and
 * then the caches know. All synchronous.
 */
#ifndef FS_CHANGE_H
#define FS_CHANGE_H

#include "fs/attr.h"
#include "fs/fs.h"
#include "s3/acl.h"
#include "s3/lock.h"

/* A new version with a small body (directory marker, symlink, empty file). rec: its metadata, tags,
 * class. ret_a (may be NULL) what it is now. */
int change_put(struct fs *fs, const char *key, const struct meta_rec *rec, const void *body,
	       size_t n, struct attr *ret_a) must_check;
/* A new version of the same body with other metadata, by a server-side copy; a is what the key is
 * now (loaded, tags too) and becomes what it then is. -ESTALE: somebody else replaced it since. */
int change_meta(struct fs *fs, const char *key, struct attr *a, const struct meta_rec *rec)
	must_check;
/*
 * The same in two steps. change_meta_hold: the metadata in a are acknowledged from now on, held by
 * t for the version that a names. change_meta_held: makes the version of them under t; a as above.
 * Consumes t on success only. -ESTALE, -ENOENT: the version is not the current one any more.
 * *unclear: an earlier try, and after a failure this one, may have made it all the same.
 */
int change_meta_hold(struct fs *fs, struct ticket *t, const char *key, const struct attr *a)
	must_check;
int change_meta_held(struct fs *fs, struct ticket *t, const char *key, struct attr *a,
		     bool *unclear) must_check;
/* Other tags for the current version: no new version. One at a time per key. a as above (loaded).
 * */
int change_tags(struct fs *fs, const char *key, struct attr *a, const struct kv *tags) must_check;
/*
 * Of the current version, without making a new one. a as above (loaded). The
 * server or the bucket has none: -EOPNOTSUPP; it does not like the value: -EINVAL.
 */
int change_acl(struct fs *fs, const char *key, struct attr *a, const struct acl *acl) must_check;
int change_acl_canned(struct fs *fs, const char *key, struct attr *a, const char *canned)
	must_check;
int change_retention(struct fs *fs, const char *key, const struct attr *a,
		     const struct s3_retention *retention) must_check;
int change_legal_hold(struct fs *fs, const char *key, const struct attr *a, bool on) must_check;
/* Server-side copy to another key, metadata and tags along. a: of the source, loaded with tags, or
 * without where the server's copies keep them (caps_copy_keeps_tags). -EXDEV: the server cannot. */
int change_copy(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a) must_check;
/* The same, of the current version, of many that one doing makes: its crrfs-id is of that family
 * (repl_begin_of). -ESTALE: that is not what a says (any more), which is forgotten. */
int change_copy_of(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		   const char *family, struct attr *ret_a) must_check;
/* A rename: the copy, and the deletion of key, which is written down before it, so that a crash
 * leaves one of the two names. a as for change_copy; -ESTALE as for change_copy_of. */
int change_move(struct fs *fs, const char *key, const struct attr *a, const char *to_key,
		struct attr *ret_a) must_check;
/* A delete marker. tags: what the rules shall go by; NULL: what the caches say, or the source. */
int change_delete(struct fs *fs, const char *key, const struct kv *tags) must_check;

/* attr + rec -> the queue's spec of a version that the mount made. Borrowed fields stay a's and
 * fs's: do not free. */
struct job_spec change_spec(const struct fs *fs, const struct attr *a);
/*
 * The source has the version of facts: its rows, by repl_commit; takes t and the early uploads.
 * That the rows could not be written is logged and left to the next mount, and nobody's failure:
 * the data stands.
 */
void change_enqueue(struct ticket *t, const struct repl_facts *facts, const char *staged,
		    struct repl_early *early, size_t n);
/*
 * rec for a version with a new body: puts the write's token into it, takes out what names an older
 * write or makes it another mount's replica, and sets class and encryption as the mount is told to.
 * An encryption or ACL that only the older version had does not live on, as in S3.
 */
int change_mark(const struct fs *fs, struct meta_rec *rec, const char *token) must_check;
/* rec as the options of a verb; borrows. */
struct s3_put_opts change_opts(const struct fs *fs, const struct meta_rec *rec);

#endif
