/* change_i.h - what the files of change*.c share. */
#ifndef FS_CHANGE_I_H
#define FS_CHANGE_I_H

#include "fs/change.h"

/* As change_spec, of a version that may have been made by others or changed since: what cannot be
 * known of it is to be asked for. */
struct job_spec change_spec_of_old(const struct fs *fs, const struct attr *a);
/* The source was asked: r says how it went. Decides what becomes of the ticket; the row's failure
 * is not the caller's. */
int change_finish(struct ticket *t, int r, const struct s3_error *e, const struct repl_facts *facts)
	must_check;
/* One server-side copy of src (as a) to dst with rec, named by the token of t. version NULL: the
 * current one, which must have a's ETag. *ret_made: the new version. *ret_other, unless NULL: it
 * was made of another version than a says, somebody's that has the same bytes. */
int change_copy_under(struct fs *fs, const struct ticket *t, const char *src, const struct attr *a,
		      const char *version, const char *dst, const struct meta_rec *rec,
		      struct attr *ret_made, bool *ret_other, struct s3_error *e) must_check;
/* The version that a rename names in its copy: none where the answer tells which one it was, so
 * that what somebody else wrote since goes along, or is seen. */
const char *change_pin(const struct fs *fs, const struct attr *a);
/* After the copy of src (as a) to dst: remembers what *made is and writes down who must get it.
 * Consumes t. other: as change_copy_under told; then a is not so (any more). -ESTALE: look anew. */
int change_settle_copy(struct fs *fs, struct ticket *t, const char *src, const struct attr *a,
		       const char *dst, int r, bool other, const struct s3_error *e,
		       struct attr *made) must_check;
int change_or_exdev(int r);				   /* mv(1) then reads and writes it anew */
void change_move_attr(struct attr *to, struct attr *from); /* from is empty then */
/* The deletion of key, which had these tags, under a ticket that is begun or held. Consumes t. */
int change_delete_now(struct fs *fs, const char *key, const struct kv *tags, struct ticket *t)
	must_check;
/* Does it say that the bucket or the server has no Object Lock? */
bool change_lock_is_refused(const struct s3_error *e);
void change_log_failed(const char *op, const char *key, const struct s3_error *e);

#endif
