#include "queue/store.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

#define PRUNE_AT_ONCE 500 /* rows a transaction: nobody waits long behind it */

/* --- start ------------------------------------------------------------------------------------ */

static int reset_claims(struct db *db, void *arg)
{
	int r;

	(void)arg;
	r = store_do(db, "UPDATE run SET n = n + 1");
	if (r == 0)
		r = store_do(db, "UPDATE job INDEXED BY job_claimed SET state = 2 WHERE state = 3");
	return r;
}

int store_reset_claims(struct store *s)
{
	return store_run(s, "reset-claims", reset_claims, NULL);
}

/* --- claim ------------------------------------------------------------------------------------ */

struct candidate {
	int64_t id, due_ms;
	int64_t class;
	char *dest;
};

struct claim {
	int64_t now_ms;
	bool (*allow)(void *arg, const char *dest);
	void *arg;
	/* of each destination the first live row and the first of the backfill, where due */
	struct candidate *heads;
	size_t n, cap;
	int64_t next_due; /* of the other destinations */
	struct job job;
	bool found;
	int64_t bad; /* a row that could not be read and was parked; 0 = none */
};

static void forget_heads(struct claim *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->heads[i].dest);
	c->n = 0;
}

static void claim_free(struct claim *c)
{
	forget_heads(c);
	free(c->heads);
	job_free(&c->job);
}

static int add_head(struct claim *c, const struct candidate *head)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct candidate *heads = reallocarray(c->heads, cap, sizeof(*heads));

		if (!heads)
			return -ENOMEM;
		c->heads = heads;
		c->cap = cap;
	}
	c->heads[c->n] = *head;
	if (str_dup(head->dest, &c->heads[c->n].dest) < 0)
		return -ENOMEM;
	c->n++;
	return 0;
}

static int compare_heads(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* 1 = *head is the first ready row after (dest, class) of the last one; its dest is new. */
static int next_head(struct db *db, struct candidate *head)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT dest, class, due_ms, id FROM job INDEXED BY job_ready"
			       " WHERE state = 2 AND (dest, class) > (?1, ?2)"
			       " ORDER BY dest, class, due_ms, id LIMIT 1",
			       &st, head->dest ? head->dest : "");
	if (r < 0)
		return r;
	db_bind_i64(st, 2, head->class);
	r = db_step(st);
	free(head->dest);
	head->dest = NULL;
	if (r == 1) {
		head->class = db_col_i64(st, 1);
		head->due_ms = db_col_i64(st, 2);
		head->id = db_col_i64(st, 3);
		r = store_col_dup(st, 0, &head->dest);
		r = r < 0 ? r : 1;
	}
	db_reset(st);
	return r;
}

/* Two steps of the index for each destination that has ready rows, however many rows it has. */
static int find_heads(struct db *db, void *arg)
{
	struct claim *c = arg;
	struct candidate head = { 0 };
	int r;

	forget_heads(c);
	c->next_due = CLOCK_NEVER;
	while ((r = next_head(db, &head)) == 1) {
		if (head.due_ms > c->now_ms) {
			c->next_due = min_of(c->next_due, head.due_ms);
			continue;
		}
		r = add_head(c, &head);
		if (r < 0)
			break;
	}
	free(head.dest);
	if (r == 0 && c->n > 1)
		qsort(c->heads, c->n, sizeof(*c->heads), compare_heads);
	return r;
}

static int load_job(struct db *db, int64_t id, struct job *ret_j)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT " STORE_JOB_COLUMNS " FROM job WHERE id = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	r = db_step(st);
	if (r == 1)
		r = store_read_job(st, ret_j);
	else if (r == 0)
		r = -ENOENT;
	db_reset(st);
	return r;
}

static int mark_claimed(struct db *db, int64_t id)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "UPDATE job SET state = 3 WHERE id = ?1 AND state = 2", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	return db_run(st);
}

