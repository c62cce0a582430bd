#include "queue/store.h"

#include <errno.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

/* --- rows ------------------------------------------------------------------------------------- */

static int read_texts(struct db_stmt *st, struct job *j)
{
	struct {
		int column;
		char **to;
	} texts[] = {
		{ 3, &j->key },	    { 4, &j->version },	      { 5, &j->dest },
		{ 6, &j->rule_id }, { 7, &j->storage_class }, { 8, &j->token },
		{ 10, &j->staged }, { 11, &j->upload_id },    { 17, &j->replica_version },
		{ 18, &j->code },   { 19, &j->why },	      { 24, &j->reason },
	};

	for (size_t i = 0; i < array_size(texts); i++) {
		int r = store_col_dup(st, texts[i].column, texts[i].to);

		if (r < 0)
			return r;
	}
	return 0;
}

int store_parse_job(struct db_stmt *st, struct job *j)
{
	int64_t kind = db_col_i64(st, 1), state = db_col_i64(st, 2), attempt = db_col_i64(st, 13),
		class = db_col_i64(st, 20);
	const char *spec = db_col_text(st, 9);
	int r;

	j->id = db_col_i64(st, 0);
	j->kind = (enum job_kind)kind;
	j->state = (enum job_state)state; /* as it was written, which is no step */
	j->uncertain = db_col_i64(st, 12) != 0;
	j->attempt = (unsigned)attempt;
	j->due_ms = db_col_i64(st, 14);
	j->created_ms = db_col_i64(st, 15);
	j->done_ms = db_col_i64(st, 16);
	j->class = class == JOB_LIVE ? JOB_LIVE : JOB_BACKFILL;
	j->batch = db_col_i64(st, 22);
	j->repair = db_col_i64(st, 23) != 0;
	j->alarm_ms = db_col_i64(st, 25);
	j->late = db_col_i64(st, 26) != 0;
	j->upload_sum = db_col_i64(st, 27) == MPU_SUM_CRC32C ? MPU_SUM_CRC32C : MPU_SUM_NONE;
	r = spec ? job_spec_from_json(spec, &j->spec) : -EINVAL;
	if (r == 0)
		r = job_how_from_json(db_col_text(st, 21), &j->how);
	if (r == 0)
		r = read_texts(st, j);
	if (r < 0)
		return r;
	if (kind < JOB_OBJECT || kind > JOB_KIND_LAST || state < JOB_WAITING ||
	    state > JOB_PARKED || attempt < 0 || attempt > INT32_MAX || !j->key || !j->dest)
		return -EINVAL;
	return 0;
}

int store_read_job(struct db_stmt *st, struct job *ret_j)
{
	struct job j = { 0 };
	int r;

	r = store_parse_job(st, &j);
	if (r == 0) {
		*ret_j = j;
		return 0;
	}
	job_free(&j);
	if (r == -ENOMEM)
		return r;
	log_error("job=%lld error=\"the row is damaged\"", (long long)db_col_i64(st, 0));
	return -EIO;
}

/* --- jobs ------------------------------------------------------------------------------------- */

#define PAGE 64

/* A page of rows is read at a time, and shown while no lock is held. */
struct job_cursor {
	const struct store_filter *f;
	int64_t last; /* after this id */
	size_t rows;  /* of the page, with those that are bad */
	struct job jobs[PAGE];
	size_t n;
	bool bad;
};

#define SELECT_JOBS "SELECT " STORE_JOB_COLUMNS " FROM job "
#define AND_FILTER                                                                                 \
	" AND id > ?4 AND (?1 IS NULL OR dest = ?1) AND (?5 = 0 OR state <> 4)"                    \
	" AND (?6 = 0 OR state = 5) ORDER BY id LIMIT ?7"
#define AND_VERSION " AND (?3 IS NULL OR version = ?3)"

/* One plan for each kind of question. */
static const char *pick_select(const struct store_filter *f)
{
	if (f->key && f->version)
		return SELECT_JOBS "INDEXED BY job_key WHERE key = ?2 AND version IS ?3" AND_FILTER;
	if (f->key)
		return SELECT_JOBS "INDEXED BY job_key WHERE key = ?2" AND_FILTER;
	if (f->parked)
		return SELECT_JOBS "INDEXED BY job_parked WHERE state = 5" AND_VERSION AND_FILTER;
	if (f->unfinished)
		return SELECT_JOBS "INDEXED BY job_open WHERE state <> 4" AND_VERSION AND_FILTER;
	return SELECT_JOBS "WHERE true" AND_VERSION AND_FILTER;
}

