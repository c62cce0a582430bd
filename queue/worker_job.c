/* worker_job.c - one claimed job from the copy to its row. */
#include "queue/worker_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "queue/dest_i.h"
#include "queue/probe.h"
#include "queue/reason.h"

#define FINISH_AGAIN_MS 2000

static bool is_stopping(void *arg)
{
	const struct task *t = arg;

	return __atomic_load_n(&t->w->stopping, __ATOMIC_ACQUIRE) != 0;
}

/* --- destinations ----------------------------------------------------------------------------- */

static void write_dest_down(struct workers *w, struct dest *d)
{
	struct dest_health h;
	struct store_dest row;
	char since[40];

	dest_get_health(d, &h);
	row = (struct store_dest){
		.dest = dest_arn(d),
		.paused = h.paused,
		.until_ms = h.until_ms,
		.why = h.why,
		.since_ms = h.since_ms,
	};
	time_format_iso(h.since_ms, since);
	if (h.paused)
		log_warn("dest=%s state=paused since=%s why=\"%s\"", dest_arn(d), since, h.why);
	else
		log_info("dest=%s state=open", dest_arn(d));
	if (store_put_dest(w->conf.store, &row) < 0)
		log_warn("dest=%s result=\"state not written\"", dest_arn(d));
}

void worker_note_dest(struct workers *w, struct dest *d, int err, const struct s3_error *e)
{
	if (dest_note(d, err, e, clock_wall_ms()))
		write_dest_down(w, d);
}

/* --- one job ---------------------------------------------------------------------------------- */

static int on_upload(void *arg, const char *upload_id, enum mpu_sum sum)
{
	struct task *t = arg;

	return store_put_upload(t->w->conf.store, t->job.id, upload_id, sum);
}

static int on_part(void *arg, const struct mpu_part *p)
{
	struct task *t = arg;

	return store_put_part(t->w->conf.store, t->job.id, p);
}

struct ledger_query {
	const char *dest;
	const char *source_version; /* "" = none */
	char *version;
};

static int note_replica(void *arg, const struct store_replica *r)
{
	struct ledger_query *q = arg;

	if (strcmp(r->dest, q->dest) != 0 || r->delete_marker ||
	    strcmp(r->version ? r->version : "", q->source_version) != 0)
		return 0;
	free(q->version);
	q->version = NULL;
	return str_dup(r->replica_version ? r->replica_version : "", &q->version);
}

/* *ret_version stays NULL when the ledger does not know. */
static int find_in_ledger(struct task *t, const char *key, const char *version, char **ret_version)
{
	struct ledger_query q = { .dest = t->job.dest, .source_version = version ? version : "" };
	int err;

	err = store_each_replica(t->w->conf.store, key, version, note_replica, &q);
	*ret_version = q.version;
	return err;
}

static int note_coming(void *arg, const struct job *j)
{
	*(bool *)arg |= j->kind == JOB_OBJECT && j->class == JOB_LIVE && j->attempt == 0 &&
			(j->state == JOB_READY || j->state == JOB_CLAIMED);
	return 0;
}

/*
 * The replica of what the version was made of. -EINPROGRESS: it is on its way, and worth waiting
 * for. Only for one that is live and that nothing has gone wrong with: its row is older, so that
 * it is claimed first, and this ends.
 */
static int find_base(struct task *t, char **ret_version)
{
	const struct job_base *b = &t->job.spec.base;
	const struct store_filter filter = {
		.dest = t->job.dest, .key = b->key, .version = b->version, .unfinished = true
	};
	bool coming = false;
	int err;

	if (t->job.kind != JOB_OBJECT || !b->key)
		return 0;
	err = find_in_ledger(t, b->key, b->version, ret_version);
	if (err < 0 || *ret_version || !b->version)
		return err;
	err = store_each_job(t->w->conf.store, &filter, note_coming, &coming);
	return err < 0 ? err : coming ? -EINPROGRESS : 0;
}

