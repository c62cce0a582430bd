#include "queue/store_scan.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

static const char *const state_names[] = {
	[SCAN_RUNNING] = "running",
	[SCAN_DONE] = "done",
	[SCAN_STOPPED] = "stopped",
	[SCAN_BROKEN] = "failed",
};

const char *scan_state_name(enum scan_state s)
{
	return state_names[s];
}

void scan_row_free(struct scan_row *r)
{
	free(r->args);
	free(r->key_marker);
	free(r->why);
	*r = (struct scan_row){ 0 };
}

/* --- rows ------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
	"id, kind, state, args, key_marker, started_ms, since_ms, upto_ms, seen, queued, skipped," \
	" updated_ms, why, refused, busy"

static int read_state(const char *name, enum scan_state *ret_s)
{
	for (size_t i = 0; name && i < array_size(state_names); i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret_s = (enum scan_state)i;
			return 0;
		}
	}
	return -EIO;
}

static int read_row(struct db_stmt *st, struct scan_row *ret_r)
{
	const char *kind = db_col_text(st, 1);
	struct scan_row r = {
		.id = db_col_i64(st, 0),
		.watch = kind && strcmp(kind, "watch") == 0,
		.started_ms = db_col_i64(st, 5),
		.since_ms = db_col_i64(st, 6),
		.upto_ms = db_col_i64(st, 7),
		.seen = (uint64_t)db_col_i64(st, 8),
		.queued = (uint64_t)db_col_i64(st, 9),
		.skipped = (uint64_t)db_col_i64(st, 10),
		.updated_ms = db_col_i64(st, 11),
		.refused = (uint64_t)db_col_i64(st, 13),
		.busy = (uint64_t)db_col_i64(st, 14),
	};
	int err = read_state(db_col_text(st, 2), &r.state);

	err = err < 0 ? err : store_col_dup(st, 3, &r.args);
	err = err < 0 ? err : store_col_dup(st, 4, &r.key_marker);
	err = err < 0 ? err : store_col_dup(st, 12, &r.why);
	if (err < 0) {
		scan_row_free(&r);
		return err;
	}
	*ret_r = r;
	return 0;
}

/* Reads the one row that st gives, or says -ENOENT. */
static int take_row(struct db_stmt *st, struct scan_row *ret_r)
{
	int r = db_step(st);

	if (r == 1)
		r = read_row(st, ret_r);
	else if (r == 0)
		r = -ENOENT;
	db_reset(st);
	return r;
}

struct scan_args_db {
	int64_t id;
	const char *kind, *args;
	struct scan_row row;
};

static int insert_scan(struct db *db, void *arg)
{
	struct scan_args_db *a = arg;
	struct db_stmt *st;
	/* As a listing tells times: whole seconds. */
	int64_t now_ms = clock_wall_ms() / 1000 * 1000;
	int r;

	r = store_prepare_text(
		db,
		"INSERT INTO scan (kind, args, state, started_ms, since_ms, updated_ms)"
		" VALUES (?1, ?2, 'running', ?3, ?3, ?3)",
		&st, a->kind, a->args);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, now_ms);
	r = db_run(st);
	if (r == 0)
		a->id = db_last_id(db);
	return r;
}

static const char *kind_name(bool watch)
{
	return watch ? "watch" : "resync";
}

int store_scan_add(struct store *s, bool watch, const char *args, int64_t *ret_id)
{
	struct scan_args_db a = { .kind = kind_name(watch), .args = args };
	int r = store_run_synced(s, "scan-add", insert_scan, &a);

	if (r == 0)
		*ret_id = a.id;
	return r;
}

static int next_scan(struct db *db, void *arg)
{
	struct scan_args_db *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT " COLUMNS " FROM scan WHERE kind = ?1 AND state = 'running'"
			       " ORDER BY id LIMIT 1",
			       &st, a->kind);
	return r < 0 ? r : take_row(st, &a->row);
}

