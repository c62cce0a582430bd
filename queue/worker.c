#include "queue/worker_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"

/*
 *  a worker is  means                                       leaves to
 *  looking      asks the store for a job                    running, idle
 *  running      copies one job; counted in busy             looking (after store_finish)
 *  idle         waits for a wake, or for the next due time  looking, ended (stop)
 *
 *  A wake is a token that one idle worker takes. Who finds a job passes one on before he runs it,
 *  so that many ready jobs wake as many workers as they need, and one job wakes one.
 */

#define THREADS_DEFAULT 16
#define RETRY_FIRST_MS	1000
#define RETRY_MAX_MS	((int64_t)300 * 1000)
#define IDLE_MAX_MS	60000 /* wall time may jump: look again after this long in any case */
#define IDLE_MIN_MS	1000  /* due jobs whose destination takes none just now */
#define DRAIN_STEP_MS	250
#define STOP_GRACE_MS	500
#define LEFT_RETRY_MS	5000 /* rows that could not be written */
#define PRUNE_EVERY_MS	((int64_t)3600 * 1000)
#define PRUNE_OLDER_MS	((int64_t)7 * 24 * 3600 * 1000)

/* --- claiming --------------------------------------------------------------------------------- */

struct admission {
	struct workers *w;
	int64_t now_ms;
	struct dest *admitted; /* a place is taken there */
	char why[256];	       /* it cannot be made: the job is claimed to say so */
};

static void give_back(struct admission *a)
{
	if (a->admitted)
		worker_note_dest(a->w, a->admitted, -ECANCELED, NULL);
	a->admitted = NULL;
}

