/* repl_wait.c - who must know that the replicas stand waits here. */
#include "queue/repl_i.h"

#include <errno.h>

struct standing {
	bool pending, failed;
};

static int see_row(void *arg, const struct job *j)
{
	struct standing *s = arg;

	s->failed |= j->state == JOB_PARKED;
	s->pending |= j->state != JOB_DONE;
	return 0;
}

/* 0 = all stand, -EAGAIN = not yet. */
static int look(struct repl *r, const char *key, const char *version)
{
	struct store_filter filter = { .key = key, .version = version, .unfinished = true };
	struct standing s = { 0 };
	int err;

	/* What has no rows yet has not reached anybody. */
	if (repl_left_try(r, key) < 0)
		return -EIO;
	err = store_each_job(r->store, &filter, see_row, &s);
	if (err < 0)
		return err;
	return s.failed ? -EIO : s.pending ? -EAGAIN : 0;
}

int repl_wait(struct repl *r, const char *key, const char *version, int64_t deadline_ms)
{
	uint64_t seen;
	int err;

	lock_take(&r->locked.l);
	seen = r->locked.finishes;
	lock_drop(&r->locked.l);
	while ((err = look(r, key, version)) == -EAGAIN) {
		bool in_time = true;

		scoped_lock(&r->locked.l);
		while (in_time && !r->locked.stop_waits && r->locked.finishes == seen)
			in_time = cond_wait_until(&r->locked.finished, &r->locked.l, deadline_ms);
		if (r->locked.stop_waits)
			return -ECANCELED;
		if (r->locked.finishes == seen)
			return -ETIMEDOUT;
		seen = r->locked.finishes;
	}
	return err;
}

void repl_note_finished(struct repl *r)
{
	scoped_lock(&r->locked.l);
	r->locked.finishes++;
	cond_broadcast(&r->locked.finished);
}

void repl_stop_waits(struct repl *r)
{
	scoped_lock(&r->locked.l);
	r->locked.stop_waits = true;
	cond_broadcast(&r->locked.finished);
}