int store_scan_next(struct store *s, bool watch, struct scan_row *ret_r)
{
	struct scan_args_db a = { .kind = kind_name(watch) };
	int r = store_ask(s, "scan-next", next_scan, &a);

	if (r == 0)
		*ret_r = a.row;
	return r;
}

static int get_scan(struct db *db, void *arg)
{
	struct scan_args_db *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT " COLUMNS " FROM scan WHERE id = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	return take_row(st, &a->row);
}

int store_scan_get(struct store *s, int64_t id, struct scan_row *ret_r)
{
	struct scan_args_db a = { .id = id };
	int r = store_ask(s, "scan-get", get_scan, &a);

	if (r == 0)
		*ret_r = a.row;
	return r;
}

static int save_scan(struct db *db, void *arg)
{
	const struct scan_row *row = arg;
	const int64_t numbers[] = {
		row->since_ms,
		row->upto_ms,
		(int64_t)row->seen,
		(int64_t)row->queued,
		(int64_t)row->skipped,
		(int64_t)row->refused,
		(int64_t)row->busy,
		clock_wall_ms(),
		row->id,
	};
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"UPDATE scan SET state = ?1, key_marker = ?2, why = ?3, since_ms = ?4,"
		" upto_ms = ?5, seen = ?6, queued = ?7, skipped = ?8,"
		" refused = ?9, busy = ?10, updated_ms = ?11 WHERE id = ?12 AND state = 'running'",
		&st, scan_state_name(row->state), row->key_marker, row->why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_size(numbers); i++)
		db_bind_i64(st, 4 + (int)i, numbers[i]);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

int store_scan_save(struct store *s, const struct scan_row *r)
{
	struct scan_row row = *r;

	return store_run(s, "scan-save", save_scan, &row);
}

static int stop_scan(struct db *db, void *arg)
{
	const int64_t *id = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "UPDATE scan SET state = 'stopped' WHERE id = ?1 AND kind = 'resync'"
		       " AND state = 'running'",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, *id);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

int store_scan_stop(struct store *s, int64_t id)
{
	return store_run(s, "scan-stop", stop_scan, &id);
}

static int scan_after(struct db *db, void *arg)
{
	struct scan_args_db *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT " COLUMNS " FROM scan WHERE id > ?1 ORDER BY id LIMIT 1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	return take_row(st, &a->row);
}

int store_each_scan(struct store *s, int (*fn)(void *arg, const struct scan_row *r), void *arg)
{
	struct scan_args_db a = { 0 };
	int r;

	while ((r = store_ask(s, "each-scan", scan_after, &a)) == 0) {
		a.id = a.row.id;
		r = fn(arg, &a.row);
		scan_row_free(&a.row);
		if (r != 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

/* --- what it queued --------------------------------------------------------------------------- */

struct left_args {
	int64_t id;
	struct scan_left left;
};

static int count_left(struct db *db, void *arg)
{
	struct left_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "SELECT count(*), sum(size) FROM job INDEXED BY job_batch_open"
		       " WHERE batch = ?1 AND batch > 0 AND state <= 3",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->id);
	r = db_step(st);
	if (r == 1) {
		a->left.rows = (uint64_t)db_col_i64(st, 0);
		a->left.bytes = (uint64_t)db_col_i64(st, 1);
	}
	db_reset(st);
	return min_of(r, 0);
}

int store_scan_left(struct store *s, int64_t id, struct scan_left *ret_l)
{
	struct left_args a = { .id = id };
	int r = store_ask(s, "scan-left", count_left, &a);

	if (r == 0)
		*ret_l = a.left;
	return r;
}

struct load_args {
	const char *dest;
	unsigned max;
	struct scan_load load;
};

static int read_load(struct db *db, void *arg)
{
	struct load_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT (SELECT count(*) FROM (SELECT 1 FROM job INDEXED BY job_ready"
		"  WHERE dest = ?1 AND state = 2 AND class = 1 LIMIT ?2)),"
		" (SELECT sum(n) FROM tally WHERE dest = ?1 AND state IN (1, 2, 3)),"
		" (SELECT paused FROM dest WHERE dest = ?1)",
		&st, a->dest);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->max);
	r = db_step(st);
	if (r == 1) {
		a->load.ready = (uint64_t)db_col_i64(st, 0);
		a->load.held = (uint64_t)db_col_i64(st, 1);
		a->load.paused = db_col_i64(st, 2) != 0;
	}
	db_reset(st);
	return min_of(r, 0);
}

int store_scan_load(struct store *s, const char *dest, unsigned max, struct scan_load *ret_l)
{
	struct load_args a = { .dest = dest, .max = max };
	int r = store_ask(s, "scan-load", read_load, &a);

	if (r == 0)
		*ret_l = a.load;
	return r;
}

struct scan_retry {
	int64_t id;
	const char *dest, *key, *version;
	bool was;
};

/* As store_retry: failures count anew, and the destination is asked what it holds by now. */
static int retry_version(struct db *db, void *arg)
{
	struct scan_retry *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "UPDATE job INDEXED BY job_head SET state = 2, due_ms = ?4,"
			       " attempt = 0, sure = 0, batch = ?5 WHERE dest = ?1 AND key = ?2"
			       " AND version IS ?3 AND state >= 2 AND state <> 4 AND state = 5",
			       &st, a->dest, a->key, a->version);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, clock_wall_ms());
	db_bind_i64(st, 5, a->id);
	r = db_run(st);
	a->was = r == 0 && db_changes(db) > 0;
	return r;
}