static void forget_page(struct job_cursor *c)
{
	for (size_t i = 0; i < c->n; i++)
		job_free(&c->jobs[i]);
	c->n = 0;
}

static int next_page(struct db *db, void *arg)
{
	struct job_cursor *c = arg;
	const struct store_filter *f = c->f;
	struct db_stmt *st;
	int r;

	forget_page(c);
	c->rows = 0;
	r = store_prepare_text(db, pick_select(f), &st, f->dest, f->key,
			       f->version && *f->version ? f->version : NULL);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, c->last);
	db_bind_i64(st, 5, f->unfinished);
	db_bind_i64(st, 6, f->parked);
	db_bind_i64(st, 7, PAGE);
	while ((r = db_step(st)) == 1) {
		c->rows++;
		c->last = db_col_i64(st, 0);
		r = store_read_job(st, &c->jobs[c->n]);
		if (r == 0)
			c->n++;
		else if (r == -EIO)
			c->bad = true;
		else
			break;
	}
	db_reset(st);
	return r;
}

/*
 * In the order of commit. A version "" asks (with a key) for those without a version id. Rows that
 * make no sense are logged and left out, and the answer is then -EIO after all others were shown.
 * fn may call the store.
 */
int store_each_job(struct store *s, const struct store_filter *f,
		   int (*fn)(void *arg, const struct job *j), void *arg)
{
	auto_free struct job_cursor *c = calloc(1, sizeof(*c));
	uint64_t left = f->limit ? f->limit : UINT64_MAX;
	int r;

	if (!c)
		return -ENOMEM;
	c->f = f;
	do {
		r = store_ask(s, "each-job", next_page, c);
		for (size_t i = 0; r == 0 && left > 0 && i < c->n; i++, left--)
			r = fn(arg, &c->jobs[i]);
	} while (r == 0 && left > 0 && c->rows == PAGE);
	forget_page(c);
	return r == 0 && c->bad ? -EIO : r;
}

/* --- counts ----------------------------------------------------------------------------------- */

struct count_args {
	const char *dest;
	struct store_counts counts;
};

static int add_tally(struct store_counts *c, struct db_stmt *st)
{
	uint64_t n = (uint64_t)db_col_i64(st, 1), bytes = (uint64_t)db_col_i64(st, 2);
	int64_t state = db_col_i64(st, 0);

	switch (state) {
	case JOB_WAITING: c->waiting += n; break;
	case JOB_READY: c->ready += n; break;
	case JOB_CLAIMED: c->claimed += n; break;
	case JOB_PARKED: c->parked += n; break;
	case JOB_DONE: c->done += n; return 0;
	default: return -EIO;
	}
	c->bytes += bytes;
	return 0;
}

static int find_oldest(struct db *db, struct count_args *a)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT created_ms FROM job INDEXED BY job_open WHERE state <> 4"
			       " AND (?1 IS NULL OR dest = ?1) ORDER BY id LIMIT 1",
			       &st, a->dest);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		a->counts.oldest_ms = db_col_i64(st, 0);
	db_reset(st);
	return min_of(r, 0);
}

static int count_jobs(struct db *db, void *arg)
{
	struct count_args *a = arg;
	const struct store_counts *c = &a->counts;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT state, n, bytes FROM tally WHERE ?1 IS NULL OR dest = ?1",
			       &st, a->dest);
	if (r < 0)
		return r;
	while ((r = db_step(st)) == 1) {
		if (db_col_i64(st, 1) > 0)
			r = add_tally(&a->counts, st);
		if (r < 0)
			break;
	}
	db_reset(st);
	if (r == 0 && c->waiting + c->ready + c->claimed + c->parked > 0)
		r = find_oldest(db, a);
	return r;
}

int store_count(struct store *s, const char *dest, struct store_counts *ret_c)
{
	struct count_args a = { .dest = dest };
	int r;

	r = store_ask(s, "count", count_jobs, &a);
	if (r == 0)
		*ret_c = a.counts;
	return r;
}

struct ticket_counts {
	uint64_t begun, held;
};

