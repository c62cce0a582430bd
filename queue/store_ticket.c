#include "queue/store.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

/* For tally's sums: far above S3's largest object, far below overflow. */
#define SIZE_MAX_COUNTED ((uint64_t)1 << 50)

void store_ticket_free(struct store_ticket *t)
{
	free(t->key);
	free(t->token);
	free(t->instance);
	free(t->staged);
	job_spec_free(&t->spec);
	kv_free(&t->uploads);
	kv_free(&t->upload_keys);
	*t = (struct store_ticket){ 0 };
}

/* --- begin, note, hold, abandon --------------------------------------------------------------- */

struct ticket_args {
	int64_t id;
	enum job_kind kind;
	const char *key, *token, *instance, *side, *upload_id, *staged, *spec;
};

static int insert_ticket(struct db *db, void *arg)
{
	struct ticket_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(
		db,
		"INSERT INTO ticket (key, token, instance, spec, kind, created_ms, held)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		&st, a->key, a->token, a->instance, a->spec);
	if (r < 0)
		return r;
	db_bind_i64(st, 5, a->kind);
	db_bind_i64(st, 6, clock_wall_ms());
	db_bind_i64(st, 7, a->spec != NULL);
	r = db_run(st);
	if (r == 0)
		a->id = db_last_id(db);
	return r;
}

int store_begin(struct store *s, enum job_kind kind, const char *key, const char *token,
		int64_t *ret_id)
{
	struct ticket_args a = {
		.kind = kind, .key = key, .token = token, .instance = s->instance
	};
	int r;

	r = store_run_synced(s, "begin", insert_ticket, &a);
	if (r == 0)
		*ret_id = a.id;
	return r;
}

int store_begin_held(struct store *s, enum job_kind kind, const char *key, const char *token,
		     const struct job_spec *spec, int64_t *ret_id)
{
	struct ticket_args a = {
		.kind = kind, .key = key, .token = token, .instance = s->instance
	};
	auto_with(buf_free) struct buf b;
	int r;

	buf_init(&b, BUF_LIMIT_DOC);
	r = job_spec_to_json(spec, &b);
	if (r < 0)
		return r;
	a.spec = buf_str(&b);
	r = store_run_synced(s, "begin-held", insert_ticket, &a);
	if (r == 0)
		*ret_id = a.id;
	return r;
}

static int note_upload(struct db *db, void *arg)
{
	const struct ticket_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "INSERT OR REPLACE INTO ticket_upload (side, key, upload_id, ticket)"
			       " SELECT ?1, ?2, ?3, id FROM ticket WHERE id = ?4",
			       &st, a->side, a->key, a->upload_id);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->id);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

int store_note_upload(struct store *s, int64_t ticket, const char *side, const char *key,
		      const char *upload_id)
{
	struct ticket_args a = { .id = ticket, .side = side, .key = key, .upload_id = upload_id };

	return store_run(s, "note-upload", note_upload, &a);
}

static int drop_upload(struct db *db, void *arg)
{
	const struct ticket_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db, "DELETE FROM ticket_upload WHERE side = ?1 AND ticket = ?2", &st,
			       a->side);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->id);
	return db_run(st);
}

int store_drop_upload(struct store *s, int64_t ticket, const char *side)
{
	struct ticket_args a = { .id = ticket, .side = side };

	return store_run(s, "drop-upload", drop_upload, &a);
}

/* What comes under this key is newer than what older tickets hold: of those recovery only asks
 * whether it happened. */
static int supersede(struct db *db, const char *key, int64_t ticket)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "UPDATE ticket SET held = 0, staged = NULL, spec = NULL"
			       " WHERE key = ?1 AND held = 1 AND id < ?2",
			       &st, key);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, ticket > 0 ? ticket : INT64_MAX);
	return db_run(st);
}

static int hold_ticket(struct db *db, void *arg)
{
	const struct ticket_args *a = arg;
	struct db_stmt *st;
	int r = supersede(db, a->key, a->id);

	if (r < 0)
		return r;
	r = store_prepare_text(
		db, "UPDATE ticket SET key = ?1, staged = ?2, spec = ?3, held = 1 WHERE id = ?4",
		&st, a->key, a->staged, a->spec);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->id);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

