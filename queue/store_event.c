#include "queue/store.h"

#include <errno.h>

#include "base/clock.h"
#include "base/db.h"

#include "queue/store_i.h"

struct event_args {
	int64_t now_ms;
	int64_t alarm_ms, id; /* of the row found; of the one before it */
	struct job job;
	bool found, late;
};

static int read_found(struct db_stmt *st, int r, struct event_args *a)
{
	a->found = r == 1;
	if (r == 1) {
		a->id = db_col_i64(st, 0);
		a->alarm_ms = db_col_i64(st, 25);
		r = store_read_job(st, &a->job);
	}
	db_reset(st);
	return r;
}

static int told_failed(struct db *db, void *arg)
{
	const struct event_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "UPDATE job SET failed = 2 WHERE id = ?1 AND failed = 1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	return db_run(st);
}

int store_told_failed(struct store *s, int64_t job)
{
	struct event_args a = { .id = job };

	return store_run(s, "told-failed", told_failed, &a);
}

static int next_failed(struct db *db, void *arg)
{
	struct event_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT " STORE_JOB_COLUMNS " FROM job INDEXED BY job_failed"
		       " WHERE failed = 1 ORDER BY id LIMIT 1",
		       &st);
	return r < 0 ? r : read_found(st, db_step(st), a);
}

/* Nothing can be told of a row that cannot be read, and the next one waits behind it. */
int store_next_failed(struct store *s, struct job *ret_j)
{
	struct event_args a = { 0 };
	int r;

	while ((r = store_ask(s, "next-failed", next_failed, &a)) == -EIO && a.found) {
		r = store_told_failed(s, a.id);
		if (r < 0)
			return r;
	}
	if (r < 0 || !a.found)
		return r;
	*ret_j = a.job;
	return 1;
}

/* It may have been done since it was read: then that is to be told. */
static int told_alarm(struct db *db, void *arg)
{
	const struct event_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "UPDATE job SET late = late OR ?2, alarm_ms = (?2 AND state = 4)"
		       " WHERE id = ?1",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	db_bind_i64(st, 2, a->late);
	return db_run(st);
}

int store_told_alarm(struct store *s, int64_t job, bool late)
{
	struct event_args a = { .id = job, .late = late };

	return store_run(s, "told-alarm", told_alarm, &a);
}

/* The next one after (alarm_ms, id). */
static int next_alarm(struct db *db, void *arg)
{
	struct event_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT " STORE_JOB_COLUMNS " FROM job INDEXED BY job_alarm"
		       " WHERE alarm_ms > 0 AND (alarm_ms, id) > (?1, ?2)"
		       " ORDER BY alarm_ms, id LIMIT 1",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->alarm_ms);
	db_bind_i64(st, 2, a->id);
	return read_found(st, db_step(st), a);
}

int store_next_alarm(struct store *s, int64_t now_ms, struct job *ret_j, int64_t *ret_next)
{
	struct event_args a = { 0 };
	int r;

	while ((r = store_ask(s, "next-alarm", next_alarm, &a)) == -EIO && a.found) {
		r = store_told_alarm(s, a.id, false);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret_next = a.found ? a.job.alarm_ms : CLOCK_NEVER;
	if (!a.found || a.job.alarm_ms > now_ms) {
		job_free(&a.job);
		return 0;
	}
	*ret_j = a.job;
	return 1;
}

int store_each_alarm(struct store *s, int (*fn)(void *arg, const struct job *j), void *arg)
{
	struct event_args a = { 0 };
	int r;

	do {
		r = store_ask(s, "each-alarm", next_alarm, &a);
		if (r == 0 && a.found)
			r = fn(arg, &a.job);
		else if (r == -EIO && a.found)
			r = 0; /* logged; store_next_alarm passes over it */
		job_free(&a.job);
	} while (r == 0 && a.found);
	return r;
}
