/* worker.h - threads that claim, copy and finish; one log line per job. Stop within about a second.
 * */
#ifndef QUEUE_WORKER_H
#define QUEUE_WORKER_H

#include "queue/events.h"
#include "queue/repl.h"

struct workers;

struct workers_conf {
	struct store *store; /* all borrowed */
	struct dest_set *dests;
	struct repl *repl;
	struct s3_client *source;
	const char *source_bucket;
	const char *staging_dir;
	struct pool *pool;	/* copies of parts at a destination; NULL = none */
	unsigned threads;	/* 0 = 8 */
	int64_t retry_first_ms; /* 0 = 1 s */
	int64_t retry_max_ms;	/* 0 = 5 min */
	int64_t heal_first_ms;	/* as in heal.h */
	int64_t heal_max_ms;
	struct events *events; /* NULL = nothing is told */
};

int workers_new(const struct workers_conf *conf, struct workers **ret_w) must_check;
int workers_start(struct workers *w) must_check;
void workers_wake(void *w); /* new work, or a retry: look now. Matches repl_on_ready. */
/* Waits until nothing is ready or claimed for destinations that are not paused, or the deadline has
 * passed (false). */
bool workers_drain(struct workers *w, int64_t deadline_mono_ms);
/* running copies are cut off at the next part; their rows stay */
void workers_stop(struct workers *w);
void workers_free(struct workers *w);

#endif
