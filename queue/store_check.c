#include "queue/store_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/db.h"

#include "queue/store_i.h"

struct check {
	const char *staging;
	store_tell_fn *fn;
	void *arg;
	struct kv missing; /* staged files that are not there -> who names them */
};

#define SEVERAL " LIMIT 20"

/*
 * Each gives a line of text for what must not be. The states are those at the head of job.h:
 * 1 waiting, 2 ready, 3 claimed, 4 done, 5 parked.
 */
static const char *const must_not_be[] = {
	"SELECT integrity_check FROM pragma_integrity_check(20) WHERE integrity_check <> 'ok'",

	"SELECT 'a row of table ' || \"table\" || ' belongs to no row of table ' || parent"
	" FROM pragma_foreign_key_check" SEVERAL,

	"SELECT count(*) || ' jobs are first of ' || dest || ' and key ' || key FROM job"
	" WHERE state >= 2 AND state <> 4 GROUP BY dest, key HAVING count(*) > 1" SEVERAL,

	"SELECT 'job ' || id || ' waits behind no other: ' || dest || ' ' || key FROM job AS w"
	" WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM job AS h WHERE h.dest = w.dest"
	" AND h.key = w.key AND h.state >= 2 AND h.state <> 4)" SEVERAL,

	"SELECT 'job ' || id || ' is before an older one: ' || dest || ' ' || key FROM job AS h"
	" WHERE state >= 2 AND state <> 4 AND EXISTS (SELECT 1 FROM job AS w"
	" INDEXED BY job_waiting WHERE w.state = 1 AND w.dest = h.dest AND w.key = h.key"
	" AND w.id < h.id)" SEVERAL,

	"SELECT 'job ' || id || ' has parts of no upload: ' || key FROM job"
	" WHERE upload_id IS NULL AND id IN (SELECT job FROM part)" SEVERAL,

	"SELECT 'the numbers of ' || j.dest || ' are wrong (state ' || j.state || ')' FROM"
	" (SELECT dest, coalesce(rule_id, '') AS rule, state, count(*) AS c, sum(size) AS b"
	"  FROM job GROUP BY 1, 2, 3) AS j LEFT JOIN tally AS t"
	" ON t.dest = j.dest AND t.rule = j.rule AND t.state = j.state"
	" WHERE t.n IS NOT j.c OR t.bytes IS NOT j.b" SEVERAL,

	"SELECT 'the numbers of all destinations are wrong' WHERE"
	" (SELECT coalesce(sum(n), 0) FROM tally)"
	" <> (SELECT count(*) FROM job)",

	"SELECT 'there are ' || count(*) || ' numbers of the run' FROM run HAVING count(*) <> 1",
};

/* SQLite tells several things at once, each on a line of its own. */
static int tell_lines(struct check *c, const char *text)
{
	auto_free char *copy = NULL;
	char *save = NULL;
	int r = str_dup(text ? text : "", &copy);

	if (r < 0)
		return r;
	for (char *line = strtok_r(copy, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = c->fn(c->arg, line);
	return r;
}

/* What cannot be asked is a finding, too. */
static int tell_error(struct check *c, struct db *db, int r)
{
	return r == -ENOMEM ? r : tell_lines(c, db_why(db));
}

/* Whether it is missing is asked again at the end: the job may have been done meanwhile. */
static int note_staged(struct check *c, const char *staged, const char *what, int64_t id,
		       const char *key)
{
	auto_free char *path = NULL, *who = NULL;
	int r;

	if (!staged)
		return 0;
	r = str_format(&path, "%s/%s", c->staging, staged);
	if (r < 0 || access(path, F_OK) == 0)
		return r;
	r = str_format(&who, "%s %lld: its file %s is not there: %s", what, (long long)id, path,
		       key);
	return r < 0 ? r : kv_set(&c->missing, staged, who);
}

static int tell_bad(struct check *c, const char *what, int64_t id, const char *key)
{
	auto_free char *line = NULL;
	int r = str_format(&line, "%s %lld makes no sense: %s", what, (long long)id,
			   key ? key : "it has no key");

	return r < 0 ? r : c->fn(c->arg, line);
}

static int look_at_line(struct check *c, struct db_stmt *st)
{
	return tell_lines(c, db_col_text(st, 0));
}

static int look_at_job(struct check *c, struct db_stmt *st)
{
	auto_with(job_free) struct job j = { 0 };
	int r = store_parse_job(st, &j);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return tell_bad(c, "job", db_col_i64(st, 0), db_col_text(st, 3));
	return j.state == JOB_DONE ? 0 : note_staged(c, j.staged, "job", j.id, j.key);
}

static int look_at_ticket(struct check *c, struct db_stmt *st)
{
	auto_with(store_ticket_free) struct store_ticket t = { 0 };
	int64_t id = db_col_i64(st, 0);
	int r = store_parse_ticket(st, &t);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return tell_bad(c, "ticket", id, db_col_text(st, 2));
	return t.held ? note_staged(c, t.staged, "ticket", id, t.key) : 0;
}

static int each(struct check *c, struct db *db, const char *sql,
		int (*fn)(struct check *c, struct db_stmt *st))
{
	struct db_stmt *st;
	int r = db_prepare(db, sql, &st), told = 0;

	if (r < 0)
		return tell_error(c, db, r);
	while (told == 0 && (r = db_step(st)) == 1)
		told = fn(c, st);
	db_reset(st);
	if (told != 0)
		return told;
	return r < 0 ? tell_error(c, db, r) : 0;
}

static int look_at_all(struct check *c, struct db *db)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_size(must_not_be); i++)
		r = each(c, db, must_not_be[i], look_at_line);
	if (r == 0)
		r = each(c, db, "SELECT " STORE_JOB_COLUMNS " FROM job ORDER BY id", look_at_job);
	if (r == 0)
		r = each(c, db, "SELECT " STORE_TICKET_COLUMNS " FROM ticket ORDER BY id",
			 look_at_ticket);
	return r;
}