int store_scan_retry(struct store *s, int64_t id, const char *dest, const char *key,
		     const char *version, bool *ret_was)
{
	struct scan_retry a = { .id = id, .dest = dest, .key = key, .version = version };
	int r = store_run(s, "scan-retry", retry_version, &a);

	if (r == 0)
		*ret_was = a.was;
	return r;
}

/* --- the report ------------------------------------------------------------------------------- */

struct report_cursor {
	int64_t id;   /* of the scan */
	int64_t last; /* after this job */
	struct job job;
	bool late, found, bad;
};

/* A row of the scan that repairs the order of the same pair tells that the others came late. */
static int find_late(struct db *db, struct report_cursor *c)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT 1 FROM job INDEXED BY job_repair WHERE batch = ?3 AND batch > 0"
		" AND repair = 1 AND key = ?1 AND dest = ?2 LIMIT 1",
		&st, c->job.key, c->job.dest);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, c->id);
	r = db_step(st);
	c->late = r == 1 && !c->job.repair;
	db_reset(st);
	return min_of(r, 0);
}

static int next_scanned(struct db *db, void *arg)
{
	struct report_cursor *c = arg;
	struct db_stmt *st;
	int r;

	c->bad = false;
	r = db_prepare(db,
		       "SELECT " STORE_JOB_COLUMNS " FROM job INDEXED BY job_batch"
		       " WHERE batch = ?1 AND batch > 0 AND id > ?2 ORDER BY id LIMIT 1",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, c->id);
	db_bind_i64(st, 2, c->last);
	r = db_step(st);
	c->found = r == 1;
	if (r == 1) {
		c->last = db_col_i64(st, 0);
		r = store_read_job(st, &c->job);
		c->bad = r == -EIO;
	}
	db_reset(st);
	if (r < 0 || !c->found)
		return c->bad ? 0 : r;
	return find_late(db, c);
}

int store_each_scanned(struct store *s, int64_t id,
		       int (*fn)(void *arg, const struct job *j, bool late), void *arg)
{
	struct report_cursor c = { .id = id };
	bool bad = false;
	int r;

	for (;;) {
		r = store_ask(s, "each-scanned", next_scanned, &c);
		if (r < 0 || !c.found)
			break;
		bad = bad || c.bad;
		if (!c.bad)
			r = fn(arg, &c.job, c.late);
		job_free(&c.job);
		if (r != 0)
			return r;
	}
	return r == 0 && bad ? -EIO : r;
}
