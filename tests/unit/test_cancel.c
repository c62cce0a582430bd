#include "base/cancel.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "tests/unit/check.h"

struct waiter {
	struct cancel cancel;
	struct lock l;
	struct cond changed;
	sem_t firing;
};

static void waiter_init(struct waiter *w)
{
	cancel_init(&w->cancel);
	lock_init(&w->l);
	cond_init(&w->changed);
	sem_init(&w->firing, 0, 0);
}

static void waiter_free(struct waiter *w)
{
	sem_destroy(&w->firing);
	cond_free(&w->changed);
	lock_free(&w->l);
	cancel_free(&w->cancel);
}

static void *fire(void *arg)
{
	struct waiter *w = arg;

	cancel_fire(&w->cancel);
	return NULL;
}

static void wake(void *arg)
{
	struct waiter *w = arg;

	sem_post(&w->firing);
	scoped_lock(&w->l);
	cond_broadcast(&w->changed);
}

/* Who holds the lock that the one who fires wants looks whether it was fired. */
static void test_look_while_fired(void)
{
	struct cancel_watch watch;
	struct waiter w;
	pthread_t t;

	waiter_init(&w);
	cancel_watch(&watch, &w.cancel, wake, &w);
	CHECK(!cancel_is_fired(&w.cancel));
	lock_take(&w.l);
	CHECK_INT(pthread_create(&t, NULL, fire, &w), 0);
	sem_wait(&w.firing);
	CHECK(cancel_is_fired(&w.cancel));
	lock_drop(&w.l);
	pthread_join(t, NULL);
	cancel_unwatch(&watch);
	waiter_free(&w);
}

/* Fired before he waits, as he looks, or when he waits: no wake is lost. */
static void test_race(void)
{
	for (int i = 0; i < 500; i++) {
		struct cancel_watch watch;
		struct waiter w;
		pthread_t t;

		waiter_init(&w);
		CHECK_INT(pthread_create(&t, NULL, fire, &w), 0);
		cancel_watch_cond(&watch, &w.cancel, &w.l, &w.changed);
		lock_take(&w.l);
		while (!cancel_is_fired(&w.cancel))
			cond_wait(&w.changed, &w.l);
		lock_drop(&w.l);
		cancel_unwatch(&watch);
		pthread_join(t, NULL);
		waiter_free(&w);
	}
}

static void test_none(void)
{
	struct cancel_watch watch;
	struct cancel c;

	CHECK(!cancel_is_fired(NULL));
	cancel_watch(&watch, NULL, wake, NULL);
	cancel_unwatch(&watch);
	cancel_init(&c);
	CHECK(cancel_enter(&c) == NULL);
	CHECK(cancel_here() == &c);
	CHECK(cancel_enter(NULL) == &c);
	cancel_free(&c);
}

int main(void)
{
	alarm(120); /* a deadlock is a failure */
	test_look_while_fired();
	test_race();
	test_none();
	return check_done();
}
