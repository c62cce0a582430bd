/*
 * lock.h - a mutex that knows its owner, and conditions that wait until a deadline.
 * Abuse (double take, drop by a stranger) is a bug and aborts.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>

#include "base/base.h"

struct lock {
	pthread_mutex_t mutex;
	pthread_t owner; /* valid while held */
	bool held;
};

struct cond {
	pthread_cond_t cond; /* on CLOCK_MONOTONIC */
};

void lock_init(struct lock *l);
void lock_free(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
/* Aborts unless the calling thread holds l (all builds: it is two compares). */
void lock_assert_held(const struct lock *l);

void cond_init(struct cond *c);
void cond_free(struct cond *c);
void cond_wait(struct cond *c, struct lock *l);
/*
 * Until signalled, a spurious wake-up, or clock_mono_ms() >= deadline; false when the deadline has
 * passed.
 */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_mono_ms);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

static inline void lock_drop_ptr(struct lock **l)
{
	if (*l)
		lock_drop(*l);
}

/* Holds l until the end of the scope: scoped_lock(&f->locked.l); */
#define SCOPED_LOCK_NAME2(line) scoped_lock_##line
#define SCOPED_LOCK_NAME(line)	SCOPED_LOCK_NAME2(line)
#define scoped_lock(lk)                                                                            \
	__attribute__((cleanup(lock_drop_ptr), unused)) struct lock *SCOPED_LOCK_NAME(__LINE__) =  \
		(lock_take(lk), (lk))

#endif
