#include "queue/scan_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/pool.h"

/*
 *  a walk is  means                                     leaves to
 *  none       no row of its kind runs, or not its time  at work
 *  at work    one page a turn                           none (end, stopped), late
 *  late       the source failed, or the queue is full   at work (after a while)
 *
 *  The thread gives each walk a turn, and waits until the next one is due.
 */

/*
 * A destination is full when this many rows of resyncs are ready for it: then the walk waits. It
 * does not wait for one that is paused while another works, nor for rows behind FAILED ones; until
 * one has HELD_MAX rows in all (which is about a GiB of the state's disk).
 */
#define OPEN_MAX      1000
#define HELD_MAX      1000000
#define FULL_AGAIN_MS 500
#define FAIL_AGAIN_MS 5000

struct scan {
	struct scan_conf conf;
	char *prefix;
	struct pool *pool; /* of one thread */
	bool started;
	int stopping; /* atomic */
	/* the thread's */
	struct scan_run watch, resync;
	int64_t watch_due, resync_due; /* mono */
	int64_t burst_began;	       /* mono: of the watch's pages of this interval */
	unsigned burst_pages;
	struct {
		struct lock l;
		struct cond changed;
		bool woken;
	} locked;
};

static bool is_stopping(const struct scan *s)
{
	return __atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE) != 0;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void log_row(const struct scan_row *r)
{
	log_info("scan=%lld kind=%s state=%s seen=%llu queued=%llu skipped=%llu refused=%llu"
		 " busy=%llu%s%s%s",
		 (long long)r->id, r->watch ? "watch" : "resync", scan_state_name(r->state),
		 (unsigned long long)r->seen, (unsigned long long)r->queued,
		 (unsigned long long)r->skipped, (unsigned long long)r->refused,
		 (unsigned long long)r->busy, r->why ? " why=\"" : "", r->why ? r->why : "",
		 r->why ? "\"" : "");
}

/* Writes how far the walk is. -ENOENT: its row does not run any more. */
static int save(struct scan_run *run)
{
	int err;

	free(run->row.key_marker);
	run->row.key_marker = NULL;
	err = str_dup(run->walk.done_key, &run->row.key_marker);
	return err < 0 ? err : store_scan_save(run->conf->store, &run->row);
}

static void set_why(struct scan_run *run, int err)
{
	char text[400] = "";

	if (err < 0 && (run->look.error.status || *run->look.error.code))
		s3_error_text(&run->look.error, text, sizeof(text));
	else if (err < 0)
		errno_text(err, text, sizeof(text));
	free(run->row.why);
	run->row.why = NULL;
	if (err < 0 && str_dup(text, &run->row.why) == 0)
		log_warn("scan=%lld result=late why=\"%s\"", (long long)run->row.id, text);
}

/* A row that cannot be read would be in the way of those behind it. */
static int end_damaged(struct scan *s, struct scan_row *row)
{
	int err = str_dup("what was asked for cannot be read: the row is damaged", &row->why);

	row->state = SCAN_BROKEN;
	err = err < 0 ? err : store_scan_save(s->conf.store, row);
	log_row(row);
	return err < 0 && err != -ENOENT ? err : -EINVAL;
}

/* -ENOENT: none runs. -EINVAL: it was damaged, and was ended. */
static int begin(struct scan *s, struct scan_run *run, bool watch)
{
	struct scan_row row = { 0 };
	int err = store_scan_next(s->conf.store, watch, &row);

	if (err == 0) {
		err = scan_run_begin(run, &row);
		if (err == -EINVAL && !watch)
			err = end_damaged(s, &row);
	}
	scan_row_free(&row);
	return err;
}

/* --- resync ----------------------------------------------------------------------------------- */

static bool is_hopeless(const struct s3_error *e)
{
	return e->class == FAULT_AUTH || e->class == FAULT_GONE || e->class == FAULT_BAD;
}

static void end_resync(struct scan_run *run)
{
	log_row(&run->row);
	scan_run_end(run);
}

static void resync_page(struct scan *s)
{
	struct scan_run *run = &s->resync;
	bool end = false;
	int saved, err = scan_run_page(run, &end);

	if (err == -ECANCELED)
		return;
	set_why(run, err);
	if (err < 0 && is_hopeless(&run->look.error))
		run->row.state = SCAN_BROKEN;
	else if (err == 0 && end)
		run->row.state = SCAN_DONE;
	crash_point("scan.page");
	saved = save(run);
	crash_point("scan.saved");
	if (err < 0 || saved < 0)
		s->resync_due = clock_deadline(FAIL_AGAIN_MS);
	if (saved == -ENOENT)
		run->row.state = SCAN_STOPPED;
	if (run->row.state != SCAN_RUNNING && (saved == 0 || saved == -ENOENT))
		end_resync(run);
}

/* A person may have stopped it. */
static bool still_runs(struct scan *s, const struct scan_row *row)
{
	struct scan_row now = { 0 };
	bool runs = store_scan_get(s->conf.store, row->id, &now) < 0 || now.state == SCAN_RUNNING;

	scan_row_free(&now);
	return runs;
}

/* -EAGAIN: not now. */
static int ask_for_room(const struct scan *s, const struct rule_set *rules, const char *dest)
{
	bool full = false, working = false;

	for (size_t i = 0; i < rules_dest_count(rules); i++) {
		struct scan_load load = { 0 };
		int err;

		if (dest && strcmp(dest, rules_dest(rules, i)) != 0)
			continue;
		err = store_scan_load(s->conf.store, rules_dest(rules, i), OPEN_MAX, &load);
		if (err < 0)
			return err;
		if (load.held >= HELD_MAX || (load.ready >= OPEN_MAX && !load.paused))
			return -EAGAIN;
		full = full || load.ready >= OPEN_MAX;
		working = working || !load.paused;
	}
	return full && !working ? -EAGAIN : 0;
}

