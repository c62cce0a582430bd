/* store_move.c - see store_move.h. */
#include "queue/store_move.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"

#include "queue/store_i.h"

void store_move_free(struct store_move *m)
{
	free(m->from);
	free(m->to);
	memset(m, 0, sizeof(*m));
}

static int add(struct db *db, void *arg)
{
	struct store_move *m = arg;
	struct db_stmt *st;
	int r;

	m->created_ms = clock_wall_ms();
	r = store_prepare_text(db,
			       "INSERT INTO move (from_key, to_key, phase, had_marker, upto_ms,"
			       " created_ms) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
			       &st, m->from, m->to);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, m->phase);
	db_bind_i64(st, 4, m->had_marker);
	db_bind_i64(st, 5, m->upto_ms);
	db_bind_i64(st, 6, m->created_ms);
	r = db_step(st);
	if (r == 1)
		m->id = db_col_i64(st, 0);
	db_reset(st);
	return r < 0 ? r : r == 1 ? 0 : -EIO;
}

int store_move_add(struct store *s, struct store_move *m)
{
	return store_run_synced(s, "move-add", add, m);
}

static int set(struct db *db, void *arg)
{
	const struct store_move *m = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "UPDATE move SET phase = ?, upto_ms = ? WHERE id = ?", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, m->phase);
	db_bind_i64(st, 2, m->upto_ms);
	db_bind_i64(st, 3, m->id);
	return db_run(st);
}

int store_move_set(struct store *s, const struct store_move *m)
{
	return store_run_synced(s, "move-set", set, (void *)(uintptr_t)m);
}

static int drop(struct db *db, void *arg)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "DELETE FROM move WHERE id = ?", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, *(const int64_t *)arg);
	return db_run(st);
}

int store_move_drop(struct store *s, int64_t id)
{
	return store_run_synced(s, "move-drop", drop, &id);
}

struct next_args {
	int64_t after;
	struct store_move *m;
};

static int next(struct db *db, void *arg)
{
	struct next_args *a = arg;
	struct store_move m = { 0 };
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT id, phase, had_marker, upto_ms, created_ms, from_key, to_key"
		       " FROM move WHERE id > ? ORDER BY id LIMIT 1",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->after);
	r = db_step(st);
	if (r == 1) {
		m.id = db_col_i64(st, 0);
		m.phase = (enum move_phase)db_col_i64(st, 1);
		m.had_marker = db_col_i64(st, 2) != 0;
		m.upto_ms = db_col_i64(st, 3);
		m.created_ms = db_col_i64(st, 4);
		r = store_col_dup(st, 5, &m.from);
		r = r < 0 ? r : store_col_dup(st, 6, &m.to);
	} else if (r == 0) {
		r = -ENOENT;
	}
	db_reset(st);
	if (r < 0) {
		store_move_free(&m);
		return r;
	}
	store_move_free(a->m);
	*a->m = m;
	return 0;
}

int store_move_next(struct store *s, int64_t after, struct store_move *ret_m)
{
	struct next_args a = { after, ret_m };

	return store_ask(s, "move-next", next, &a);
}
