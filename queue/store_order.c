/* store_order.c - which keys are to be looked at, and that they were: the SQL of order.c. */
#include <errno.h>

#include "queue/order_i.h"
#include "queue/store_i.h"

void order_rows_free(struct order_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].key);
	free(rows);
}

struct due_args {
	const char *dest, *after;
	int64_t before_ms;
	struct order_row *rows;
	size_t n, max;
};

static int add_row(struct due_args *a, struct db_stmt *st)
{
	struct order_row *row = &a->rows[a->n];

	row->last = db_col_i64(st, 1);
	if (store_col_dup(st, 0, &row->key) < 0)
		return -ENOMEM;
	a->n++;
	return 0;
}

static int find_due(struct db *db, void *arg)
{
	struct due_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT key, max(id) FROM job AS j INDEXED BY job_unchecked"
			       " WHERE state = 4 AND checked = 0 AND dest = ?1 AND key > ?2"
			       " AND NOT EXISTS (SELECT 1 FROM job AS h INDEXED BY job_head"
			       "  WHERE h.dest = ?1 AND h.key = j.key AND h.state >= 2"
			       "  AND h.state <> 4)"
			       " GROUP BY key HAVING max(done_ms) < ?3 ORDER BY key LIMIT ?4",
			       &st, a->dest, a->after ? a->after : "");
	if (r < 0)
		return r;
	db_bind_i64(st, 3, a->before_ms);
	db_bind_i64(st, 4, (int64_t)a->max);
	while (a->n < a->max && (r = db_step(st)) == 1)
		if ((r = add_row(a, st)) < 0)
			break;
	db_reset(st);
	return min_of(r, 0);
}

int store_order_due(struct store *s, const char *dest, const char *after, int64_t before_ms,
		    size_t max, struct order_row **ret_rows, size_t *ret_n)
{
	struct due_args a = { .dest = dest, .after = after, .before_ms = before_ms, .max = max };
	int r;

	a.rows = calloc(max, sizeof(*a.rows));
	if (!a.rows)
		return -ENOMEM;
	r = store_ask(s, "order-due", find_due, &a);
	if (r < 0) {
		order_rows_free(a.rows, a.n);
		return r;
	}
	*ret_rows = a.rows;
	*ret_n = a.n;
	return 0;
}

struct done_args {
	const char *dest;
	const struct order_row *row;
};

static int mark_done(struct db *db, void *arg)
{
	const struct done_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "UPDATE job INDEXED BY job_unchecked SET checked = 1"
			       " WHERE state = 4 AND checked = 0 AND dest = ?1 AND key = ?2"
			       " AND id <= ?3",
			       &st, a->dest, a->row->key);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, a->row->last);
	return db_run(st);
}

int store_order_done(struct store *s, const char *dest, const struct order_row *row)
{
	struct done_args a = { dest, row };

	return store_run(s, "order-done", mark_done, &a);
}

/* --- has the pair been quiet? ----------------------------------------------------------------- */

int store_is_quiet(struct db *db, const char *key, const char *dest, int64_t since_ms)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM ticket WHERE key = ?1)"
			       " AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_key"
			       "  WHERE key = ?1 AND dest = ?2 AND (state <> 4 OR done_ms >= ?3))"
			       " AND NOT EXISTS (SELECT 1 FROM ledger WHERE key = ?1 AND dest = ?2"
			       "  AND done_ms >= ?3)",
			       &st, key, dest);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, since_ms);
	r = db_step(st);
	db_reset(st);
	return r;
}
