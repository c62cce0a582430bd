/* store_mend.c - the rows that were read of a damaged queue, made sound: see store_i.h. */
#include "queue/store_i.h"

#include <errno.h>

#include "base/buf.h"

struct mend {
	struct db *db;
	store_tell_fn *fn;
	void *arg;
	bool *lost;
};

static int lose_row(struct mend *m, const char *what, int64_t id, const char *key,
		    const char *delete_sql)
{
	auto_free char *line = NULL;
	struct db_stmt *st = NULL;
	int r = str_format(&line, "lost: %s %lld makes no sense: %s", what, (long long)id,
			   key ? key : "-");

	*m->lost = true;
	if (r == 0)
		r = m->fn(m->arg, line);
	if (r == 0)
		r = db_prepare(m->db, delete_sql, &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, id);
	return db_run(st);
}

/* A spec that makes no sense is one that is not known: the copy asks the source. */
static int forget_spec(struct mend *m, int64_t id)
{
	auto_with(buf_free) struct buf b;
	const struct job_spec unknown = { 0 };
	struct db_stmt *st = NULL;
	int r;

	buf_init(&b, BUF_LIMIT_SMALL);
	r = job_spec_to_json(&unknown, &b);
	if (r == 0)
		r = store_prepare_text(m->db,
				       "UPDATE job SET spec = ?1, how = NULL, staged = NULL,"
				       " upload_id = NULL WHERE id = ?2",
				       &st, buf_str(&b));
	if (r < 0)
		return r;
	db_bind_i64(st, 2, id);
	return db_run(st);
}

static int mend_job(struct mend *m, int64_t id, const char *key, bool again)
{
	return again ? lose_row(m, "job", id, key, "DELETE FROM job WHERE id = ?1")
		     : forget_spec(m, id);
}

static int parse_job(struct db_stmt *st)
{
	auto_with(job_free) struct job j = { 0 };

	return store_parse_job(st, &j);
}

/* What a ticket held is kept with the strays. */
static int mend_ticket(struct mend *m, int64_t id, const char *key, bool again)
{
	(void)again;
	return lose_row(m, "ticket", id, key, "DELETE FROM ticket WHERE id = ?1");
}

static int parse_ticket(struct db_stmt *st)
{
	auto_with(store_ticket_free) struct store_ticket t = { 0 };

	return store_parse_ticket(st, &t);
}

static const struct kind {
	const char *next; /* the row after a number; its own number first */
	int key;	  /* which column */
	int (*parse)(struct db_stmt *st);
	int (*mend)(struct mend *m, int64_t id, const char *key, bool again);
} kinds[] = {
	{ "SELECT " STORE_JOB_COLUMNS " FROM job WHERE id > ?1 ORDER BY id LIMIT 1", 3, parse_job,
	  mend_job },
	{ "SELECT " STORE_TICKET_COLUMNS " FROM ticket WHERE id > ?1 ORDER BY id LIMIT 1", 2,
	  parse_ticket, mend_ticket },
};

/* 1 = the row *id that comes after makes sense, 2 = it does not; 0 = there is none. */
static int look_at_next(struct mend *m, const struct kind *k, int64_t after, int64_t *id,
			char **ret_key)
{
	struct db_stmt *st;
	int r = db_prepare(m->db, k->next, &st);

	if (r < 0)
		return r;
	db_bind_i64(st, 1, after);
	r = db_step(st);
	if (r != 1)
		return r;
	*id = db_col_i64(st, 0);
	r = k->parse(st);
	if (r < 0 && r != -ENOMEM)
		r = store_col_dup(st, k->key, ret_key) < 0 ? -ENOMEM : 2;
	db_reset(st);
	return r == 0 ? 1 : r;
}

/* By number, as those that make no sense are changed; what was mended is looked at once more. */
static int mend_all(struct mend *m, const struct kind *k)
{
	int64_t after = 0, id = 0, mended = 0;

	for (;;) {
		auto_free char *key = NULL;
		int r = look_at_next(m, k, after, &id, &key);

		if (r == 2) {
			r = k->mend(m, id, key, mended == id);
			mended = id;
			after = id - 1;
		} else if (r == 1) {
			after = id;
		} else {
			return r;
		}
		if (r < 0)
			return r;
	}
}

static const char *const sound[] = {
	/* what a row names that is not there */
	"DELETE FROM part WHERE job NOT IN (SELECT id FROM job WHERE upload_id IS NOT NULL)",
	"DELETE FROM ticket_upload WHERE ticket NOT IN (SELECT id FROM ticket)",
	/* the oldest that is not done is the first of its key (job.h) */
	"UPDATE job SET state = 1 WHERE state >= 2 AND state <> 4 AND EXISTS (SELECT 1 FROM job AS "
	"w"
	" INDEXED BY job_waiting WHERE w.state = 1 AND w.dest = job.dest AND w.key = job.key"
	" AND w.id < job.id)",
	"UPDATE job SET state = 2 WHERE id IN (SELECT min(id) FROM job AS w WHERE state = 1"
	" AND NOT EXISTS (SELECT 1 FROM job AS h WHERE h.dest = w.dest AND h.key = w.key"
	" AND h.state >= 2 AND h.state <> 4) GROUP BY dest, key)",
	/* every row that is there was made in an earlier run than the next one */
	"INSERT INTO run SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM run)",
	"DELETE FROM run WHERE rowid > (SELECT min(rowid) FROM run)",
	"UPDATE run SET n = max(n, (SELECT coalesce(max(sure), 0) FROM job))",
};

int store_mend(struct db *db, store_tell_fn *fn, void *arg, bool *ret_lost)
{
	struct mend m = { .db = db, .fn = fn, .arg = arg, .lost = ret_lost };
	int r = db_begin(db);

	for (size_t i = 0; r == 0 && i < array_size(kinds); i++)
		r = mend_all(&m, &kinds[i]);
	for (size_t i = 0; r == 0 && i < array_size(sound); i++)
		r = store_do(db, sound[i]);
	return r == 0 ? db_commit(db) : r;
}
