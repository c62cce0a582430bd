#include "queue/events_i.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

/* The file cannot be written to, nobody reads the pipe, the command is not there: so long for each
 * failure in a row, up to IDLE_MS. */
#define AGAIN_MS 10000
#define IDLE_MS	 60000 /* wall time may jump: look again after this long in any case */

struct events {
	struct events_conf conf; /* fixed; strings owned */
	char *to, *bucket, *region;
	int stop_fd;
	unsigned failures; /* the thread's: passes in a row that told nobody */
	int failed_as;	   /* the thread's: what was logged of them, -errno; 0 = all is told */
	struct rule_set *rules; /* the thread's: those that the rows were last held against */
	pthread_t thread;
	bool started;
	struct {
		struct lock l;
		struct cond changed;
		bool woken, stop;
	} locked;
};

/* --- deciding --------------------------------------------------------------------------------- */

void events_decide(const struct job *j, enum event ret_events[2])
{
	ret_events[0] = ret_events[1] = EVENT_NONE;
	if (j->state != JOB_DONE) {
		ret_events[0] = EVENT_MISSED;
	} else if (j->code) {
		ret_events[0] = EVENT_NOT_TRACKED;
	} else if (j->late) {
		ret_events[0] = EVENT_AFTER;
	} else {
		ret_events[0] = EVENT_MISSED;
		ret_events[1] = EVENT_AFTER;
	}
}

bool events_is_tracked(const struct rule_set *rs, const struct job *j)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		const struct rule *r = rules_get(rs, i);

		if (r->enabled && r->threshold_minutes > 0 && j->rule_id &&
		    strcmp(r->id, j->rule_id) == 0 && strcmp(r->dest_arn, j->dest) == 0)
			return true;
	}
	return false;
}

/* --- telling ---------------------------------------------------------------------------------- */

static bool is_stopping(struct events *e)
{
	scoped_lock(&e->locked.l);
	return e->locked.stop;
}

static const char *why_not(int err, char words[64])
{
	return err == -ENXIO ? "nobody reads the pipe" : errno_text(err, words, 64);
}

static int tell(struct events *e, enum event event, const struct job *j)
{
	const struct event_text text = { .event = event,
					 .job = j,
					 .bucket = e->bucket,
					 .region = e->region,
					 .now_ms = clock_wall_ms() };
	auto_with(buf_free) struct buf line;
	char words[64];
	int err;

	buf_init(&line, BUF_LIMIT_DOC);
	err = is_stopping(e) ? -ECANCELED : events_line(&text, &line);
	err = err < 0 ? err : buf_addc(&line, '\n');
	err = err < 0 ? err : events_send(e->to, buf_str(&line), e->stop_fd);
	if (err < 0 && err != -ECANCELED && err != e->failed_as) {
		log_warn("events=\"%s\" result=\"not told\" why=\"%s\"", e->to,
			 why_not(err, words));
		e->failed_as = err;
	} else if (err == 0 && e->failed_as) {
		log_info("events=\"%s\" result=\"told again\"", e->to);
		e->failed_as = 0;
	}
	return err;
}

static int tell_failed(struct events *e)
{
	int r;

	do {
		auto_with(job_free) struct job j = { 0 };

		r = store_next_failed(e->conf.store, &j);
		if (r <= 0)
			break;
		r = tell(e, EVENT_FAILED, &j);
		if (r == 0)
			r = store_told_failed(e->conf.store, j.id);
	} while (r == 0);
	return r;
}

/* *ret_next: when the next alarm is due, wall. */
static int tell_alarms(struct events *e, int64_t *ret_next)
{
	int r;

	do {
		auto_with(job_free) struct job j = { 0 };
		enum event events[2];

		r = store_next_alarm(e->conf.store, clock_wall_ms(), &j, ret_next);
		if (r <= 0)
			break;
		events_decide(&j, events);
		r = 0;
		for (size_t i = 0; r == 0 && i < 2 && events[i]; i++)
			r = tell(e, events[i], &j);
		if (r == 0)
			r = store_told_alarm(e->conf.store, j.id, j.state != JOB_DONE);
	} while (r == 0);
	return r;
}