/* Without them a replica may lack what its server can take, or be refused for what it cannot. When
 * they cannot be learnt for good the job itself finds out why. */
static int learn_caps(struct task *t)
{
	int err = probe_dest(t->w->conf.store, t->dest, &t->error);

	if (err == -ECANCELED || err == -ENOMEM || dest_is_sick(err, &t->error)) {
		t->report.at_source = false;
		return err;
	}
	t->error = (struct s3_error){ .retry_after_ms = -1 };
	return 0;
}

static int copy_job(struct task *t)
{
	struct workers *w = t->w;
	auto_free struct mpu_part *parts = NULL;
	auto_free char *replica_version = NULL, *base_version = NULL;
	struct s3_caps caps;
	enum cap acl;
	size_t parts_n = 0;
	int err = 0;

	t->report.uncertain = t->job.uncertain;
	t->report.at_source = true;
	err = learn_caps(t);
	err = err < 0 ? err : find_base(t, &base_version);
	if (err == 0 && job_kind_is_change(t->job.kind))
		err = find_in_ledger(t, t->job.key, t->job.version, &replica_version);
	if (err == 0 && t->job.upload_id)
		err = store_get_parts(w->conf.store, t->job.id, &parts, &parts_n);
	if (err < 0)
		return err;
	const struct copy_conf conf = {
		.source = w->conf.source,
		.dest = dest_client(t->dest),
		.source_bucket = w->source_bucket,
		.staging_dir = w->staging_dir,
		.pool = w->conf.pool,
		.early = repl_take_upload(w->conf.repl, &t->job),
		.on_upload = on_upload,
		.on_part = on_part,
		.parts = parts,
		.parts_n = parts_n,
		.arg = t,
		.caps = &caps,
		.unversioned_ok = dest_unversioned_ok(t->dest),
		.class_fallback = dest_class_fallback(t->dest),
		.stopping = is_stopping,
		.replica_version = replica_version,
		.base_version = base_version,
		.report = &t->report,
	};

	(void)dest_get_caps(t->dest, &caps);
	acl = caps.acl;
	err = copy_run(&t->job, &conf, t->version, &t->error);
	if (caps.acl != acl && dest_lost_acl(t->dest))
		log_warn("dest=%s acl=no why=\"it takes none: replicas get its owner's\"",
			 dest_arn(t->dest));
	return err;
}

static int no_dest(struct task *t)
{
	t->error.class = FAULT_RETRY;
	snprintf(t->error.code, sizeof(t->error.code), "Destination");
	snprintf(t->error.message, sizeof(t->error.message), "%.250s", t->dest_why);
	t->report.at_source = true;
	t->report.uncertain = t->job.uncertain;
	return -EINVAL;
}

static uint32_t random32(void)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
		return (uint32_t)clock_mono_ms();
	return v;
}

static void log_job(const struct task *t, const struct outcome *o)
{
	static const char *const results[] = { "done", "later", "parked" };
	const struct job *j = &t->job;
	const char *result = results[o->kind];
	char key[400];
	char why[300];

	if (t->err == -ENODATA)
		result = "nothing";
	if (t->err == -ECANCELED)
		result = "stopped";
	if (t->err == -EINPROGRESS) {
		log_debug("job=%lld result=\"waits for what it was made of\"", (long long)j->id);
		return;
	}
	printable(j->key, key, sizeof(key));
	printable(o->why, why, sizeof(why));
	if (o->kind == OUTCOME_DONE || t->err == -ECANCELED)
		log_info("job=%lld kind=%s key=\"%s\" version=%s dest=%s attempt=%u bytes=%llu "
			 "ms=%lld result=%s",
			 (long long)j->id, job_kind_name(j->kind), key,
			 j->version ? j->version : "-", j->dest, j->attempt + 1,
			 (unsigned long long)t->report.bytes, (long long)t->ms, result);
	else
		log_warn("job=%lld kind=%s key=\"%s\" version=%s dest=%s attempt=%u bytes=%llu "
			 "ms=%lld result=%s reason=%s why=\"%s\"",
			 (long long)j->id, job_kind_name(j->kind), key,
			 j->version ? j->version : "-", j->dest, j->attempt + 1,
			 (unsigned long long)t->report.bytes, (long long)t->ms, result,
			 *o->reason ? o->reason : "-", why);
}

