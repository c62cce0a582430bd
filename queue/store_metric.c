#include "queue/store.h"

#include <string.h>

#include "base/db.h"

#include "queue/store_i.h"

/* --- counts ----------------------------------------------------------------------------------- */

struct metric_cursor {
	char *dest, *rule;
	struct store_metric m;
	bool found;
};

/* The next one after (dest, rule); a step of each table. */
static int next_pair(struct db *db, struct metric_cursor *c)
{
	auto_free char *dest = NULL;
	auto_free char *rule = NULL;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT dest, rule FROM"
		" (SELECT * FROM (SELECT dest, rule FROM tally WHERE (dest, rule) > (?1, ?2)"
		"  ORDER BY dest, rule LIMIT 1)"
		"  UNION SELECT * FROM (SELECT dest, rule FROM metric WHERE (dest, rule) > (?1, ?2)"
		"  ORDER BY dest, rule LIMIT 1)) ORDER BY dest, rule LIMIT 1",
		&st, c->dest ? c->dest : "", c->rule ? c->rule : "");
	if (r < 0)
		return r;
	r = db_step(st);
	c->found = r == 1;
	if (r == 1) {
		r = store_col_dup(st, 0, &dest);
		r = r < 0 ? r : store_col_dup(st, 1, &rule);
	}
	db_reset(st);
	if (r == 0 && c->found) {
		free(c->dest);
		free(c->rule);
		c->dest = take_ptr(&dest);
		c->rule = take_ptr(&rule);
		c->m = (struct store_metric){ .dest = c->dest, .rule = c->rule };
	}
	return r;
}

static int read_tally(struct db *db, struct store_metric *m)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT state, n, bytes FROM tally WHERE dest = ?1 AND rule = ?2",
			       &st, m->dest, m->rule);
	if (r < 0)
		return r;
	while ((r = db_step(st)) == 1) {
		uint64_t n = (uint64_t)db_col_i64(st, 1), bytes = (uint64_t)db_col_i64(st, 2);
		int64_t state = db_col_i64(st, 0);

		if (state == JOB_DONE) {
			m->done = n;
		} else if (state == JOB_PARKED) {
			m->failed = n;
		} else {
			m->pending += n;
			m->pending_bytes += bytes;
		}
	}
	db_reset(st);
	return r;
}

static int read_ever(struct db *db, struct store_metric *m)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT done, done_bytes, failed FROM metric"
			       " WHERE dest = ?1 AND rule = ?2",
			       &st, m->dest, m->rule);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1) {
		m->done_ever = (uint64_t)db_col_i64(st, 0);
		m->done_bytes_ever = (uint64_t)db_col_i64(st, 1);
		m->failed_ever = (uint64_t)db_col_i64(st, 2);
	}
	db_reset(st);
	return min_of(r, 0);
}

static int next_metric(struct db *db, void *arg)
{
	struct metric_cursor *c = arg;
	int r = next_pair(db, c);

	if (r < 0 || !c->found)
		return r;
	r = read_tally(db, &c->m);
	return r < 0 ? r : read_ever(db, &c->m);
}

int store_each_metric(struct store *s, int (*fn)(void *arg, const struct store_metric *m),
		      void *arg)
{
	struct metric_cursor c = { 0 };
	int r;

	do {
		r = store_ask(s, "each-metric", next_metric, &c);
		if (r == 0 && c.found)
			r = fn(arg, &c.m);
	} while (r == 0 && c.found);
	free(c.dest);
	free(c.rule);
	return r;
}

/* --- lag -------------------------------------------------------------------------------------- */

struct lag_args {
	const char *dest, *rule;
	int64_t since_ms;
	struct store_lag lag;
};

void store_lag_free(struct store_lag *l)
{
	free(l->oldest_key);
	free(l->oldest_version);
	*l = (struct store_lag){ 0 };
}

/* Rows are in the order in which they were made, so the first that fits is the oldest. */
static int read_oldest(struct db *db, struct lag_args *a)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT key, version, created_ms FROM job INDEXED BY job_open"
			       " WHERE state <> 4 AND dest = ?1 AND coalesce(rule_id, '') = ?2"
			       " ORDER BY id LIMIT 1",
			       &st, a->dest, a->rule);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1) {
		r = store_col_dup(st, 0, &a->lag.oldest_key);
		r = r < 0 ? r : store_col_dup(st, 1, &a->lag.oldest_version);
		a->lag.oldest_ms = db_col_i64(st, 2);
	}
	db_reset(st);
	return r;
}

static int read_pending(struct db *db, struct lag_args *a)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT created_ms FROM job INDEXED BY job_open WHERE state <> 4"
			       " AND state <> 5 AND dest = ?1 AND coalesce(rule_id, '') = ?2"
			       " ORDER BY id LIMIT 1",
			       &st, a->dest, a->rule);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		a->lag.pending_since_ms = db_col_i64(st, 0);
	db_reset(st);
	return min_of(r, 0);
}

#define DONE_SINCE                                                                                 \
	" FROM job INDEXED BY job_done WHERE state = 4 AND done_ms >= ?3 AND dest = ?1"            \
	" AND coalesce(rule_id, '') = ?2 AND class = 0 AND code IS NULL"

static int count_done(struct db *db, struct lag_args *a)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db, "SELECT count(*)" DONE_SINCE, &st, a->dest, a->rule);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, a->since_ms);
	r = db_step(st);
	if (r == 1)
		a->lag.n = (uint64_t)db_col_i64(st, 0);
	db_reset(st);
	return min_of(r, 0);
}

/* The nearest rank: of n values in order the first that p of a hundred are not above. */
static uint64_t rank(uint64_t n, unsigned p)
{
	return max_of((n * p + 99) / 100, (uint64_t)1);
}

/* Sorted by the engine, which goes to a file when there are many: the memory stays flat. */
static int read_quantiles(struct db *db, struct lag_args *a)
{
	struct store_lag *l = &a->lag;
	struct db_stmt *st;
	uint64_t i = 0;
	int r;

	r = store_prepare_text(db, "SELECT done_ms - created_ms AS lag" DONE_SINCE " ORDER BY lag",
			       &st, a->dest, a->rule);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, a->since_ms);
	while ((r = db_step(st)) == 1) {
		i++;
		l->max_ms = db_col_i64(st, 0);
		if (i == rank(l->n, 50))
			l->p50_ms = l->max_ms;
		if (i == rank(l->n, 99))
			l->p99_ms = l->max_ms;
	}
	db_reset(st);
	return r;
}

/* One look at the queue: what is counted is what is sorted. */
static int get_lag(struct db *db, void *arg)
{
	struct lag_args *a = arg;
	int r = store_do(db, "BEGIN");

	r = r < 0 ? r : read_oldest(db, a);
	r = r < 0 ? r : read_pending(db, a);
	r = r < 0 ? r : count_done(db, a);
	r = r < 0 ? r : read_quantiles(db, a);
	db_rollback(db);
	return r;
}

int store_get_lag(struct store *s, const char *dest, const char *rule, int64_t since_ms,
		  struct store_lag *ret_l)
{
	struct lag_args a = { .dest = dest, .rule = rule, .since_ms = since_ms };
	int r = store_ask(s, "get-lag", get_lag, &a);

	if (r < 0) {
		store_lag_free(&a.lag);
		return r;
	}
	*ret_l = a.lag;
	return 0;
}