static int rename_ticket(struct db *db, void *arg)
{
	const struct ticket_args *a = arg;
	struct db_stmt *st;
	int r;

	/* A held file takes the place of what is held under its new name, which may be younger. */
	r = store_prepare_text(db,
			       "UPDATE ticket SET held = 0, staged = NULL, spec = NULL"
			       " WHERE key = ?1 AND held = 1 AND id <> ?2"
			       " AND EXISTS (SELECT 1 FROM ticket WHERE id = ?2 AND held = 1)",
			       &st, a->key);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->id);
	r = db_run(st);
	r = r < 0 ? r
		  : store_prepare_text(db, "UPDATE ticket SET key = ?1 WHERE id = ?2", &st, a->key);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, a->id);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

/* Without a spec only the key changes: a ticket goes on under another name. */
int store_hold(struct store *s, int64_t ticket, const char *key, const char *staged,
	       const struct job_spec *spec)
{
	struct ticket_args a = { .id = ticket, .key = key, .staged = staged };
	auto_with(buf_free) struct buf b;
	int r;

	buf_init(&b, BUF_LIMIT_DOC);
	if (!spec)
		return staged ? -EINVAL : store_run_synced(s, "rekey", rename_ticket, &a);
	r = job_spec_to_json(spec, &b);
	if (r < 0)
		return r;
	a.spec = buf_str(&b);
	return store_run_synced(s, "hold", hold_ticket, &a);
}

static int delete_ticket(struct db *db, int64_t id)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "DELETE FROM ticket WHERE id = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	r = db_run(st);
	return r < 0 ? r : db_changes(db) ? 0 : -ENOENT;
}

static int abandon_ticket(struct db *db, void *arg)
{
	const int64_t *id = arg;
	int r = delete_ticket(db, *id);

	return r == -ENOENT ? 0 : r;
}

int store_abandon(struct store *s, int64_t ticket)
{
	return store_run(s, "abandon", abandon_ticket, &ticket);
}

int store_abandon_held(struct store *s, int64_t ticket)
{
	return store_run_synced(s, "abandon-held", abandon_ticket, &ticket);
}

static int take_place(struct db *db, void *arg)
{
	const struct ticket_args *a = arg;
	int r = supersede(db, a->key, a->id);

	return r < 0 || a->id == 0 ? r : abandon_ticket(db, (void *)(uintptr_t)&a->id);
}

int store_take_place(struct store *s, int64_t ticket, const char *key)
{
	struct ticket_args a = { .id = ticket, .key = key };

	return store_run_synced(s, "take-place", take_place, &a);
}

/* --- commit ----------------------------------------------------------------------------------- */

/* What of a job is JSON in its row. */
struct job_texts {
	struct buf spec, how;
};

struct commit_args {
	int64_t ticket;
	int64_t now_ms;
	struct job *jobs;
	const struct store_parts *parts; /* NULL = none */
	struct job_texts *texts;	 /* one per job */
	size_t n;
	bool newest; /* of the key: what older tickets hold for it is not wanted any more */
	int64_t quiet_since_ms; /* nothing is added unless the pair was quiet; 0 = do not ask */
	bool added;
};