static int has_no_room(const struct scan *s)
{
	struct rule_set *rules = repl_get_rules(s->conf.repl);
	int err = ask_for_room(s, rules, s->resync.args.dest);

	rules_unref(rules);
	return err;
}

/* When it wants its next turn. */
static int64_t resync_turn(struct scan *s)
{
	int err = -EINVAL;

	if (s->resync.active && !still_runs(s, &s->resync.row)) {
		s->resync.row.state = SCAN_STOPPED;
		end_resync(&s->resync);
	}
	if (clock_mono_ms() < s->resync_due)
		return s->resync_due;
	s->resync_due = 0;
	if (!s->resync.active) {
		while (err == -EINVAL)
			err = begin(s, &s->resync, false);
		if (err == -ENOENT)
			return CLOCK_NEVER;
		if (err < 0)
			return s->resync_due = clock_deadline(FAIL_AGAIN_MS);
	}
	if (has_no_room(s) < 0)
		return s->resync_due = clock_deadline(FULL_AGAIN_MS);
	resync_page(s);
	return s->resync_due;
}

/* --- watch ------------------------------------------------------------------------------------ */

static int begin_watch(struct scan *s)
{
	int64_t id;
	int err = begin(s, &s->watch, true);

	if (err == -ENOENT) {
		err = store_scan_add(s->conf.store, true, "{}", &id);
		err = err < 0 ? err : begin(s, &s->watch, true);
	}
	if (err == 0 && s->watch.row.upto_ms == 0)
		s->watch.row.upto_ms = clock_wall_ms();
	return err;
}

/* All versions made before upto_ms are dealt with, by any clock; the next cycle begins anew. */
static void end_cycle(struct scan_run *run)
{
	struct scan_row *row = &run->row;

	log_debug("scan=%lld cycle=done seen=%llu queued=%llu", (long long)row->id,
		  (unsigned long long)row->seen, (unsigned long long)row->queued);
	row->since_ms = max_of(row->since_ms, row->upto_ms - SCAN_SKEW_MS);
	row->upto_ms = 0;
	free(run->walk.done_key);
	run->walk.done_key = NULL;
}

static int watch_page(struct scan *s, bool *ret_end)
{
	struct scan_run *run = &s->watch;
	int saved, err = run->active ? 0 : begin_watch(s);

	if (err < 0)
		return err;
	err = scan_run_page(run, ret_end);
	if (err == -ECANCELED)
		return err;
	set_why(run, err);
	if (err == 0 && *ret_end)
		end_cycle(run);
	saved = save(run);
	if (err == 0 && *ret_end)
		scan_run_end(run);
	return err < 0 ? err : saved;
}

static int64_t watch_turn(struct scan *s)
{
	bool end = false;
	int err;

	if (s->conf.watch_ms == 0)
		return CLOCK_NEVER;
	if (clock_mono_ms() < s->watch_due)
		return s->watch_due;
	if (s->burst_pages++ == 0)
		s->burst_began = clock_mono_ms();
	err = watch_page(s, &end);
	if (err < 0)
		s->watch_due = clock_deadline(FAIL_AGAIN_MS);
	if (err < 0 || end || s->burst_pages >= s->conf.watch_pages) {
		s->watch_due = max_of(s->watch_due, s->burst_began + s->conf.watch_ms);
		s->burst_pages = 0;
	}
	return s->watch_due;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void wait_until(struct scan *s, int64_t due)
{
	scoped_lock(&s->locked.l);
	while (!is_stopping(s) && !s->locked.woken)
		if (!cond_wait_until(&s->locked.changed, &s->locked.l, due))
			break;
	s->locked.woken = false;
}

static void run(void *arg)
{
	struct scan *s = arg;

	while (!is_stopping(s)) {
		int64_t watch = watch_turn(s);
		int64_t resync = is_stopping(s) ? CLOCK_NEVER : resync_turn(s);
		int64_t due = min_of(watch, resync);

		if (due > clock_mono_ms())
			wait_until(s, due);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

int scan_new(const struct scan_conf *conf, struct scan **ret_s)
{
	struct scan *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	lock_init(&s->locked.l);
	cond_init(&s->locked.changed);
	s->conf = *conf;
	err = str_dup(conf->prefix, &s->prefix);
	s->conf.prefix = s->prefix;
	s->watch.conf = s->resync.conf = &s->conf;
	s->watch.stopping = s->resync.stopping = &s->stopping;
	err = err < 0 ? err : pool_new("scan", 1, 1, &s->pool);
	if (err < 0) {
		scan_free(s);
		return err;
	}
	*ret_s = s;
	return 0;
}

int scan_start(struct scan *s)
{
	int err = pool_start(s->pool);

	s->started = err == 0;
	return err < 0 ? err : pool_submit(s->pool, run, s);
}

void scan_wake(struct scan *s)
{
	scoped_lock(&s->locked.l);
	s->locked.woken = true;
	cond_broadcast(&s->locked.changed);
}

void scan_stop(struct scan *s)
{
	__atomic_store_n(&s->stopping, 1, __ATOMIC_RELEASE);
	scan_wake(s);
	if (s->started)
		pool_stop(s->pool);
	s->started = false;
}

static void free_run(struct scan_run *run)
{
	scan_run_end(run);
	map_free(run->seen_before);
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	scan_stop(s);
	pool_free(s->pool);
	free_run(&s->watch);
	free_run(&s->resync);
	free(s->prefix);
	cond_free(&s->locked.changed);
	lock_free(&s->locked.l);
	free(s);
}
