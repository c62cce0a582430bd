#include "queue/store.h"

#include "base/clock.h"
#include "base/db.h"

#include "queue/store_i.h"

#define RELEASE_AT_ONCE 500 /* rows a transaction: nobody waits long behind it */

struct group {
	char *dest, *reason;
	bool found;
};

static void group_free(struct group *g)
{
	free(g->dest);
	free(g->reason);
	g->dest = g->reason = NULL;
}

/* The next one after g: one step of the index, however many rows each has. */
static int next_group(struct db *db, void *arg)
{
	struct group *g = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT dest, reason FROM job INDEXED BY job_reason WHERE state = 5"
			       " AND (dest, reason) > (?1, ?2) ORDER BY dest, reason LIMIT 1",
			       &st, g->dest ? g->dest : "", g->reason ? g->reason : "");
	if (r < 0)
		return r;
	r = db_step(st);
	g->found = r == 1;
	if (r == 1) {
		group_free(g);
		r = store_col_dup(st, 0, &g->dest);
		r = r < 0 ? r : store_col_dup(st, 1, &g->reason);
	}
	db_reset(st);
	return r;
}

int store_each_parked(struct store *s, int (*fn)(void *arg, const char *dest, const char *reason),
		      void *arg)
{
	auto_with(group_free) struct group g = { 0 };
	int r;

	do {
		r = store_ask(s, "each-parked", next_group, &g);
		if (r == 0 && g.found)
			r = fn(arg, g.dest, g.reason);
	} while (r == 0 && g.found);
	return r;
}

struct heal_args {
	const char *dest, *reason, *except_code;
	int64_t after, id, now_ms;
	int64_t n, last;
};

static int find_scout(struct db *db, struct heal_args *a)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT id FROM job INDEXED BY job_reason WHERE state = 5"
		" AND dest = ?1 AND reason = ?2 AND (?3 IS NULL OR code IS NOT ?3) AND id > ?4"
		" ORDER BY id LIMIT 1",
		&st, a->dest, a->reason, a->except_code);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->after);
	r = db_step(st);
	if (r == 1)
		a->id = db_col_i64(st, 0);
	db_reset(st);
	return r;
}

static int send_scout(struct db *db, void *arg)
{
	struct heal_args *a = arg;
	struct db_stmt *st;
	int r;

	a->id = 0;
	r = find_scout(db, a);
	if (r == 0 && a->after > 0) {
		a->after = 0;
		r = find_scout(db, a);
	}
	if (r <= 0)
		return r;
	r = db_prepare(db, "UPDATE job SET state = 2, due_ms = ?2 WHERE id = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	db_bind_i64(st, 2, a->now_ms);
	return db_run(st);
}

int store_scout(struct store *s, const char *dest, const char *reason, const char *except_code,
		int64_t after, int64_t *ret_id)
{
	struct heal_args a = { .dest = dest,
			       .reason = reason,
			       .except_code = except_code,
			       .after = after,
			       .now_ms = clock_wall_ms() };
	int r = store_run(s, "scout", send_scout, &a);

	if (r == 0)
		*ret_id = a.id;
	return r;
}

static int release_some(struct db *db, void *arg)
{
	struct heal_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"UPDATE job SET state = 2, due_ms = ?4 WHERE id IN"
		" (SELECT id FROM job INDEXED BY job_reason WHERE state = 5 AND dest = ?1"
		"  AND reason = ?2 AND (?3 IS NULL OR code IS NOT ?3) AND id > ?5 ORDER BY id"
		"  LIMIT ?6) RETURNING id",
		&st, a->dest, a->reason, a->except_code);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->now_ms);
	db_bind_i64(st, 5, a->after);
	db_bind_i64(st, 6, RELEASE_AT_ONCE);
	a->n = 0;
	/* a row that fails again meanwhile is not met twice */
	a->last = a->after;
	while ((r = db_step(st)) == 1) {
		a->n++;
		a->last = max_of(a->last, db_col_i64(st, 0));
	}
	db_reset(st);
	return r;
}

int store_release(struct store *s, const char *dest, const char *reason, const char *except_code,
		  uint64_t *ret_n)
{
	struct heal_args a = { .dest = dest,
			       .reason = reason,
			       .except_code = except_code,
			       .now_ms = clock_wall_ms() };
	uint64_t n = 0;
	int r;

	do {
		r = store_run(s, "release", release_some, &a);
		n += (uint64_t)a.n;
		a.after = a.last;
	} while (r == 0 && a.n > 0);
	if (r == 0)
		*ret_n = n;
	return r;
}