static int add_parts(struct db *db, int64_t job, const struct store_parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct mpu_part *p = &parts->parts[i];
		struct db_stmt *st;
		int r;

		r = store_prepare_text(
			db,
			"INSERT OR REPLACE INTO part (etag, job, number, size, crc32c)"
			" VALUES (?1, ?2, ?3, ?4, nullif(?5, -1))",
			&st, p->etag);
		if (r < 0)
			return r;
		db_bind_i64(st, 2, job);
		db_bind_i64(st, 3, p->number);
		db_bind_i64(st, 4, (int64_t)p->size);
		db_bind_i64(st, 5, store_crc(p));
		r = db_run(st);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * New tags (an ACL, ...) for a version whose older ones are still to be sent: the row takes the new
 * ones over and keeps its place. Only the last row of the version may do so, else an object job
 * behind it would bring the older ones back. 1 = taken over, 0 = there is none.
 */
static int replace_change(struct db *db, struct job *j, const char *spec)
{
	struct db_stmt *st;
	int64_t kind = 0, state = 0, id = 0;
	int r;

	r = store_prepare_text(db,
			       "SELECT id, kind, state FROM job INDEXED BY job_key"
			       " WHERE key = ?1 AND version IS ?2 AND dest = ?3 AND state <> 4"
			       " ORDER BY id DESC LIMIT 1",
			       &st, j->key, j->version, j->dest);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1) {
		id = db_col_i64(st, 0);
		kind = db_col_i64(st, 1);
		state = db_col_i64(st, 2);
	}
	db_reset(st);
	if (r < 1 || kind != (int64_t)j->kind || state == JOB_CLAIMED)
		return min_of(r, 0);
	r = store_prepare_text(db,
			       "UPDATE job SET rule_id = ?1, storage_class = ?2, token = ?3,"
			       " spec = ?4, staged = ?5 WHERE id = ?6",
			       &st, j->rule_id, j->storage_class, j->token, spec, j->staged);
	if (r < 0)
		return r;
	db_bind_i64(st, 6, id);
	r = db_run(st);
	if (r < 0)
		return r;
	j->id = id;
	j->state = (enum job_state)state;
	return 1;
}

/* Is a row of the pair not done? Then there is one that is ready, claimed or parked. */
static int has_head(struct db *db, const struct job *j)
{
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT 1 FROM job INDEXED BY job_head"
			       " WHERE dest = ?1 AND key = ?2 AND state >= 2 AND state <> 4",
			       &st, j->dest, j->key);
	if (r < 0)
		return r;
	r = db_step(st);
	db_reset(st);
	return r;
}

/* Who waits behind a row of the backfill shall not wait for all of the backfill. */
static int hurry_head(struct db *db, const struct job *j)
{
	struct db_stmt *st;
	int r;

	if (j->class != JOB_LIVE)
		return 0;
	r = store_prepare_text(db,
			       "UPDATE job INDEXED BY job_head SET class = 0"
			       " WHERE dest = ?1 AND key = ?2 AND state >= 2 AND state <> 4"
			       " AND class > 0",
			       &st, j->dest, j->key);
	return r < 0 ? r : db_run(st);
}

static int64_t alarm_ms(const struct job *j, int64_t created_ms)
{
	return j->how.threshold_minutes && j->class == JOB_LIVE
		       ? created_ms + (int64_t)j->how.threshold_minutes * 60000
		       : 0;
}

static void bind_numbers(struct db_stmt *st, const struct job *j, int64_t now_ms)
{
	int64_t created_ms = j->created_ms ? j->created_ms : now_ms;
	uint64_t size = j->kind == JOB_OBJECT ? min_of(j->spec.size, SIZE_MAX_COUNTED) : 0;
	const int64_t numbers[] = {
		j->kind,
		j->state,
		(int64_t)size,
		j->attempt,
		j->due_ms ? j->due_ms : now_ms,
		created_ms,
		j->uncertain,
		j->class,
		j->batch,
		j->repair,
		alarm_ms(j, created_ms),
		j->upload_sum,
	};

	for (size_t i = 0; i < array_size(numbers); i++)
		db_bind_i64(st, 11 + (int)i, numbers[i]);
}

static int insert_job(struct db *db, struct job *j, const struct job_texts *texts, int64_t now_ms)
{
	struct db_stmt *st;
	int r;

	r = has_head(db, j);
	if (r < 0)
		return r;
	j->state = 0;
	job_step(j, r ? JOB_WAITING : JOB_READY);
	r = r ? hurry_head(db, j) : 0;
	if (r < 0)
		return r;
	r = store_prepare_text(db,
			       "INSERT INTO job (key, version, dest, rule_id, storage_class,"
			       " token, spec, how, staged, upload_id, kind, state, size, attempt,"
			       " due_ms, created_ms, sure, class, batch, repair, alarm_ms,"
			       " upload_sum) VALUES"
			       " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
			       " ?16, CASE WHEN ?17 THEN 0 ELSE (SELECT n FROM run) END, ?18, ?19,"
			       " ?20, ?21, ?22)",
			       &st, j->key, j->version, j->dest, j->rule_id, j->storage_class,
			       j->token, buf_str(&texts->spec), buf_str(&texts->how), j->staged,
			       j->upload_id);
	if (r < 0)
		return r;
	bind_numbers(st, j, now_ms);
	r = db_run(st);
	if (r == 0)
		j->id = db_last_id(db);
	return r;
}

