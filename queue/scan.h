/*
 * scan.h - the scanner of a mount: one thread that walks over the versions in the source bucket and
 * hands to the queue what the rules select. Two kinds of walk, each a row of table scan:
 *
 *   resync  asked for by crrctl: versions that exist, failed ones, ... (S3's Batch Replication).
 *           Its rows are of class JOB_BACKFILL; while many of them are ready the walk waits.
 *   watch   again and again: what other tools wrote into the bucket since the watch first began.
 *           A version made before that is an existing object, which a rule does not select (S3 User
 *           Guide, "What isn't replicated").
 *
 * How far a walk is goes into its row after each page, so that the next mount goes on from there. A
 * page that is seen twice makes nothing twice: rows, the ledger and open tickets tell what was
 * queued, and each row asks its destination before it sends.
 */
#ifndef QUEUE_SCAN_H
#define QUEUE_SCAN_H

#include "queue/repl.h"

struct scan;

struct scan_conf { /* all borrowed */
	struct store *store;
	struct repl *repl;
	struct s3_client *source;
	bool all_deletes;	     /* as in repl_conf */
	const char *prefix;	     /* of the mount; "" = all */
	int64_t watch_ms;	     /* between the beginnings of two cycles; 0 = no watch */
	unsigned watch_pages;	     /* listed at most in each */
	void (*on_ready)(void *arg); /* a parked row was made ready; NULL = nobody listens */
	void *arg;
};

int scan_new(const struct scan_conf *conf, struct scan **ret_s) must_check;
int scan_start(struct scan *s) must_check;
void scan_wake(struct scan *s); /* a row was added or stopped */
/* Within one request; s3_client_abort ends that too. */
void scan_stop(struct scan *s);
void scan_free(struct scan *s); /* stops first; NULL is fine */

#endif
