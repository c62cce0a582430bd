/*
 * recover.h - settles what a dead mount left: each ticket asks the source "did it happen?" and is
 * committed or abandoned; held files are uploaded; staged files that nothing needs are removed.
 * Runs before the mount serves, with the state directory locked.
 */
#ifndef QUEUE_RECOVER_H
#define QUEUE_RECOVER_H

#include "queue/repl.h"

struct recover_conf {
	struct store *store;
	struct repl *repl;
	struct dest_set *dests;
	struct s3_client *source;
	struct pool *pool; /* for uploads of held files */
	const char *staging_dir;
	const char *failed_dir; /* for held files that are not as they were acknowledged */
	bool unversioned; /* the source keeps no versions, so it makes no delete markers */
	/* Called (may be NULL) for each key that may have another version than was known here. */
	void (*on_key)(void *arg, const char *key);
	void *on_key_arg;
};

struct recover_result {
	/* left: could not be settled now (logged with the reason) */
	unsigned committed, abandoned, uploaded, left;
};

/* Rows that an earlier process claimed are made ready and uncertain first (store_reset_claims).
 * 0 also when some tickets are left; -errno when the store fails. */
int recover_run(const struct recover_conf *conf, struct recover_result *ret_r) must_check;

#endif
