#include "base/lock.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

/* A lock in doubt means data in doubt: better a core than a guess. */
static void must(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "crrfs: error: lock abuse: %s (errno %d)\n", what, error);
	abort();
}

/*
 * Owner and mark are atomic so that lock_assert_held may look at them from a thread that does not
 * hold the lock: only the caller itself can have written its own name there.
 */
static void mark_held(struct lock *l)
{
	__atomic_store_n(&l->owner, pthread_self(), __ATOMIC_RELAXED);
	__atomic_store_n(&l->held, true, __ATOMIC_RELAXED);
}

static void mark_free(struct lock *l)
{
	__atomic_store_n(&l->held, false, __ATOMIC_RELAXED);
}

void lock_init(struct lock *l)
{
	pthread_mutexattr_t attr;

	must(pthread_mutexattr_init(&attr), "mutexattr_init");
	must(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), "mutexattr_settype");
	must(pthread_mutex_init(&l->mutex, &attr), "init");
	pthread_mutexattr_destroy(&attr);
	l->owner = pthread_self();
	l->held = false;
}

void lock_free(struct lock *l)
{
	must(pthread_mutex_destroy(&l->mutex), "free of a lock that is held");
}

void lock_take(struct lock *l)
{
	must(pthread_mutex_lock(&l->mutex), "take");
	mark_held(l);
}

void lock_drop(struct lock *l)
{
	lock_assert_held(l);
	mark_free(l);
	must(pthread_mutex_unlock(&l->mutex), "drop");
}

void lock_assert_held(const struct lock *l)
{
	bool held = __atomic_load_n(&l->held, __ATOMIC_RELAXED);
	pthread_t owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);

	if (!held || !pthread_equal(owner, pthread_self()))
		must(EPERM, "not held by this thread");
}

void cond_init(struct cond *c)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr), "condattr_init");
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "condattr_setclock");
	must(pthread_cond_init(&c->cond, &attr), "cond_init");
	pthread_condattr_destroy(&attr);
}

void cond_free(struct cond *c)
{
	must(pthread_cond_destroy(&c->cond), "cond_free");
}

void cond_wait(struct cond *c, struct lock *l)
{
	lock_assert_held(l);
	mark_free(l);
	must(pthread_cond_wait(&c->cond, &l->mutex), "wait");
	mark_held(l);
}

bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_mono_ms)
{
	struct timespec ts;
	int r;

	lock_assert_held(l);
	if (deadline_mono_ms == CLOCK_NEVER) {
		cond_wait(c, l);
		return true;
	}
	if (clock_mono_ms() >= deadline_mono_ms)
		return false;
	ts.tv_sec = (time_t)(deadline_mono_ms / 1000);
	ts.tv_nsec = (long)(deadline_mono_ms % 1000) * 1000000;
	mark_free(l);
	r = pthread_cond_timedwait(&c->cond, &l->mutex, &ts);
	mark_held(l);
	if (r != ETIMEDOUT)
		must(r, "wait_until");
	return clock_mono_ms() < deadline_mono_ms;
}

void cond_signal(struct cond *c)
{
	must(pthread_cond_signal(&c->cond), "signal");
}

void cond_broadcast(struct cond *c)
{
	must(pthread_cond_broadcast(&c->cond), "broadcast");
}
