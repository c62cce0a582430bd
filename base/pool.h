/* pool.h - fixed threads that run tasks from a bounded queue. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/base.h"

struct pool;
typedef void pool_fn(void *arg);

/*
 * name: at most 15 characters, shown by ps -L. -EINVAL for a longer one, for no threads or no
 * queue.
 */
int pool_new(const char *name, unsigned threads, unsigned queue_max, struct pool **ret_p)
	must_check;
/*
 * Signals are blocked in the threads. After a failure the pool is stopped, and what was queued has
 * been run.
 */
int pool_start(struct pool *p) must_check;
/*
 * Before pool_start tasks are only queued. Blocks while the queue is full. -ECANCELED once stopped
 * (the task will not run).
 */
int pool_submit(struct pool *p, pool_fn *fn, void *arg) must_check;
/* The same, but -EAGAIN instead of blocking. */
int pool_try_submit(struct pool *p, pool_fn *fn, void *arg) must_check;
/*
 * Runs what is queued, then ends the threads. Submitters get -ECANCELED from now on. Tasks always
 * run: nothing is dropped unrun. Returns when all have ended, so never call it from a task.
 * Harmless twice.
 */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops first; NULL is fine */

#endif
