/*
 * state.h - the state directory of one mount: 0700, ours, locked, bound to its bucket.
 *
 *      lock            flock; holds the pid of the mount until it ended in order
 *      bucket          url, bucket and prefix that it belongs to
 *      queue.db        the queue (queue/store.h)
 *      meta.db         a cache (fs/metadb.h)
 *      staging/        bodies on their way
 *      failed/         bodies that could not be uploaded: for a person
 *      ctl.sock        fs/control.h
 */
#ifndef FS_STATE_H
#define FS_STATE_H

#include "queue/store.h"

struct state_conf {
	/* absolute; NULL = /var/lib/crrfs/BUCKET for root, else $XDG_STATE_HOME/crrfs/BUCKET */
	const char *dir;
	const char *url, *bucket, *prefix;
	const char *mountpoint; /* absolute: the directory must not lie in it */
};

struct state;

/* Makes, checks and locks it. One line in why. -EBUSY: another mount has it. */
int state_new(const struct state_conf *conf, struct state **ret_s, char *why, size_t why_len)
	must_check;
/* Unlocks; NULL is fine. in_order: the queue is closed, and nothing is left to recover. */
void state_free(struct state *s, bool in_order);
/* Did the last mount not end in order? (Its pid is still in the lock file.) */
bool state_was_left(const struct state *s);
const char *state_dir(const struct state *s);
const char *state_staging_dir(const struct state *s);
const char *state_failed_dir(const struct state *s);

/*
 * After another boot than the one that wrote them, staged bodies of jobs may be torn: they were not
 * synced, since the source has them. Rows forget them. (Held files were synced.) *ret_n: how many.
 */
int state_check_boot(struct store *s, unsigned *ret_n) must_check;

#endif