static int count_tickets(struct db *db, void *arg)
{
	struct ticket_counts *c = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT count(*), coalesce(sum(held <> 0), 0) FROM ticket", &st);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1) {
		c->held = (uint64_t)db_col_i64(st, 1);
		c->begun = (uint64_t)db_col_i64(st, 0) - c->held;
	}
	db_reset(st);
	return min_of(r, 0);
}

/* begun: those that are not held. */
int store_count_tickets(struct store *s, uint64_t *ret_begun, uint64_t *ret_held)
{
	struct ticket_counts c = { 0 };
	int r;

	r = store_ask(s, "count-tickets", count_tickets, &c);
	if (r == 0) {
		*ret_begun = c.begun;
		*ret_held = c.held;
	}
	return r;
}

/* --- ledger ----------------------------------------------------------------------------------- */

struct replica_cursor {
	const char *key, *only; /* only: a version; NULL = all */
	char *version, *dest, *replica_version;
	int64_t done_ms;
	bool delete_marker, found;
};

static void forget_replica(struct replica_cursor *c)
{
	free(c->version);
	free(c->dest);
	free(c->replica_version);
	c->version = c->dest = c->replica_version = NULL;
}

static int read_replica(struct db_stmt *st, struct replica_cursor *c)
{
	int r;

	forget_replica(c);
	r = store_col_dup(st, 0, &c->version);
	if (r == 0)
		r = store_col_dup(st, 1, &c->dest);
	if (r == 0)
		r = store_col_dup(st, 2, &c->replica_version);
	c->done_ms = db_col_i64(st, 3);
	c->delete_marker = db_col_i64(st, 4) != 0;
	return r;
}

static int next_replica(struct db *db, void *arg)
{
	struct replica_cursor *c = arg;
	const char *version = c->version ? c->version : c->only;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT version, dest, replica_version, done_ms, delete_marker FROM ledger"
		" WHERE key = ?1 AND (version, dest) > (?2, ?3) AND (?4 IS NULL OR version = ?4)"
		" ORDER BY version, dest LIMIT 1",
		&st, c->key, version ? version : "", c->dest ? c->dest : "", c->only);
	if (r < 0)
		return r;
	r = db_step(st);
	c->found = r == 1;
	if (r == 1)
		r = read_replica(st, c);
	db_reset(st);
	return r;
}

/* version NULL: all versions of the key; "": the one without an id, whose r->version is NULL. */
int store_each_replica(struct store *s, const char *key, const char *version,
		       int (*fn)(void *arg, const struct store_replica *r), void *arg)
{
	struct replica_cursor c = { .key = key, .only = version };
	int r;

	for (;;) {
		struct store_replica row;

		r = store_ask(s, "each-replica", next_replica, &c);
		if (r < 0 || !c.found)
			break;
		row = (struct store_replica){
			.key = key,
			.version = *c.version ? c.version : NULL,
			.dest = c.dest,
			.replica_version = c.replica_version,
			.done_ms = c.done_ms,
			.delete_marker = c.delete_marker,
		};
		r = fn(arg, &row);
		if (r != 0)
			break;
	}
	forget_replica(&c);
	return r;
}

struct selected_args {
	enum job_kind kind;
	const char *key, *version, *dest;
	bool was;
};

static int was_selected(struct db *db, void *arg)
{
	struct selected_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"SELECT EXISTS (SELECT 1 FROM ledger WHERE key = ?1 AND version = coalesce(?2, '')"
		" AND dest = ?3 AND delete_marker = (?4 = 3))"
		" OR EXISTS (SELECT 1 FROM job INDEXED BY job_key"
		" WHERE key = ?1 AND version IS ?2 AND dest = ?3 AND kind = ?4)",
		&st, a->key, a->version, a->dest);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->kind);
	r = db_step(st);
	if (r == 1)
		a->was = db_col_i64(st, 0) != 0;
	db_reset(st);
	return min_of(r, 0);
}

int store_was_selected(struct store *s, enum job_kind kind, const char *key, const char *version,
		       const char *dest, bool *ret_was)
{
	struct selected_args a = { .kind = kind,
				   .key = key,
				   .version = version && *version ? version : NULL,
				   .dest = dest };
	int r;

	r = store_ask(s, "was-selected", was_selected, &a);
	if (r == 0)
		*ret_was = a.was;
	return r;
}