static int drop_untracked(void *arg, const struct job *j)
{
	struct events *e = arg;
	int err;

	if (j->state == JOB_DONE || events_is_tracked(e->rules, j))
		return 0;
	err = tell(e, EVENT_NOT_TRACKED, j);
	return err < 0 ? err : store_told_alarm(e->conf.store, j->id, false);
}

/* Rows that were to be done in time, by rules that are no more. */
static int follow_rules(struct events *e)
{
	struct rule_set *now = repl_get_rules(e->conf.repl);
	struct rule_set *before = e->rules;
	int err;

	if (now == before) {
		rules_unref(now);
		return 0;
	}
	e->rules = now;
	err = store_each_alarm(e->conf.store, drop_untracked, e);
	if (err == 0) {
		rules_unref(before);
		return 0;
	}
	e->rules = before; /* again, next time */
	rules_unref(now);
	return err;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* When to look again, wall. */
static int64_t pass(struct events *e)
{
	int64_t next = CLOCK_NEVER;
	int err = follow_rules(e);

	err = err < 0 ? err : tell_failed(e);
	err = err < 0 ? err : tell_alarms(e, &next);
	e->failures = err < 0 ? e->failures + 1 : 0;
	if (err < 0)
		next = clock_wall_ms() + min_of(AGAIN_MS * (int64_t)e->failures, (int64_t)IDLE_MS);
	return next;
}

/* false: stop. */
static bool wait_for(struct events *e, int64_t next_wall)
{
	int64_t now = clock_wall_ms();
	int64_t ms = next_wall - now < IDLE_MS ? max_of(next_wall - now, (int64_t)0) : IDLE_MS;
	int64_t deadline = clock_deadline(ms);

	scoped_lock(&e->locked.l);
	/* What wakes it can wait when nobody can be told. */
	while (!e->locked.stop && (!e->locked.woken || e->failures) && clock_mono_ms() < deadline)
		cond_wait_until(&e->locked.changed, &e->locked.l, deadline);
	e->locked.woken = false;
	return !e->locked.stop;
}

static void *run(void *arg)
{
	struct events *e = arg;

	pthread_setname_np(pthread_self(), "events");
	while (wait_for(e, pass(e)))
		;
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static int try_file(const char *path, char *why, size_t why_len)
{
	auto_close int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	char words[64];
	int err = fd < 0 ? -errno : 0;

	if (err == -ENXIO)
		return 0; /* a pipe that nobody reads yet */
	if (err < 0)
		snprintf(why, why_len, "events=%s: %s", path,
			 errno_text(err, words, sizeof(words)));
	return err;
}

int events_new(const struct events_conf *conf, struct events **ret_e, char *why, size_t why_len)
{
	struct events *e = calloc(1, sizeof(*e));
	int err;

	snprintf(why, why_len, "out of memory");
	if (!e)
		return -ENOMEM;
	e->conf = *conf;
	lock_init(&e->locked.l);
	cond_init(&e->locked.changed);
	e->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = e->stop_fd < 0 ? -errno : 0;
	err = err < 0 ? err : str_dup(conf->to, &e->to);
	err = err < 0 ? err : str_dup(conf->bucket, &e->bucket);
	err = err < 0 ? err : str_dup(conf->region, &e->region);
	if (err == 0 && *e->to != '|')
		err = try_file(e->to, why, why_len);
	if (err < 0) {
		events_free(e);
		return err;
	}
	*ret_e = e;
	return 0;
}

int events_start(struct events *e)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&e->thread, NULL, run, e);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	e->started = r == 0;
	return -r;
}

void events_wake(void *arg)
{
	struct events *e = arg;

	scoped_lock(&e->locked.l);
	e->locked.woken = true;
	cond_signal(&e->locked.changed);
}

void events_stop(struct events *e)
{
	if (!e->started)
		return;
	lock_take(&e->locked.l);
	e->locked.stop = true;
	cond_broadcast(&e->locked.changed);
	lock_drop(&e->locked.l);
	if (eventfd_write(e->stop_fd, 1) != 0)
		log_debug("events=stop-late");
	pthread_join(e->thread, NULL);
	e->started = false;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	events_stop(e);
	if (e->stop_fd >= 0)
		close(e->stop_fd);
	rules_unref(e->rules);
	free(e->to);
	free(e->bucket);
	free(e->region);
	cond_free(&e->locked.changed);
	lock_free(&e->locked.l);
	free(e);
}
