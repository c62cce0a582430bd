/* quota.c - staging_max. See quota.h. */
#include "fs/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

#define WAITERS_MAX 192
#define TORN_MS	    1000  /* within it a program closes what it was told of */
#define LOOK_MS	    1000  /* somebody else may have freed the disk */
#define TELL_MS	    60000 /* the log hears of a wait so often at most */

struct quota {
	struct quota_conf conf; /* fixed */
	/* under the lock; peeked at without it */
	_Atomic uint64_t counted;
	_Atomic unsigned waiting;
	struct {
		struct lock l;
		struct cond changed;
		uint64_t all[QUOTA_KINDS];     /* bytes */
		uint64_t counted[QUOTA_KINDS]; /* see that_counts */
		uint64_t left;		       /* how often something has */
		struct quota_wait *first;
		int64_t told_ms; /* mono; 0 not yet */
		bool stop;
	} locked;
};

/* --- the decision ----------------------------------------------------------------------------- */

static bool is_over(const struct quota_view *v)
{
	return v->used + v->want > v->max;
}

/* Once all that leaves has left there is room. */
static bool waiting_helps(const struct quota_view *v)
{
	return v->leaving && v->used - v->leaving + v->want <= v->max && v->own + v->want <= v->max;
}

static int64_t patience(const struct quota_view *v)
{
	if (v->any_leaving || v->behind)
		return v->timeout_ms;
	return v->any_torn ? min_of(v->timeout_ms, (int64_t)TORN_MS) : 0;
}

enum quota_step quota_decide(const struct quota_view *v, int *ret_error)
{
	bool over = is_over(v);

	if (!v->full && !over && !v->behind)
		return QUOTA_GO;
	if (v->kept && (v->full || over))
		return QUOTA_DROP;
	if (!v->full && ((over && !waiting_helps(v)) || v->crowd))
		return QUOTA_GO;
	*ret_error = -EINTR;
	if (v->given_up)
		return QUOTA_FAIL;
	*ret_error = -ENOSPC;
	if (v->full)
		return v->crowd || v->idle_ms >= patience(v) ? QUOTA_FAIL : QUOTA_WAIT;
	*ret_error = -ETIMEDOUT;
	if (v->idle_ms >= v->timeout_ms)
		return over ? QUOTA_FAIL : QUOTA_GO;
	return v->waited_ms >= v->timeout_ms ? QUOTA_GO : QUOTA_WAIT;
}

/* --- what is counted -------------------------------------------------------------------------- */

int quota_new(const struct quota_conf *conf, struct quota **ret_q)
{
	struct quota *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->conf = *conf;
	lock_init(&q->locked.l);
	cond_init(&q->locked.changed);
	*ret_q = q;
	return 0;
}

void quota_stop(struct quota *q)
{
	if (!q)
		return;
	scoped_lock(&q->locked.l);
	q->locked.stop = true;
	cond_broadcast(&q->locked.changed);
}

void quota_free(struct quota *q)
{
	if (!q)
		return;
	cond_free(&q->locked.changed);
	lock_free(&q->locked.l);
	free(q);
}

static void progress_locked(struct quota *q)
{
	lock_assert_held(&q->locked.l);
	q->locked.left++;
	cond_broadcast(&q->locked.changed);
}

void quota_note_progress(struct quota *q)
{
	if (!q)
		return;
	scoped_lock(&q->locked.l);
	progress_locked(q);
}

static uint64_t that_counts(const struct quota *q, uint64_t bytes, enum quota_kind kind)
{
	return bytes <= q->conf.max && kind != QUOTA_GIVEN ? bytes : 0;
}

void quota_set(struct quota *q, struct quota_share *s, uint64_t bytes, enum quota_kind kind)
{
	uint64_t before, after;

	if (!q)
		return;
	scoped_lock(&q->locked.l);
	before = that_counts(q, s->bytes, s->kind);
	after = that_counts(q, bytes, kind);
	q->locked.all[s->kind] -= s->bytes;
	q->locked.all[kind] += bytes;
	q->locked.counted[s->kind] -= before;
	q->locked.counted[kind] += after;
	atomic_store(&q->counted, atomic_load(&q->counted) - before + after);
	if (bytes < s->bytes || after < before)
		progress_locked(q);
	else if (kind != s->kind)
		cond_broadcast(&q->locked.changed);
	s->bytes = bytes;
	s->kind = kind;
}

/* --- who waits -------------------------------------------------------------------------------- */

static uint64_t kept_bytes(const struct quota *q)
{
	return q->conf.kept(q->conf.arg);
}

bool quota_has_room(struct quota *q, uint64_t want)
{
	return !q || (!atomic_load(&q->waiting) &&
		      atomic_load(&q->counted) + kept_bytes(q) + want <= q->conf.max);
}