int store_check(struct store *s, const char *staging_dir, store_tell_fn *fn, void *arg)
{
	struct check c = { .staging = staging_dir, .fn = fn, .arg = arg };
	int r;

	/* all of one moment */
	db_lock(s->read);
	r = db_exec(s->read, "BEGIN");
	r = r < 0 ? tell_error(&c, s->read, r) : look_at_all(&c, s->read);
	db_rollback(s->read);
	db_unlock(s->read);
	for (size_t i = 0; r == 0 && i < c.missing.n; i++)
		if (store_is_staged(s, c.missing.items[i].name))
			r = fn(arg, c.missing.items[i].value);
	kv_free(&c.missing);
	return r;
}

/* --- the ledger ------------------------------------------------------------------------------- */

struct ledger_cursor {
	char *key, *version, *dest, *replica; /* the first three are where to go on */
	int64_t done_ms;
	bool delete_marker, found;
};

static void forget(struct ledger_cursor *c)
{
	free(c->key);
	free(c->version);
	free(c->dest);
	free(c->replica);
	*c = (struct ledger_cursor){ 0 };
}

static int next_in_ledger(struct db *db, void *arg)
{
	struct ledger_cursor *c = arg, n = { 0 };
	char **const texts[] = { &n.key, &n.version, &n.dest, &n.replica };
	struct db_stmt *st;
	int r = store_prepare_text(
		db,
		"SELECT key, version, dest, replica_version, done_ms, delete_marker FROM ledger"
		" WHERE (key, version, dest) > (?1, ?2, ?3) ORDER BY key, version, dest LIMIT 1",
		&st, c->key ? c->key : "", c->version ? c->version : "", c->dest ? c->dest : "");

	if (r < 0)
		return r;
	r = db_step(st);
	n.found = r == 1;
	if (r == 1) {
		r = 0;
		for (size_t i = 0; r == 0 && i < array_size(texts); i++)
			r = store_col_dup(st, (int)i, texts[i]);
		n.done_ms = db_col_i64(st, 4);
		n.delete_marker = db_col_i64(st, 5) != 0;
	}
	db_reset(st);
	forget(r == 0 ? c : &n);
	if (r == 0)
		*c = n;
	return r;
}

int store_each_ledger(struct store *s, int (*fn)(void *arg, const struct store_replica *r),
		      void *arg)
{
	struct ledger_cursor c = { 0 };
	int r;

	while ((r = store_ask(s, "each-ledger", next_in_ledger, &c)) == 0 && c.found) {
		const struct store_replica row = {
			.key = c.key,
			.version = c.version && *c.version ? c.version : NULL,
			.dest = c.dest,
			.replica_version = c.replica,
			.done_ms = c.done_ms,
			.delete_marker = c.delete_marker,
		};

		r = fn(arg, &row);
		if (r != 0)
			break;
	}
	forget(&c);
	return r;
}