static bool allow(void *arg, const char *arn)
{
	struct admission *a = arg;
	struct dest *d;

	a->why[0] = '\0';
	if (dest_get(a->w->conf.dests, arn, &d, a->why, sizeof(a->why)) < 0) {
		give_back(a);
		return true;
	}
	if (d == a->admitted)
		return true;
	if (!dest_admit(d, a->now_ms))
		return false;
	give_back(a);
	a->admitted = d;
	return true;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* 1 = *t holds a job, 0 = none; *ret_due (wall) says when to look for another; or -errno. */
static int claim(struct workers *w, struct task *t, int64_t *ret_due)
{
	struct admission a = { .w = w, .now_ms = clock_wall_ms() };
	int64_t probe;
	int r;

	*ret_due = CLOCK_NEVER;
	r = store_claim(w->conf.store, a.now_ms, allow, &a, &t->job, ret_due);
	if (r == 1 && a.admitted && strcmp(dest_arn(a.admitted), t->job.dest) == 0)
		t->dest = take_ptr(&a.admitted);
	if (r == 1 && !t->dest)
		snprintf(t->dest_why, sizeof(t->dest_why), "%s", a.why);
	give_back(&a);
	probe = dest_set_next_probe(w->conf.dests);
	*ret_due = min_of(*ret_due, probe);
	return r;
}

/* Until a wake, the due time or the stop. */
static void idle(struct workers *w, int64_t due_wall)
{
	int64_t ms = IDLE_MAX_MS;
	int64_t deadline;

	if (due_wall != CLOCK_NEVER)
		ms = min_of(max_of(due_wall - clock_wall_ms(), (int64_t)10), ms);
	deadline = clock_deadline(ms);
	scoped_lock(&w->locked.l);
	while (!w->locked.stop && w->locked.wakes == 0)
		if (!cond_wait_until(&w->locked.wake, &w->locked.l, deadline))
			break;
	if (w->locked.wakes > 0)
		w->locked.wakes--;
}

/* What an earlier row left behind is of no use after so long; the ledger stays. */
static void prune_now_and_then(struct workers *w)
{
	int64_t now = clock_mono_ms();
	bool due;

	lock_take(&w->locked.l);
	due = now >= w->locked.next_prune;
	if (due)
		w->locked.next_prune = now + PRUNE_EVERY_MS;
	lock_drop(&w->locked.l);
	if (due && store_prune(w->conf.store, PRUNE_OLDER_MS) < 0)
		log_warn("result=\"old rows not pruned\"");
}

/* Rows that could not be written (the disk was full) become due work. */
static void retry_left(struct workers *w, int64_t *due_wall)
{
	if (!store_is_damaged(w->conf.store) && repl_retry_left(w->conf.repl) < 0)
		*due_wall = min_of(*due_wall, clock_wall_ms() + LEFT_RETRY_MS);
}

static bool begin_busy(struct workers *w)
{
	scoped_lock(&w->locked.l);
	if (w->locked.stop)
		return false;
	w->locked.busy++;
	return true;
}

static void end_busy(struct workers *w)
{
	scoped_lock(&w->locked.l);
	w->locked.busy--;
	cond_broadcast(&w->locked.rest);
}

static void pass_wake(struct workers *w)
{
	scoped_lock(&w->locked.l);
	if (w->locked.wakes < w->conf.threads)
		w->locked.wakes++;
	cond_signal(&w->locked.wake);
}

static void work(void *arg)
{
	struct workers *w = arg;

	while (begin_busy(w)) {
		struct task t = { .w = w };
		int64_t due = CLOCK_NEVER;
		int r;

		r = claim(w, &t, &due);
		if (r == 1) {
			crash_point("worker.claimed");
			/* who sleeps may not know of the others that are due, now or later */
			if (due != CLOCK_NEVER)
				pass_wake(w);
			worker_run_job(&t);
		}
		job_free(&t.job);
		end_busy(w);
		if (r < 0 && !store_is_damaged(w->conf.store))
			log_error("result=\"no job can be claimed\" error=%d", r);
		if (r == 1)
			continue;
		prune_now_and_then(w);
		retry_left(w, &due);
		if (store_is_damaged(w->conf.store)) /* until the stop */
			due = CLOCK_NEVER;
		else if (r < 0 || due <= clock_wall_ms())
			due = clock_wall_ms() + IDLE_MIN_MS;
		idle(w, due);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

struct stale_list {
	char **arns;
	size_t n;
};

static int note_stale(void *arg, const struct store_dest *d)
{
	struct stale_list *l = arg;
	char **grown;

	if (!d->paused)
		return 0;
	grown = reallocarray(l->arns, l->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->arns = grown;
	grown[l->n] = NULL;
	if (str_dup(d->dest, &grown[l->n]) < 0)
		return -ENOMEM;
	l->n++;
	return 0;
}

/* A new mount begins with all destinations open, whatever the last one knew. */
static void open_all(struct store *s)
{
	struct stale_list l = { 0 };
	int err = store_each_dest(s, note_stale, &l);

	for (size_t i = 0; i < l.n; i++) {
		struct store_dest row = { .dest = l.arns[i],
					  .why = "",
					  .since_ms = clock_wall_ms() };

		if (err == 0)
			err = store_put_dest(s, &row);
		free(l.arns[i]);
	}
	free(l.arns);
	if (err < 0)
		log_warn("result=\"states of destinations not reset\" error=%d", err);
}

static int new_heal(struct workers *w)
{
	const struct heal_conf conf = {
		.store = w->conf.store,
		.dests = w->conf.dests,
		.first_ms = w->conf.heal_first_ms,
		.max_ms = w->conf.heal_max_ms,
		.on_ready = workers_wake,
		.arg = w,
	};

	return heal_new(&conf, &w->heal);
}

int workers_new(const struct workers_conf *conf, struct workers **ret_w)
{
	struct workers *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	lock_init(&w->locked.l);
	cond_init(&w->locked.wake);
	cond_init(&w->locked.rest);
	w->conf = *conf;
	w->conf.threads = conf->threads ? conf->threads : THREADS_DEFAULT;
	w->conf.retry_first_ms = conf->retry_first_ms ? conf->retry_first_ms : RETRY_FIRST_MS;
	w->conf.retry_max_ms = conf->retry_max_ms ? conf->retry_max_ms : RETRY_MAX_MS;
	w->locked.next_prune = clock_mono_ms();
	err = str_dup(conf->source_bucket, &w->source_bucket);
	err = err < 0 ? err : str_dup(conf->staging_dir, &w->staging_dir);
	err = err < 0 ? err : new_heal(w);
	err = err < 0 ? err : pool_new("worker", w->conf.threads, w->conf.threads, &w->pool);
	if (err < 0) {
		workers_free(w);
		return err;
	}
	*ret_w = w;
	return 0;
}

int workers_start(struct workers *w)
{
	int err;

	open_all(w->conf.store);
	err = pool_start(w->pool);
	w->started = err == 0;
	for (unsigned i = 0; err == 0 && i < w->conf.threads; i++)
		err = pool_submit(w->pool, work, w);
	err = err < 0 ? err : heal_start(w->heal);
	if (err < 0)
		workers_stop(w);
	return err;
}

void workers_wake(void *arg)
{
	pass_wake(arg);
}

struct drain_query {
	struct store *store;
	uint64_t held_back; /* ready rows of paused destinations */
	int err;
};

static void count_paused(void *arg, struct dest *d)
{
	struct drain_query *q = arg;
	struct store_counts c = { 0 };
	struct dest_health h;

	dest_get_health(d, &h);
	if (!h.paused || q->err < 0)
		return;
	q->err = store_count(q->store, dest_arn(d), &c);
	q->held_back += c.ready;
}

static bool is_drained(struct workers *w)
{
	struct drain_query q = { .store = w->conf.store };
	struct store_counts all = { 0 };

	if (store_is_damaged(q.store)) /* nothing more can be */
		return true;
	q.err = store_count(q.store, NULL, &all);
	dest_set_each(w->conf.dests, count_paused, &q);
	return q.err == 0 && all.claimed == 0 && all.ready <= q.held_back;
}

bool workers_drain(struct workers *w, int64_t deadline_mono_ms)
{
	int64_t due = CLOCK_NEVER;

	retry_left(w, &due);
	while (!is_drained(w)) {
		int64_t now = clock_mono_ms();

		if (now >= deadline_mono_ms)
			return false;
		scoped_lock(&w->locked.l);
		if (w->locked.stop)
			return false;
		cond_wait_until(&w->locked.rest, &w->locked.l,
				min_of(deadline_mono_ms, now + DRAIN_STEP_MS));
	}
	return true;
}

void workers_stop(struct workers *w)
{
	int64_t deadline = clock_deadline(STOP_GRACE_MS);
	bool busy;

	__atomic_store_n(&w->stopping, 1, __ATOMIC_RELEASE);
	lock_take(&w->locked.l);
	w->locked.stop = true;
	cond_broadcast(&w->locked.wake);
	cond_broadcast(&w->locked.rest);
	while (w->locked.busy > 0 && cond_wait_until(&w->locked.rest, &w->locked.l, deadline))
		;
	busy = w->locked.busy > 0;
	lock_drop(&w->locked.l);
	/* A part may take minutes: the row stays, and the next mount goes on at this part. */
	if (busy)
		dest_set_abort(w->conf.dests);
	heal_stop(w->heal);
	pool_stop(w->pool);
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	if (w->started)
		workers_stop(w);
	pool_free(w->pool);
	heal_free(w->heal);
	free(w->source_bucket);
	free(w->staging_dir);
	cond_free(&w->locked.wake);
	cond_free(&w->locked.rest);
	lock_free(&w->locked.l);
	free(w);
}
