/*
 * copy_crew.c - several parts of one object at a time: this thread makes them, and those of the
 * pool that are free.
 *
 * A helper makes one part and stands in line again: the parts of files that are being written, and
 * of other copies, come in between. Those that come late find it over, and touch nothing else.
 */
#include "queue/copy_i.h"

#include <errno.h>

#include "base/lock.h"
#include "base/pool.h"

#define HELPERS_MAX 6

struct crew {
	/* fixed; but for the pool of the owner, who stays until nobody is active */
	struct pool *pool;
	struct copy *c;
	struct copy_parts *p;
	copy_wants_fn *wants;
	copy_part_fn *make;

	struct lock lock;
	struct cond changed;
	struct {
		unsigned next; /* part number to look at */
		unsigned active, refs;
		bool over;
		/* the first failure */
		int err;
		bool at_source;
		struct s3_error error;
	} locked;
};

static void crew_unref(struct crew *w)
{
	bool last;

	lock_take(&w->lock);
	last = --w->locked.refs == 0;
	lock_drop(&w->lock);
	if (!last)
		return;
	cond_free(&w->changed);
	lock_free(&w->lock);
	free(w);
}

/* The next part that is wanted; 0 = none. The caller is active then. */
static unsigned pick(struct crew *w)
{
	scoped_lock(&w->lock);
	while (!w->locked.over && w->locked.err == 0 && w->locked.next <= w->p->n) {
		unsigned number = w->locked.next;

		if (copy_is_stopping(w->c)) {
			w->locked.err = -ECANCELED;
			break;
		}
		w->locked.next++;
		if (!w->wants(w->c, w->p, number))
			continue;
		w->locked.active++;
		return number;
	}
	return 0;
}

static void make_part(struct crew *w, unsigned number, struct copy_body *b)
{
	struct mpu_part part = { 0 };
	struct s3_error e = { .retry_after_ms = -1 };
	bool at_source = false;
	int err = w->make(w->c, w->p, number, b, &part, &e);

	err = copy_body_blame(b, err, &e, &at_source);
	scoped_lock(&w->lock);
	if (err == 0) {
		part.number = number;
		w->p->parts[number - 1] = part;
	} else if (w->locked.err == 0) {
		w->locked.err = err;
		w->locked.error = e;
		w->locked.at_source = at_source;
	}
	w->locked.active--;
	cond_broadcast(&w->changed);
}

/* In the pool. */
static void help(void *arg)
{
	struct crew *w = arg;
	unsigned number = pick(w);

	if (number) {
		struct copy_body b;

		copy_body_lend(&w->c->body, &b);
		make_part(w, number, &b);
		copy_body_close(&b);
		if (pool_try_submit(w->pool, help, w) == 0)
			return;
	}
	crew_unref(w);
}

static unsigned count_wanted(const struct crew *w)
{
	unsigned n = 0;

	for (unsigned number = 1; number <= w->p->n; number++)
		n += w->wants(w->c, w->p, number);
	return n;
}

static void ask_help(struct crew *w, unsigned wanted)
{
	unsigned n = w->pool && wanted ? min_of(wanted - 1, (unsigned)HELPERS_MAX) : 0;
	unsigned asked = 0;

	lock_take(&w->lock);
	w->locked.refs += n;
	lock_drop(&w->lock);
	while (asked < n && pool_try_submit(w->pool, help, w) == 0)
		asked++;
	lock_take(&w->lock);
	w->locked.refs -= n - asked; /* ours is left */
	lock_drop(&w->lock);
}

/* The first failure, in c. */
static int finish(struct crew *w)
{
	struct copy *c = w->c;

	scoped_lock(&w->lock);
	w->locked.over = true;
	while (w->locked.active > 0)
		cond_wait(&w->changed, &w->lock);
	if (w->locked.err < 0) {
		*c->err = w->locked.error;
		c->report.at_source |= w->locked.at_source;
	}
	return w->locked.err;
}

int copy_crew_run(struct copy *c, struct copy_parts *p, copy_wants_fn *wants, copy_part_fn *make)
{
	struct crew *w = calloc(1, sizeof(*w));
	unsigned number;
	int err;

	if (!w)
		return -ENOMEM;
	*w = (struct crew){ .pool = c->conf->pool, .c = c, .p = p, .wants = wants, .make = make };
	lock_init(&w->lock);
	cond_init(&w->changed);
	w->locked.next = w->locked.refs = 1;
	ask_help(w, count_wanted(w));
	while ((number = pick(w)))
		make_part(w, number, &c->body);
	err = finish(w);
	crew_unref(w);
	return err;
}
