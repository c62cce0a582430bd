#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/lock.h"
#include "tests/unit/check.h"

/* A gate that tasks wait at until it is opened. */
struct gate {
	struct lock l;
	struct cond c;
	bool open;
	int waiting;
	int passed;
};

static void gate_init(struct gate *g)
{
	*g = (struct gate){ .open = false };
	lock_init(&g->l);
	cond_init(&g->c);
}

static void gate_free(struct gate *g)
{
	cond_free(&g->c);
	lock_free(&g->l);
}

static void gate_pass(void *arg)
{
	struct gate *g = arg;

	scoped_lock(&g->l);

	g->waiting++;
	cond_broadcast(&g->c);
	while (!g->open)
		cond_wait(&g->c, &g->l);
	g->passed++;
	cond_broadcast(&g->c);
}

static void gate_open(struct gate *g)
{
	scoped_lock(&g->l);

	g->open = true;
	cond_broadcast(&g->c);
}

static void gate_await_waiting(struct gate *g, int n)
{
	scoped_lock(&g->l);

	while (g->waiting < n)
		cond_wait(&g->c, &g->l);
}

static void count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_arguments(void)
{
	struct pool *p = NULL;

	CHECK_INT(pool_new("x", 0, 1, &p), -EINVAL);
	CHECK_INT(pool_new("x", 1, 0, &p), -EINVAL);
	CHECK_INT(pool_new("sixteen-letters!", 1, 1, &p), -EINVAL);
	CHECK(p == NULL);
	pool_free(NULL);
	CHECK_INT(pool_new("never-started", 1, 1, &p), 0);
	pool_free(p);
}

static void test_runs_all(void)
{
	struct pool *p;
	atomic_int n = 0;

	CHECK_INT(pool_new("runs-all", 4, 3, &p), 0);
	CHECK_INT(pool_start(p), 0);
	CHECK_INT(pool_start(p), -EINVAL);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(pool_submit(p, count, &n), 0);
	pool_stop(p);
	CHECK_INT(n, 1000);
	CHECK_INT(pool_submit(p, count, &n), -ECANCELED);
	CHECK_INT(pool_try_submit(p, count, &n), -ECANCELED);
	pool_stop(p);
	pool_free(p);
	CHECK_INT(n, 1000);
}

static void test_full_queue(void)
{
	struct gate g;
	struct pool *p;
	atomic_int n = 0;

	gate_init(&g);
	CHECK_INT(pool_new("full", 1, 2, &p), 0);
	CHECK_INT(pool_start(p), 0);
	CHECK_INT(pool_submit(p, gate_pass, &g), 0);
	gate_await_waiting(&g, 1);
	CHECK_INT(pool_try_submit(p, count, &n), 0);
	CHECK_INT(pool_try_submit(p, count, &n), 0);
	CHECK_INT(pool_try_submit(p, count, &n), -EAGAIN);
	gate_open(&g);
	/* Room comes as the queue drains. */
	CHECK_INT(pool_submit(p, count, &n), 0);
	CHECK_INT(pool_submit(p, count, &n), 0);
	pool_free(p);
	CHECK_INT(n, 4);
	gate_free(&g);
}

static void test_not_started(void)
{
	struct pool *p;
	atomic_int n = 0;

	CHECK_INT(pool_new("not-started", 2, 2, &p), 0);
	CHECK_INT(pool_submit(p, count, &n), 0);
	CHECK_INT(pool_submit(p, count, &n), 0);
	CHECK_INT(pool_try_submit(p, count, &n), -EAGAIN);
	CHECK_INT(n, 0);
	pool_stop(p);
	CHECK_INT(n, 2);
	CHECK_INT(pool_start(p), -EINVAL);
	pool_free(p);
}

struct submitter {
	struct pool *p;
	struct gate *g;
	atomic_int r;
	atomic_int *n;
};

static void *submit_blocked(void *arg)
{
	struct submitter *s = arg;

	s->r = pool_submit(s->p, count, s->n);
	return NULL;
}

static void *stop_pool(void *arg)
{
	pool_stop(arg);
	return NULL;
}

/* A submitter that waits for room learns of the stop; queued tasks run all the same. */
static void test_stop_wakes_submitter(void)
{
	struct gate g;
	struct pool *p;
	atomic_int n = 0;
	struct submitter s = { .g = &g, .r = 77, .n = &n };
	pthread_t submitter, stoppers[2];

	gate_init(&g);
	CHECK_INT(pool_new("stop", 1, 1, &p), 0);
	CHECK_INT(pool_start(p), 0);
	s.p = p;
	CHECK_INT(pool_submit(p, gate_pass, &g), 0);
	gate_await_waiting(&g, 1);
	CHECK_INT(pool_submit(p, count, &n), 0);
	pthread_create(&submitter, NULL, submit_blocked, &s);
	for (size_t i = 0; i < array_size(stoppers); i++)
		pthread_create(&stoppers[i], NULL, stop_pool, p);
	pthread_join(submitter, NULL);
	CHECK_INT(s.r, -ECANCELED);
	CHECK_INT(n, 0);
	gate_open(&g);
	for (size_t i = 0; i < array_size(stoppers); i++)
		pthread_join(stoppers[i], NULL);
	CHECK_INT(n, 1);
	pool_free(p);
	gate_free(&g);
}

struct seen {
	char name[16];
	bool blocked;
};

static void look_around(void *arg)
{
	struct seen *s = arg;
	sigset_t mask;

	pthread_getname_np(pthread_self(), s->name, sizeof(s->name));
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	s->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1;
}

static void test_thread(void)
{
	struct seen s = { .blocked = false };
	struct pool *p;
	sigset_t mask;

	CHECK_INT(pool_new("fifteen-letters", 1, 1, &p), 0);
	CHECK_INT(pool_start(p), 0);
	CHECK_INT(pool_submit(p, look_around, &s), 0);
	pool_free(p);
	CHECK_STR(s.name, "fifteen-letters");
	CHECK(s.blocked);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(sigismember(&mask, SIGTERM) == 0);
}

int main(void)
{
	test_arguments();
	test_runs_all();
	test_full_queue();
	test_not_started();
	test_stop_wakes_submitter();
	test_thread();
	return check_done();
}
