/* settle.c - who commits what is held when its time is up. See settle.h. */
#include "fs/settle.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/lock.h"
#include "fs/file.h"

#define COMMITS_MAX 8 /* at once */

struct settle {
	struct fs *fs;	   /* fixed */
	struct pool *pool; /* fixed */
	pthread_t thread;
	bool started;
	struct {
		struct lock l;
		struct cond changed;
		int64_t next; /* mono ms */
		bool stop;
	} locked;
};

int settle_new(struct fs *fs, struct settle **ret_s)
{
	struct settle *s = calloc(1, sizeof(*s));
	int r = s ? pool_new("commit", COMMITS_MAX, COMMITS_MAX, &s->pool) : -ENOMEM;

	if (r) {
		free(s);
		return r;
	}
	s->fs = fs;
	lock_init(&s->locked.l);
	cond_init(&s->locked.changed);
	s->locked.next = CLOCK_NEVER;
	*ret_s = s;
	return 0;
}

static bool wait_due(struct settle *s)
{
	scoped_lock(&s->locked.l);
	while (!s->locked.stop && clock_mono_ms() < s->locked.next)
		cond_wait_until(&s->locked.changed, &s->locked.l, s->locked.next);
	if (!s->locked.stop)
		s->locked.next = CLOCK_NEVER;
	return !s->locked.stop;
}

static void *run(void *arg)
{
	struct settle *s = arg;

	pthread_setname_np(pthread_self(), "settle");
	while (wait_due(s)) {
		int64_t next;

		file_commit_due(s->fs, clock_mono_ms(), &next);
		settle_note(s, next);
		file_moves_due(s->fs, clock_mono_ms(), &next);
		settle_note(s, next);
	}
	return NULL;
}

int settle_start(struct settle *s)
{
	int r = pool_start(s->pool);

	if (r)
		return r;
	r = pthread_create(&s->thread, NULL, run, s);
	s->started = r == 0;
	return -r;
}

int settle_submit(struct settle *s, pool_fn *fn, void *arg)
{
	return s->started ? pool_submit(s->pool, fn, arg) : -ECANCELED;
}

void settle_note(struct settle *s, int64_t deadline_mono_ms)
{
	scoped_lock(&s->locked.l);
	if (deadline_mono_ms < s->locked.next) {
		s->locked.next = deadline_mono_ms;
		cond_signal(&s->locked.changed);
	}
}

void settle_stop(struct settle *s)
{
	if (!s || !s->started)
		return;
	lock_take(&s->locked.l);
	s->locked.stop = true;
	cond_broadcast(&s->locked.changed);
	lock_drop(&s->locked.l);
	pthread_join(s->thread, NULL);
	s->started = false;
	pool_stop(s->pool);
}

void settle_free(struct settle *s)
{
	if (!s)
		return;
	settle_stop(s);
	pool_free(s->pool);
	cond_free(&s->locked.changed);
	lock_free(&s->locked.l);
	free(s);
}
