/* store_check.h - is a queue sound, what is left of one that is not, and all of its ledger. */
#ifndef QUEUE_STORE_CHECK_H
#define QUEUE_STORE_CHECK_H

#include "queue/store.h"

/* A line for a person; other than 0 ends it. It has keys as they are: not for a terminal. */
typedef int store_tell_fn(void *arg, const char *line);

/*
 * Looks at every page and row, and at the files of the staging directory that rows name. One line
 * for each thing that is wrong, of a kind the first few. Changes nothing; a mount may run.
 */
int store_check(struct store *s, const char *staging_dir, store_tell_fn *fn, void *arg) must_check;

struct store_repair {
	char kept[300]; /* the old file's new name; its log has "-wal" behind it */
	bool lost;	/* rows, or nobody can tell whether */
};
/*
 * Makes a new queue of what can be read of the one in dir, and keeps that. A line for each table,
 * and for each job that is known to be lost. No mount may run, which the caller makes sure of.
 * -EPROTO: made by a newer crrfs or by another program, and left as it is.
 */
int store_repair(const char *dir, store_tell_fn *fn, void *arg, struct store_repair *ret_r,
		 char *why, size_t why_len) must_check;

/* Of all keys, in the order of key, version and destination. fn may call the store. */
int store_each_ledger(struct store *s, int (*fn)(void *arg, const struct store_replica *r),
		      void *arg) must_check;

#endif
