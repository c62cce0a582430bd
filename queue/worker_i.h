/*
 * worker_i.h - inside worker*.c: the workers, one claimed job, and what to do with it after a copy.
 */
#ifndef QUEUE_WORKER_I_H
#define QUEUE_WORKER_I_H

#include "base/lock.h"
#include "base/pool.h"
#include "queue/copy.h"
#include "queue/heal.h"
#include "queue/store.h"
#include "queue/worker.h"

/* each such try makes a version: after so many a person shall look */
#define WORKER_DIFFERS_MAX 3

struct workers {
	struct workers_conf conf;
	char *source_bucket, *staging_dir;
	struct pool *pool;
	struct heal *heal;
	bool started;
	int stopping; /* atomic */
	struct {
		struct lock l;
		struct cond wake; /* idle workers */
		struct cond rest; /* drain and stop: a job ended */
		unsigned wakes;	  /* tokens, at most one per thread */
		unsigned busy;
		bool stop;
		int64_t next_prune; /* mono */
	} locked;
};

/* One claimed job. */
struct task {
	struct workers *w;
	struct job job;
	struct dest *dest; /* NULL: it could not be made */
	char dest_why[256];
	struct copy_report report;
	struct s3_error error;
	char version[256];
	int err;
	int64_t ms;
};

/* Notes how a job went at its destination; a change of its state is written down and logged. */
void worker_note_dest(struct workers *w, struct dest *d, int err, const struct s3_error *e);
/* Copies, notes, writes the outcome down, logs. */
void worker_run_job(struct task *t);

/* Pure: what becomes of the row. */
struct worker_facts {
	enum job_kind kind;
	int err; /* of copy_run */
	const struct s3_error *error;
	bool at_source; /* the failure was there, or ours */
	bool uncertain;
	const char *version;	  /* of the replica */
	unsigned attempt;	  /* failures so far, without this one */
	int64_t now_ms;		  /* wall */
	int64_t first_ms, max_ms; /* of the back-off */
	uint32_t rnd;
};

void worker_decide(const struct worker_facts *f, struct outcome *ret_o);

#endif
