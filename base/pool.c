#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/lock.h"

/*
 *      state       to                      by                              submit
 *      NEW         RUNNING                 pool_start                      queues
 *      NEW         STOPPING                pool_stop, a failed start
 *      RUNNING     STOPPING                pool_stop, a failed start       queues
 *      STOPPING    STOPPED                 the end of pool_stop            -ECANCELED
 *      STOPPED     -                                                       -ECANCELED
 */
enum pool_state { POOL_NEW, POOL_RUNNING, POOL_STOPPING, POOL_STOPPED };

struct task {
	pool_fn *fn;
	void *arg;
};

struct pool {
	/* fixed */
	char name[16];
	unsigned max_threads;
	unsigned queue_max;
	pthread_t *threads; /* written by pool_start, read by pool_stop */
	unsigned started;

	struct cond work; /* a task came, or the state changed */
	struct cond room; /* a task left, or the state changed */
	struct {
		struct lock l;
		enum pool_state state;
		struct task *ring;
		unsigned head; /* the oldest task */
		unsigned count;
	} locked;
};

static void set_state_locked(struct pool *p, enum pool_state to)
{
	static const bool allowed[4][4] = {
		[POOL_NEW] = { [POOL_RUNNING] = true, [POOL_STOPPING] = true },
		[POOL_RUNNING] = { [POOL_STOPPING] = true },
		[POOL_STOPPING] = { [POOL_STOPPED] = true },
	};

	lock_assert_held(&p->locked.l);
	if (!allowed[p->locked.state][to])
		abort();
	p->locked.state = to;
	cond_broadcast(&p->work);
	cond_broadcast(&p->room);
}

static struct task take_task_locked(struct pool *p)
{
	struct task task = p->locked.ring[p->locked.head];

	lock_assert_held(&p->locked.l);
	p->locked.head = (p->locked.head + 1) % p->queue_max;
	p->locked.count--;
	cond_signal(&p->room);
	return task;
}

/* Runs tasks until there are none; with wait, until there are none and the pool is stopping. */
static void run_tasks(struct pool *p, bool wait)
{
	scoped_lock(&p->locked.l);

	for (;;) {
		struct task task;

		while (wait && p->locked.count == 0 && p->locked.state == POOL_RUNNING)
			cond_wait(&p->work, &p->locked.l);
		if (p->locked.count == 0)
			return;
		task = take_task_locked(p);
		lock_drop(&p->locked.l);
		task.fn(task.arg);
		lock_take(&p->locked.l);
	}
}

static void *thread_main(void *arg)
{
	struct pool *p = arg;

	pthread_setname_np(pthread_self(), p->name);
	run_tasks(p, true);
	return NULL;
}

int pool_new(const char *name, unsigned threads, unsigned queue_max, struct pool **ret_p)
{
	struct pool *p;

	if (threads == 0 || queue_max == 0 || strlen(name) >= sizeof(p->name))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->max_threads = threads;
	p->queue_max = queue_max;
	lock_init(&p->locked.l);
	cond_init(&p->work);
	cond_init(&p->room);
	p->threads = calloc(threads, sizeof(*p->threads));
	p->locked.ring = calloc(queue_max, sizeof(*p->locked.ring));
	if (!p->threads || !p->locked.ring) {
		pool_free(p);
		return -ENOMEM;
	}
	*ret_p = p;
	return 0;
}

int pool_start(struct pool *p)
{
	sigset_t all, before;
	int r = 0;

	lock_take(&p->locked.l);
	if (p->locked.state != POOL_NEW)
		r = -EINVAL;
	else
		set_state_locked(p, POOL_RUNNING);
	lock_drop(&p->locked.l);
	if (r < 0)
		return r;
	/* Threads inherit the mask: signals belong to whoever called us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (r == 0 && p->started < p->max_threads) {
		r = -pthread_create(&p->threads[p->started], NULL, thread_main, p);
		if (r == 0)
			p->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		pool_stop(p);
	return r;
}

static int add_task(struct pool *p, pool_fn *fn, void *arg, bool wait)
{
	scoped_lock(&p->locked.l);

	while (wait && p->locked.count == p->queue_max && p->locked.state <= POOL_RUNNING)
		cond_wait(&p->room, &p->locked.l);
	if (p->locked.state > POOL_RUNNING)
		return -ECANCELED;
	if (p->locked.count == p->queue_max)
		return -EAGAIN;
	p->locked.ring[(p->locked.head + p->locked.count) % p->queue_max] =
		(struct task){ .fn = fn, .arg = arg };
	p->locked.count++;
	cond_signal(&p->work);
	return 0;
}

int pool_submit(struct pool *p, pool_fn *fn, void *arg)
{
	return add_task(p, fn, arg, true);
}

int pool_try_submit(struct pool *p, pool_fn *fn, void *arg)
{
	return add_task(p, fn, arg, false);
}

/* True for the one caller that has to do the stopping; the others return when it is done. */
static bool begin_stop(struct pool *p)
{
	scoped_lock(&p->locked.l);

	if (p->locked.state <= POOL_RUNNING) {
		set_state_locked(p, POOL_STOPPING);
		return true;
	}
	while (p->locked.state != POOL_STOPPED)
		cond_wait(&p->room, &p->locked.l);
	return false;
}

void pool_stop(struct pool *p)
{
	if (!begin_stop(p))
		return;
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	/* Tasks of a pool that never got its threads. */
	run_tasks(p, false);
	lock_take(&p->locked.l);
	set_state_locked(p, POOL_STOPPED);
	lock_drop(&p->locked.l);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	cond_free(&p->work);
	cond_free(&p->room);
	lock_free(&p->locked.l);
	free(p->locked.ring);
	free(p->threads);
	free(p);
}