/*
 * The row must be written before anything else happens to its pair: while the store fails there is
 * nothing better to do than to wait.
 */
static void finish(struct task *t, const struct outcome *o)
{
	struct workers *w = t->w;
	auto_free char *unstaged = NULL;
	char words[64];
	bool stop = false;
	int err;

	crash_point("worker.copied");
	while ((err = store_finish(w->conf.store, &t->job, o, &unstaged)) < 0 && !stop) {
		log_error("job=%lld result=\"cannot be written down\" why=\"%s\"",
			  (long long)t->job.id, errno_text(err, words, sizeof(words)));
		scoped_lock(&w->locked.l);
		if (!w->locked.stop)
			cond_wait_until(&w->locked.rest, &w->locked.l,
					clock_deadline(FINISH_AGAIN_MS));
		stop = w->locked.stop;
	}
	crash_point("worker.finished");
	if (unstaged)
		repl_release_staged(w->conf.repl, unstaged);
	repl_note_finished(w->conf.repl);
}

/*
 * A job that failed since its destination is ill is tried again as soon as that may be probed, not
 * later.
 */
static void follow_pause(const struct task *t, struct outcome *o)
{
	struct dest_health h;

	if (!t->dest || o->kind != OUTCOME_LATER || !o->count || t->report.at_source)
		return;
	dest_get_health(t->dest, &h);
	if (h.paused && h.until_ms > 0)
		o->due_ms = min_of(o->due_ms, h.until_ms);
}

/* Is something to be told of the time that it took? */
static bool has_alarm(const struct task *t)
{
	const struct job *j = &t->job;

	return j->late || (j->alarm_ms > 0 && (t->err < 0 || j->alarm_ms <= clock_wall_ms()));
}

/* The row is written: who waits for such rows? */
static void tell(const struct task *t, const struct outcome *o)
{
	const struct job *j = &t->job;
	struct workers *w = t->w;

	if (o->kind == OUTCOME_PARK)
		heal_note_parked(w->heal);
	else if (t->err == 0 && j->reason && reason_cure(j->reason) != CURE_SLOW)
		heal_note_done(w->heal, j->dest, j->reason);
	if (w->conf.events &&
	    (o->kind == OUTCOME_PARK || (o->kind == OUTCOME_DONE && has_alarm(t))))
		events_wake(w->conf.events);
}

void worker_run_job(struct task *t)
{
	struct workers *w = t->w;
	int64_t start = clock_mono_ms();
	struct worker_facts f;
	struct outcome o;
	bool silent;

	t->error.retry_after_ms = -1;
	t->err = t->dest ? copy_job(t) : no_dest(t);
	t->ms = clock_mono_ms() - start;
	f = (struct worker_facts){
		.kind = t->job.kind,
		.err = t->err,
		.error = &t->error,
		.at_source = t->report.at_source,
		.uncertain = t->report.uncertain,
		.version = t->version,
		.attempt = t->job.attempt,
		.now_ms = clock_wall_ms(),
		.first_ms = w->conf.retry_first_ms,
		.max_ms = w->conf.retry_max_ms,
		.rnd = random32(),
	};
	worker_decide(&f, &o);
	silent = t->err == -ENODATA || (t->err < 0 && t->report.at_source);
	if (t->dest)
		worker_note_dest(w, t->dest, silent ? -ECANCELED : t->err, &t->error);
	follow_pause(t, &o);
	finish(t, &o);
	tell(t, &o);
	log_job(t, &o);
}
