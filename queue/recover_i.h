/* recover_i.h - inside recover*.c: one run of recovery. */
#ifndef QUEUE_RECOVER_I_H
#define QUEUE_RECOVER_I_H

#include "queue/recover.h"
#include "s3/types.h"

#define RECOVER_SINCE_MS ((int64_t)3600 * 1000) /* the server's clock may be behind ours */

struct recovery {
	const struct recover_conf *conf;
	struct recover_result result;
	bool source_down;      /* it gave no answer: the rest is left without asking */
	struct s3_error error; /* of the last request */
};

/*
 * All settle one ticket, and return 0 = settled or left (counted), or the -errno of the store.
 * recover_left: counts and logs a ticket that stays, and is not yet consumed.
 */
int recover_left(struct recovery *rc, const struct store_ticket *st, struct ticket *t, int err)
	must_check;
int recover_abandon(struct recovery *rc, const struct store_ticket *st, struct ticket *t)
	must_check;
/* info is a version at the source; its tags are asked for. Emptied. staged may be NULL. */
int recover_commit(struct recovery *rc, const struct store_ticket *st, struct ticket *t,
		   struct s3_info *info, const char *staged) must_check;
/* recover_held.c: uploads the staged file of a held ticket. -errno of the source or of the file:
 * -ENODATA it is missing, -EBADMSG it is not what was acknowledged. */
int recover_upload(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
	must_check;
/* recover_held.c: after -ENODATA, -EBADMSG: keeps what there is aside, says so, and forgets it. */
int recover_lost(struct recovery *rc, const struct store_ticket *st, struct ticket *t, int err)
	must_check;
/* recover_held.c: gives the metadata of a held ticket to the version that they were meant for.
 * -ESTALE, -ENOENT: that one is not the current one any more. */
int recover_meta(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
	must_check;
/* recover_held.c: what the key has now. -ESTALE: that is not the version spec->base any more. */
int recover_check_base(struct recovery *rc, const struct store_ticket *st, struct s3_info *ret_i)
	must_check;
/* recover_rename.c: is it the old name of a rename (repl_promise_delete)? */
bool recover_is_promised(const struct store_ticket *st);
/* A callback for store_each_ticket, before all others. */
int recover_owed(void *arg, const struct store_ticket *st);
/* Deletes it, if the rename has made its copy. *ret_version: the marker, NULL = none. -ENOENT: no
 * copy was made; -ESTALE: it is not the version that was copied (any more). */
int recover_rename(struct recovery *rc, const struct store_ticket *st, char **ret_version)
	must_check;

#endif