/* A row that cannot be read needs a person. Left ready it would come first for ever. */
static int park_damaged(struct db *db, int64_t id)
{
	struct db_stmt *st;
	int r;

	r = mark_claimed(db, id);
	if (r < 0)
		return r;
	r = db_prepare(db,
		       "UPDATE job SET state = 5, code = 'DamagedRow',"
		       " why = 'the row in queue.db cannot be read' WHERE id = ?1",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	return db_run(st);
}

static int claim_one(struct db *db, void *arg)
{
	struct claim *c = arg;
	int r;

	job_free(&c->job);
	c->found = false;
	r = find_heads(db, c);
	for (size_t i = 0; r == 0 && i < c->n; i++) {
		r = load_job(db, c->heads[i].id, &c->job);
		if (r == -EIO) {
			c->bad = c->heads[i].id;
			return park_damaged(db, c->bad);
		}
		if (r < 0)
			return r;
		if (!c->allow(c->arg, c->job.dest)) {
			job_free(&c->job);
			continue;
		}
		c->found = true;
		job_step(&c->job, JOB_CLAIMED);
		r = mark_claimed(db, c->job.id);
		return r < 0 ? r : find_heads(db, c); /* what is left for others */
	}
	return r;
}

/*
 * allow says yes for one row at most in a call. When an error is returned after it did, the place
 * that it took is the caller's to give back. Destinations that were refused do not count for
 * *ret_next_due: who refused them knows when to look again.
 */
int store_claim(struct store *s, int64_t now_ms, bool (*allow)(void *arg, const char *dest),
		void *arg, struct job *ret_j, int64_t *ret_next_due)
{
	struct claim c = { .now_ms = now_ms, .allow = allow, .arg = arg };
	int r;

	if (s->read_only)
		return -EROFS;
	/* Most looks find nothing: no writer waits for them. */
	r = store_ask(s, "claim", find_heads, &c);
	if (r == 0 && c.n > 0)
		r = store_run(s, "claim", claim_one, &c);
	if (r == 0 && c.bad)
		r = -EIO;
	if (r == 0 && c.found) {
		*ret_j = c.job;
		c.job = (struct job){ 0 };
		*ret_next_due = c.n > 0 ? now_ms : c.next_due;
		r = 1;
	} else if (r == 0) {
		*ret_next_due = c.next_due;
	}
	claim_free(&c);
	return r;
}

/* --- finish ----------------------------------------------------------------------------------- */

struct finish {
	const struct job *job;
	const struct outcome *out;
	char *unstaged;
};

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* What the row says of its staged file, which may be gone by now. -ENOENT: it is not claimed. */
static int get_staged(struct db *db, int64_t id, char **ret_staged)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT staged FROM job WHERE id = ?1 AND state = 3", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	r = db_step(st);
	if (r == 1)
		r = store_col_dup(st, 0, ret_staged);
	else if (r == 0)
		r = -ENOENT;
	db_reset(st);
	return r;
}

static int write_outcome(struct db *db, const struct finish *f)
{
	const struct outcome *o = f->out;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"UPDATE job SET state = ?4, due_ms = ?5, attempt = attempt + ?6,"
		" sure = CASE WHEN ?8 THEN 0 ELSE (SELECT n FROM run) END, code = ?1, why = ?2,"
		" replica_version = ?3, reason = ?7,"
		" failed = CASE WHEN ?4 = 5 THEN max(failed, 1) ELSE failed END WHERE id = ?9",
		&st, or_null(o->code), or_null(o->why), or_null(o->replica_version));
	if (r < 0)
		return r;
	db_bind_i64(st, 4, o->kind == OUTCOME_LATER ? JOB_READY : JOB_PARKED);
	db_bind_i64(st, 5, o->kind == OUTCOME_LATER ? o->due_ms : f->job->due_ms);
	db_bind_i64(st, 6, o->kind == OUTCOME_PARK || o->count);
	db_bind_text(st, 7, o->reason);
	db_bind_i64(st, 8, o->uncertain);
	db_bind_i64(st, 9, f->job->id);
	return db_run(st);
}

static int write_done(struct db *db, const struct finish *f, int64_t now_ms)
{
	const struct outcome *o = f->out;
	struct db_stmt *st;
	int r;

	/* The reason stays while the failure is to be told. */
	r = store_prepare_text(
		db,
		"UPDATE job SET state = 4, done_ms = ?4, replica_version = ?1, code = ?2, why = ?3,"
		" staged = NULL, upload_id = NULL, checked = ?6,"
		" reason = CASE WHEN failed = 1 THEN reason ELSE '' END,"
		" alarm_ms = late OR (alarm_ms > 0 AND (?2 IS NOT NULL OR alarm_ms <= ?4))"
		" WHERE id = ?5",
		&st, or_null(o->replica_version), or_null(o->code), or_null(o->why));
	if (r < 0)
		return r;
	db_bind_i64(st, 4, now_ms);
	db_bind_i64(st, 5, f->job->id);
	/* What made a version there, or nothing at all, is all that can have lost the order. */
	db_bind_i64(st, 6, job_kind_is_change(f->job->kind) || o->code[0]);
	r = db_run(st);
	if (r < 0)
		return r;
	r = db_prepare(db, "DELETE FROM part WHERE job = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, f->job->id);
	return db_run(st);
}

/* Where tags are kept in the metadata a change of them makes a version: the entry follows it. */
static int move_ledger(struct db *db, const struct finish *f)
{
	const struct job *j = f->job;
	struct db_stmt *st;
	int r;

	if (!*f->out->replica_version)
		return 0;
	r = store_prepare_text(db,
			       "UPDATE ledger SET replica_version = ?4"
			       " WHERE key = ?1 AND version = ?2 AND dest = ?3",
			       &st, j->key, j->version ? j->version : "", j->dest,
			       f->out->replica_version);
	return r < 0 ? r : db_run(st);
}

/* A job that ended without a replica has a code (the source version is gone): no entry. */
static int write_ledger(struct db *db, const struct finish *f, int64_t now_ms)
{
	const struct job *j = f->job;
	struct db_stmt *st;
	int r;

	if (f->out->code[0])
		return 0;
	if (job_kind_is_change(j->kind))
		return move_ledger(db, f);
	r = store_prepare_text(db,
			       "INSERT OR REPLACE INTO ledger"
			       " (key, version, dest, replica_version, done_ms, delete_marker)"
			       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			       &st, j->key, j->version ? j->version : "", j->dest,
			       or_null(f->out->replica_version));
	if (r < 0)
		return r;
	db_bind_i64(st, 5, now_ms);
	db_bind_i64(st, 6, j->kind == JOB_DELETE);
	return db_run(st);
}

static int promote_next(struct db *db, const struct job *j)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"UPDATE job SET state = 2 WHERE id = (SELECT id FROM job INDEXED BY job_waiting"
		" WHERE state = 1 AND dest = ?1 AND key = ?2 ORDER BY id LIMIT 1)",
		&st, j->dest, j->key);
	return r < 0 ? r : db_run(st);
}