static int commit_one(struct db *db, const struct commit_args *a, size_t i)
{
	struct job *j = &a->jobs[i];
	int r;

	if (job_kind_is_change(j->kind)) {
		r = replace_change(db, j, buf_str(&a->texts[i].spec));
		if (r != 0)
			return min_of(r, 0);
	}
	r = insert_job(db, j, &a->texts[i], a->now_ms);
	if (r == 0 && a->parts && j->upload_id)
		r = add_parts(db, j->id, &a->parts[i]);
	return r;
}

static int commit_ticket(struct db *db, void *arg)
{
	struct commit_args *a = arg;
	int r = 1;

	if (a->quiet_since_ms > 0)
		r = store_is_quiet(db, a->jobs[0].key, a->jobs[0].dest, a->quiet_since_ms);
	a->added = r == 1;
	if (r < 1)
		return r;
	r = 0;
	if (a->newest && !job_kind_is_change(a->jobs[0].kind))
		r = supersede(db, a->jobs[0].key, a->ticket);
	if (r == 0 && a->ticket > 0)
		r = delete_ticket(db, a->ticket);
	for (size_t i = 0; r == 0 && i < a->n; i++)
		r = commit_one(db, a, i);
	return r;
}

static int make_texts(struct commit_args *a)
{
	int r = 0;

	for (size_t i = 0; i < a->n; i++) {
		buf_init(&a->texts[i].spec, BUF_LIMIT_DOC);
		buf_init(&a->texts[i].how, BUF_LIMIT_DOC);
	}
	for (size_t i = 0; r == 0 && i < a->n; i++) {
		const struct job *j = &a->jobs[i];

		r = j->key && j->dest ? job_spec_to_json(&j->spec, &a->texts[i].spec) : -EINVAL;
		r = r < 0 ? r : job_how_to_json(&j->how, &a->texts[i].how);
	}
	return r;
}

static int commit(struct store *s, struct commit_args *a, bool synced)
{
	int r;

	a->now_ms = clock_wall_ms();
	a->texts = calloc(a->n ? a->n : 1, sizeof(*a->texts));
	if (!a->texts)
		return -ENOMEM;
	r = make_texts(a);
	if (r == 0)
		r = synced ? store_run_synced(s, "commit", commit_ticket, a)
			   : store_run(s, "add", commit_ticket, a);
	for (size_t i = 0; i < a->n; i++) {
		buf_free(&a->texts[i].spec);
		buf_free(&a->texts[i].how);
		if (r < 0) {
			a->jobs[i].id = 0;
			a->jobs[i].state = 0;
		}
	}
	free(a->texts);
	return r;
}

/* -ENOENT: the ticket is gone; nothing was added. */
int store_commit(struct store *s, int64_t ticket, struct job *jobs, const struct store_parts *parts,
		 size_t n)
{
	struct commit_args a = {
		.ticket = ticket, .newest = n > 0, .jobs = jobs, .parts = parts, .n = n
	};

	return commit(s, &a, true);
}

int store_add(struct store *s, struct job *jobs, size_t n)
{
	struct commit_args a = { .jobs = jobs, .n = n };

	return commit(s, &a, false);
}

int store_add_if_quiet(struct store *s, int64_t since_ms, struct job *jobs, size_t n,
		       bool *ret_added)
{
	struct commit_args a = { .jobs = jobs, .n = n, .quiet_since_ms = since_ms };
	int r = n > 0 && since_ms > 0 ? commit(s, &a, false) : -EINVAL;

	if (r == 0)
		*ret_added = a.added;
	return r;
}
