#include "queue/heal_i.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "queue/copy.h"
#include "queue/reason.h"
#include "s3/bucket.h"

#define FIRST_MS 5000
#define MAX_MS	 ((int64_t)600 * 1000)

struct cured {
	struct cured *next;
	char *dest, *reason;
};

struct heal {
	struct heal_conf conf; /* fixed */
	struct heal_plan plan; /* the thread's */
	pthread_t thread;
	bool started;
	struct {
		struct lock l;
		struct cond changed;
		bool parked; /* there may be a new group */
		struct cured *cured;
		bool stop;
	} locked;
};

/* --- acting ----------------------------------------------------------------------------------- */

static void release(struct heal *h, const struct heal_group *g)
{
	uint64_t n = 0;

	/* Each try of a replica that differs makes a version: that is a person's decision. */
	if (store_release(h->conf.store, g->dest, g->reason, COPY_DIFFERS, &n) < 0 || n == 0)
		return;
	log_info("heal=released dest=%s reason=%s rows=%llu", g->dest, g->reason,
		 (unsigned long long)n);
	h->conf.on_ready(h->conf.arg);
}

static void scout(struct heal *h, struct heal_group *g)
{
	if (store_scout(h->conf.store, g->dest, g->reason, COPY_DIFFERS, g->scout, &g->scout) < 0 ||
	    g->scout == 0)
		return;
	log_debug("heal=scout dest=%s reason=%s job=%lld", g->dest, g->reason, (long long)g->scout);
	h->conf.on_ready(h->conf.arg);
}

static bool is_good(struct heal *h, const struct heal_group *g)
{
	struct s3_error error = { .retry_after_ms = -1 };
	enum bucket_versioning v = VERSIONING_OFF;
	char why[256];
	struct dest *d;

	if (dest_get(h->conf.dests, g->dest, &d, why, sizeof(why)) < 0)
		return false;
	if (reason_cure(g->reason) == CURE_BUCKET)
		return bucket_head(dest_client(d), &error) == 0;
	return bucket_versioning_get(dest_client(d), &v, &error) == 0 && v == VERSIONING_ENABLED;
}

static void look(struct heal *h, struct heal_group *g)
{
	switch (reason_cure(g->reason)) {
	case CURE_BUCKET:
	case CURE_VERSIONING:
		if (is_good(h, g))
			release(h, g);
		return;
	case CURE_SLOW:
	case CURE_SCOUT: scout(h, g); return;
	}
}

/* --- the thread ------------------------------------------------------------------------------- */

static int see(void *arg, const char *dest, const char *reason)
{
	return heal_plan_see(arg, dest, reason, clock_mono_ms());
}

static void cured_free(struct cured *c)
{
	free(c->dest);
	free(c->reason);
	free(c);
}

/* false: stop. */
static bool take_news(struct heal *h)
{
	struct cured *list, *next;

	lock_take(&h->locked.l);
	while (!h->locked.stop && !h->locked.parked && !h->locked.cured &&
	       clock_mono_ms() < heal_plan_next(&h->plan))
		cond_wait_until(&h->locked.changed, &h->locked.l, heal_plan_next(&h->plan));
	list = h->locked.cured;
	h->locked.cured = NULL;
	h->locked.parked = false;
	lock_drop(&h->locked.l);
	for (; list; list = next) {
		next = list->next;
		heal_plan_cured(&h->plan, list->dest, list->reason);
		cured_free(list);
	}
	scoped_lock(&h->locked.l);
	return !h->locked.stop;
}

static void round_of(struct heal *h)
{
	struct heal_group *g;

	heal_plan_begin(&h->plan);
	if (store_each_parked(h->conf.store, see, &h->plan) < 0) {
		log_warn("heal=skipped why=\"the queue cannot be read\"");
		heal_plan_blind(&h->plan, clock_mono_ms());
		return;
	}
	while ((g = heal_plan_due(&h->plan, clock_mono_ms()))) {
		if (g->cured)
			release(h, g);
		else
			look(h, g);
		g->cured = false;
	}
	heal_plan_end(&h->plan, clock_mono_ms());
}

static void *run(void *arg)
{
	struct heal *h = arg;

	pthread_setname_np(pthread_self(), "heal");
	while (take_news(h))
		round_of(h);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

int heal_new(const struct heal_conf *conf, struct heal **ret_h)
{
	struct heal *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->conf = *conf;
	h->plan.first_ms = conf->first_ms ? conf->first_ms : FIRST_MS;
	h->plan.max_ms = conf->max_ms ? conf->max_ms : MAX_MS;
	h->plan.max_ms = max_of(h->plan.max_ms, h->plan.first_ms);
	lock_init(&h->locked.l);
	cond_init(&h->locked.changed);
	h->locked.parked = true; /* an earlier mount's */
	*ret_h = h;
	return 0;
}

int heal_start(struct heal *h)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	h->started = r == 0;
	return -r;
}

void heal_note_parked(struct heal *h)
{
	scoped_lock(&h->locked.l);
	h->locked.parked = true;
	cond_signal(&h->locked.changed);
}

static bool is_noted_locked(const struct heal *h, const char *dest, const char *reason)
{
	lock_assert_held(&h->locked.l);
	for (const struct cured *c = h->locked.cured; c; c = c->next)
		if (strcmp(c->dest, dest) == 0 && strcmp(c->reason, reason) == 0)
			return true;
	return false;
}

void heal_note_done(struct heal *h, const char *dest, const char *reason)
{
	struct cured *c;

	scoped_lock(&h->locked.l);
	if (is_noted_locked(h, dest, reason))
		return;
	c = calloc(1, sizeof(*c));
	if (!c || str_dup(dest, &c->dest) < 0 || str_dup(reason, &c->reason) < 0) {
		/* The next scout tells the same. */
		if (c)
			cured_free(c);
		return;
	}
	c->next = h->locked.cured;
	h->locked.cured = c;
	cond_signal(&h->locked.changed);
}

void heal_stop(struct heal *h)
{
	if (!h->started)
		return;
	lock_take(&h->locked.l);
	h->locked.stop = true;
	cond_broadcast(&h->locked.changed);
	lock_drop(&h->locked.l);
	pthread_join(h->thread, NULL);
	h->started = false;
}

void heal_free(struct heal *h)
{
	struct cured *next;

	if (!h)
		return;
	heal_stop(h);
	for (struct cured *c = h->locked.cured; c; c = next) {
		next = c->next;
		cured_free(c);
	}
	heal_plan_free(&h->plan);
	cond_free(&h->locked.changed);
	lock_free(&h->locked.l);
	free(h);
}