static int finish_done(struct db *db, struct finish *f, char **staged)
{
	int64_t now_ms = clock_wall_ms();
	int r;

	r = write_done(db, f, now_ms);
	if (r == 0)
		r = write_ledger(db, f, now_ms);
	if (r == 0)
		r = promote_next(db, f->job);
	if (r == 0 && *staged) {
		r = store_is_needed(db, *staged);
		if (r == 0)
			f->unstaged = take_ptr(staged);
	}
	return min_of(r, 0);
}

static int finish_job(struct db *db, void *arg)
{
	struct finish *f = arg;
	auto_free char *staged = NULL;
	int r;

	r = get_staged(db, f->job->id, &staged);
	if (r < 0)
		return r;
	return f->out->kind == OUTCOME_DONE ? finish_done(db, f, &staged) : write_outcome(db, f);
}

/*
 * -ENOENT: the row is not claimed (any more). After any other error it still is, until the next
 * start of the mount: the caller tries again.
 */
int store_finish(struct store *s, const struct job *j, const struct outcome *o, char **ret_unstaged)
{
	struct finish f = { .job = j, .out = o };
	int r;

	r = store_run(s, "finish", finish_job, &f);
	if (r < 0) {
		free(f.unstaged);
		return r;
	}
	*ret_unstaged = f.unstaged;
	return 0;
}

/* --- retry and prune -------------------------------------------------------------------------- */

struct retry_args {
	const char *dest, *key;
	uint64_t n;
};

/* A person's word: failures count anew, and the destination is asked what it holds by now. */
static int retry_parked(struct db *db, void *arg)
{
	struct retry_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"UPDATE job INDEXED BY job_parked SET state = 2, due_ms = ?3, attempt = 0,"
		" sure = 0, failed = CASE WHEN failed = 2 THEN 0 ELSE failed END"
		" WHERE state = 5 AND (?1 IS NULL OR dest = ?1) AND (?2 IS NULL OR key = ?2)",
		&st, a->dest, a->key);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, clock_wall_ms());
	r = db_run(st);
	a->n = r < 0 ? 0 : (uint64_t)db_changes(db);
	return r;
}

int store_retry(struct store *s, const char *dest, const char *key, uint64_t *ret_n)
{
	struct retry_args a = { .dest = dest, .key = key };
	int r;

	r = store_run(s, "retry", retry_parked, &a);
	if (r == 0)
		*ret_n = a.n;
	return r;
}

struct prune_args {
	int64_t before_ms;
	int64_t n;
};

static int prune_some(struct db *db, void *arg)
{
	struct prune_args *a = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db,
		       "DELETE FROM job WHERE id IN (SELECT id FROM job INDEXED BY job_done"
		       " WHERE state = 4 AND done_ms < ?1 LIMIT ?2)",
		       &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, a->before_ms);
	db_bind_i64(st, 2, PRUNE_AT_ONCE);
	r = db_run(st);
	a->n = db_changes(db);
	return r;
}

int store_prune(struct store *s, int64_t older_than_ms)
{
	struct prune_args a = { .before_ms = clock_wall_ms() - older_than_ms };
	int r;

	do {
		r = store_run(s, "prune", prune_some, &a);
		if (r == 0 && a.n > 0)
			crash_point("prune.some");
	} while (r == 0 && a.n > 0);
	return r;
}
