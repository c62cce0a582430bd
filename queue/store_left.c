/* store_left.c - the tickets that an earlier process left. */
#include "queue/store.h"

#include <errno.h>

#include "base/codec.h"
#include "base/db.h"
#include "base/log.h"

#include "queue/store_i.h"

struct ticket_cursor {
	struct store_ticket t;
	const char *not_of; /* an instance to leave out; NULL = none */
	int64_t last;	    /* after this id */
	int64_t newest;	    /* up to this one, so that tickets begun by fn are not met */
	bool found, bad;
};

static int newest_ticket(struct db *db, void *arg)
{
	struct ticket_cursor *c = arg;
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT coalesce(max(id), 0) FROM ticket", &st);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1)
		c->newest = db_col_i64(st, 0);
	db_reset(st);
	return min_of(r, 0);
}

static int read_uploads(struct db *db, struct store_ticket *t)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, "SELECT side, key, upload_id FROM ticket_upload WHERE ticket = ?1", &st);
	if (r < 0)
		return r;
	db_bind_i64(st, 1, t->id);
	while ((r = db_step(st)) == 1) {
		r = kv_set(&t->uploads, db_col_text(st, 0), db_col_text(st, 2));
		if (r == 0)
			r = kv_set(&t->upload_keys, db_col_text(st, 0), db_col_text(st, 1));
		if (r < 0)
			break;
	}
	db_reset(st);
	return r;
}

int store_parse_ticket(struct db_stmt *st, struct store_ticket *t)
{
	int64_t kind = db_col_i64(st, 1);
	const char *spec = db_col_text(st, 8);
	int r;

	t->kind = (enum job_kind)kind;
	t->created_ms = db_col_i64(st, 5);
	t->held = db_col_i64(st, 6) != 0;
	r = store_col_dup(st, 2, &t->key);
	if (r == 0)
		r = store_col_dup(st, 3, &t->token);
	if (r == 0)
		r = store_col_dup(st, 4, &t->instance);
	if (r == 0)
		r = store_col_dup(st, 7, &t->staged);
	if (r == 0 && spec)
		r = job_spec_from_json(spec, &t->spec);
	if (r < 0)
		return r;
	if (kind < JOB_OBJECT || kind > JOB_KIND_LAST || !t->key || (t->held && !spec))
		return -EINVAL;
	return 0;
}

static int next_ticket(struct db *db, void *arg)
{
	struct ticket_cursor *c = arg;
	struct db_stmt *st;
	int r;

	store_ticket_free(&c->t);
	c->bad = false;
	r = store_prepare_text(
		db,
		"SELECT " STORE_TICKET_COLUMNS " FROM ticket"
		" WHERE (?1 IS NULL OR instance <> ?1) AND id > ?2 AND id <= ?3 ORDER BY id LIMIT "
		"1",
		&st, c->not_of);
	if (r < 0)
		return r;
	db_bind_i64(st, 2, c->last);
	db_bind_i64(st, 3, c->newest);
	r = db_step(st);
	c->found = r == 1;
	if (r == 1) {
		c->last = c->t.id = db_col_i64(st, 0);
		r = store_parse_ticket(st, &c->t);
	}
	db_reset(st);
	if (r == 0 && c->found)
		r = read_uploads(db, &c->t);
	if (r != -EINVAL)
		return r;
	log_error("ticket=%lld error=\"the row is damaged\"", (long long)c->last);
	c->bad = true;
	return 0;
}

/* Rows that make no sense are logged and left out, and the answer is then -EIO after all others
 * were shown. */
int store_each_ticket(struct store *s, bool any, int (*fn)(void *arg, const struct store_ticket *t),
		      void *arg)
{
	struct ticket_cursor c = { .not_of = any ? NULL : s->instance };
	bool bad = false;
	int r;

	r = store_ask(s, "each-ticket", newest_ticket, &c);
	while (r == 0) {
		r = store_ask(s, "each-ticket", next_ticket, &c);
		if (r < 0 || !c.found)
			break;
		bad = bad || c.bad;
		if (!c.bad)
			r = fn(arg, &c.t);
	}
	store_ticket_free(&c.t);
	return r == 0 && bad ? -EIO : r;
}
