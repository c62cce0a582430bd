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
/* Does it say that the bucket or the server has no Object Lock? */
bool change_lock_is_refused(const struct s3_error *e);
void change_log_failed(const char *op, const char *key, const struct s3_error *e);

#endif
