/*
 * cancel.h - somebody does not want the answer any more: for an operation that may be given up, a
 * mark, and those who wait on its behalf, who are woken when it is set.
 *
 * A thread says for which operation it works (cancel_enter), so that what it calls, however deep,
 * can see it. What may not be given up simply does not look.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>

#include "base/lock.h"

struct cancel_watch {
	struct cancel *c; /* NULL: watches nothing */
	void (*wake)(void *arg);
	void *arg;
	struct lock *lock; /* of cancel_watch_cond */
	struct cond *cond;
	struct cancel_watch *prev, *next;
};

struct cancel {
	atomic_bool fired;
	struct {
		struct lock l; /* taken before a watcher's */
		struct cancel_watch *first;
	} locked;
};

void cancel_init(struct cancel *c);
void cancel_free(struct cancel *c); /* nobody watches */
/* Once is enough. */
void cancel_fire(struct cancel *c);
bool cancel_is_fired(struct cancel *c); /* NULL: false; takes no lock */

/* This thread works for c (NULL: for nothing that can be given up) from now on; returns what it
 * worked for before. */
struct cancel *cancel_enter(struct cancel *c);
struct cancel *cancel_here(void);

/* wake is called when c is fired, or at once, by any thread: until cancel_unwatch, which waits for
 * it. c may be NULL. Without a lock that wake takes. */
void cancel_watch(struct cancel_watch *w, struct cancel *c, void (*wake)(void *arg), void *arg);
/* The same with a broadcast of cond under l. */
void cancel_watch_cond(struct cancel_watch *w, struct cancel *c, struct lock *l, struct cond *cond);
void cancel_unwatch(struct cancel_watch *w);

#endif