void quota_begin(struct quota *q, struct cancel *cancel, struct quota_wait *ret_w)
{
	int64_t now = clock_mono_ms();

	*ret_w = (struct quota_wait){ .q = q, .cancel = cancel, .began_ms = now, .since_ms = now };
	cancel_watch_cond(&ret_w->watch, cancel, &q->locked.l, &q->locked.changed);
}

/* The log hears of it: what does not move looks like a hang. */
static void tell_locked(struct quota *q, bool full, int64_t now)
{
	if (q->locked.told_ms && now - q->locked.told_ms < TELL_MS)
		return;
	q->locked.told_ms = now;
	log_warn("staging=full bytes=%" PRIu64 " staging_max=%" PRIu64
		 " why=\"%s: writes wait until some of it is in the bucket\"",
		 atomic_load(&q->counted) + kept_bytes(q), q->conf.max,
		 full ? "its disk has no room" : "that much waits for the bucket or is open");
}

static void join_line_locked(struct quota_wait *w, bool full, int64_t now)
{
	struct quota *q = w->q;
	struct quota_wait **at = &q->locked.first;

	lock_assert_held(&q->locked.l);
	if (w->in_line || w->crowd)
		return;
	w->crowd = atomic_load(&q->waiting) >= WAITERS_MAX;
	if (w->crowd)
		return;
	while (*at)
		at = &(*at)->next;
	*at = w;
	w->in_line = true;
	w->seen = q->locked.left;
	w->began_ms = w->since_ms = now;
	atomic_fetch_add(&q->waiting, 1);
	tell_locked(q, full, now);
}

static void leave_line_locked(struct quota_wait *w)
{
	struct quota *q = w->q;
	struct quota_wait **at = &q->locked.first;

	lock_assert_held(&q->locked.l);
	if (!w->in_line)
		return;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->in_line = false;
	atomic_fetch_sub(&q->waiting, 1);
	cond_broadcast(&q->locked.changed);
}

static struct quota_view look_locked(struct quota_wait *w, bool full, uint64_t own, uint64_t want,
				     int64_t now)
{
	const struct quota *q = w->q;
	uint64_t kept = kept_bytes(q);

	lock_assert_held(&q->locked.l);
	if (w->seen != q->locked.left) {
		w->seen = q->locked.left;
		w->since_ms = now;
	}
	return (struct quota_view){
		.full = full,
		.want = want,
		.own = own,
		.used = atomic_load(&q->counted) + kept,
		.leaving = q->locked.counted[QUOTA_LEAVING],
		.any_leaving = q->locked.all[QUOTA_LEAVING] || q->locked.all[QUOTA_GIVEN],
		.any_torn = q->locked.all[QUOTA_TORN] || w->dropped,
		.kept = w->kept_fast ? 0 : kept,
		.max = q->conf.max,
		.behind = q->locked.first && q->locked.first != w,
		.crowd = w->crowd,
		.given_up = cancel_is_fired(w->cancel),
		.idle_ms = now - w->since_ms,
		.waited_ms = now - w->began_ms,
		.timeout_ms = q->locked.stop ? 0 : q->conf.timeout_ms,
	};
}

static void drop_one_locked(struct quota_wait *w)
{
	struct quota *q = w->q;

	lock_drop(&q->locked.l);
	w->kept_fast = q->conf.drop(q->conf.arg) != 0;
	lock_take(&q->locked.l);
	w->dropped = w->dropped || !w->kept_fast;
}

static void wait_locked(struct quota_wait *w, bool full)
{
	struct quota *q = w->q;
	int64_t now = clock_mono_ms(), until = now + LOOK_MS;

	join_line_locked(w, full, now);
	if (w->crowd)
		return;
	until = min_of(until, w->since_ms + q->conf.timeout_ms);
	cond_wait_until(&q->locked.changed, &q->locked.l, until);
	w->kept_fast = false;
}

/* Whether a full disk has room by now only trying tells. */
static bool may_try_locked(const struct quota_wait *w, enum quota_step done)
{
	const struct quota *q = w->q;

	if (done == QUOTA_DROP)
		return !w->kept_fast;
	return !w->crowd && q->locked.first == w && !cancel_is_fired(w->cancel);
}

int quota_room(struct quota_wait *w, bool full, uint64_t own, uint64_t want)
{
	struct quota *q = w->q;

	scoped_lock(&q->locked.l);
	for (;;) {
		struct quota_view v = look_locked(w, full, own, want, clock_mono_ms());
		enum quota_step step;
		int error = 0;

		step = quota_decide(&v, &error);
		if (step == QUOTA_GO)
			return 0;
		if (step == QUOTA_FAIL)
			return error;
		if (step == QUOTA_DROP)
			drop_one_locked(w);
		else
			wait_locked(w, full);
		if (full && may_try_locked(w, step))
			return 0;
	}
}

void quota_end(struct quota_wait *w)
{
	lock_take(&w->q->locked.l);
	leave_line_locked(w);
	lock_drop(&w->q->locked.l);
	cancel_unwatch(&w->watch);
}
