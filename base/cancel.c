#include "base/cancel.h"

static _Thread_local struct cancel *here;

void cancel_init(struct cancel *c)
{
	*c = (struct cancel){ .fired = false };
	lock_init(&c->locked.l);
}

void cancel_free(struct cancel *c)
{
	lock_free(&c->locked.l);
}

void cancel_fire(struct cancel *c)
{
	scoped_lock(&c->locked.l);
	/* before the wakes: who looks under his own lock, and then waits, is woken under it */
	atomic_store(&c->fired, true);
	for (struct cancel_watch *w = c->locked.first; w; w = w->next)
		w->wake(w->arg);
}

bool cancel_is_fired(struct cancel *c)
{
	return c && atomic_load(&c->fired);
}

struct cancel *cancel_enter(struct cancel *c)
{
	struct cancel *before = here;

	here = c;
	return before;
}

struct cancel *cancel_here(void)
{
	return here;
}

void cancel_watch(struct cancel_watch *w, struct cancel *c, void (*wake)(void *arg), void *arg)
{
	w->c = c;
	w->wake = wake;
	w->arg = arg;
	w->prev = NULL;
	if (!c)
		return;
	scoped_lock(&c->locked.l);
	w->next = c->locked.first;
	if (w->next)
		w->next->prev = w;
	c->locked.first = w;
	if (atomic_load(&c->fired))
		wake(arg);
}

static void wake_cond(void *arg)
{
	struct cancel_watch *w = arg;

	scoped_lock(w->lock);
	cond_broadcast(w->cond);
}

void cancel_watch_cond(struct cancel_watch *w, struct cancel *c, struct lock *l, struct cond *cond)
{
	w->lock = l;
	w->cond = cond;
	cancel_watch(w, c, wake_cond, w);
}

void cancel_unwatch(struct cancel_watch *w)
{
	if (!w->c)
		return;
	scoped_lock(&w->c->locked.l);
	if (w->prev)
		w->prev->next = w->next;
	else
		w->c->locked.first = w->next;
	if (w->next)
		w->next->prev = w->prev;
}
