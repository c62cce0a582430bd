#include "queue/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"

#include "queue/schema.h"
#include "queue/store_i.h"

#define BUSY_MS	      5000 /* for another process: crrctl writes for milliseconds */
#define OPEN_AGAIN_MS 10

/* --- opening ---------------------------------------------------------------------------------- */

static void wait_a_little(struct store *s)
{
	scoped_lock(&s->locked.l);
	cond_wait_until(&s->led, &s->locked.l, clock_deadline(OPEN_AGAIN_MS));
}

/*
 * SQLite waits for other connections as told by busy_ms, but not where one of them turns a new file
 * into a write-ahead logged one, or closes the last connection.
 */
static int open_one(struct store *s, const char *path, enum db_sync sync, bool read_only,
		    struct db **ret_db, char *why, size_t why_len)
{
	const int64_t deadline = clock_deadline(BUSY_MS);
	const struct db_conf conf = {
		.path = path, .sync = sync, .read_only = read_only, .busy_ms = BUSY_MS
	};
	int r;

	for (;;) {
		r = db_open(&conf, ret_db, why, why_len);
		if (r != -EBUSY || clock_mono_ms() >= deadline)
			break;
		wait_a_little(s);
	}
	return r;
}

/* In the file nothing is changed before it was looked at. */
static int look_and_upgrade(struct store *s, struct db *db, const char *path, char *why,
			    size_t why_len)
{
	int r = 0;

	db_lock(db);
	db_leave_log(db, true);
	if (*s->instance)
		r = store_file_look(db, path, why, why_len);
	db_unlock(db);
	if (r == 0)
		r = schema_upgrade(db, why, why_len);
	if (r == 0) {
		db_lock(db);
		db_leave_log(db, false);
		db_unlock(db);
	}
	return r;
}

static int open_all(struct store *s, const char *path, char *why, size_t why_len)
{
	struct db **first = s->read_only ? &s->read : &s->db;
	int r;

	r = open_one(s, path, DB_SYNC_FULL, s->read_only, first, why, why_len);
	if (r == 0)
		r = look_and_upgrade(s, *first, path, why, why_len);
	if (r < 0 || s->read_only)
		return r;
	return open_one(s, path, DB_SYNC_NORMAL, true, &s->read, why, why_len);
}

static int note_strays(struct db *db, void *arg)
{
	(void)arg;
	return store_note_strays(db);
}

/* The log of a mount that ended in order was emptied into the file and is gone. */
static int note_lost_log(struct store *s, const char *path)
{
	log_warn("file=%s-wal error=\"not there, and the last mount did not end in order\""
		 " remedy=\"what it acknowledged last may be missing in the queue: crrctl resync\"",
		 path);
	return store_run_synced(s, "note-strays", note_strays, NULL);
}

static int open_file(struct store *s, const struct store_conf *conf, char *why, size_t why_len)
{
	auto_free char *path = NULL, *log = NULL;
	bool lost = false;
	int r = str_format(&path, "%s/" STORE_FILE, conf->dir);

	if (r == 0)
		r = str_format(&log, "%s-wal", path);
	if (r == 0 && *s->instance)
		r = store_file_publish(conf->dir, NULL, 0);
	if (r == 0)
		r = store_file_stat(path, why, why_len);
	if (r == -ENOENT && !s->read_only) {
		if (conf->was_left)
			log_warn("file=%s error=\"not there\" action=\"made anew\""
				 " remedy=\"crrctl resync finds what it had\"",
				 path);
		r = store_file_make(conf->dir, path, why, why_len);
	} else if (r == 0 && conf->was_left) {
		lost = access(log, F_OK) != 0;
	}
	if (r == 0)
		r = open_all(s, path, why, why_len);
	return r == 0 && lost ? note_lost_log(s, path) : r;
}

int store_open(const struct store_conf *conf, struct store **ret_s, char *why, size_t why_len)
{
	char words[256] = "";
	struct store *s;
	int r;

	if (why_len > 0)
		why[0] = '\0';
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, why_len, "%s", strerrordesc_np(ENOMEM));
		return -ENOMEM;
	}
	s->read_only = conf->read_only;
	s->locked.last = &s->locked.first;
	lock_init(&s->write);
	lock_init(&s->locked.l);
	cond_init(&s->led);
	r = str_dup(conf->instance ? conf->instance : "", &s->instance);
	if (r == 0)
		r = str_dup(conf->dir, &s->dir);
	if (r == 0)
		r = open_file(s, conf, words, sizeof(words));
	if (r < 0) {
		store_file_explain(r, conf, words, why, why_len);
		store_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

/* The file may be damaged: what is in its log must not be mixed into it. */
static void leave_all(struct store *s)
{
	struct db *dbs[] = { s->read, s->db };

	for (size_t i = 0; i < array_size(dbs); i++) {
		if (!dbs[i])
			continue;
		db_lock(dbs[i]);
		db_leave_log(dbs[i], true);
		db_unlock(dbs[i]);
	}
}

bool store_is_damaged(const struct store *s)
{
	return __atomic_load_n(&s->damaged, __ATOMIC_ACQUIRE);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (store_is_damaged(s))
		leave_all(s);
	db_close(s->read);
	db_close(s->db);
	cond_free(&s->led);
	lock_free(&s->locked.l);
	lock_free(&s->write);
	free(s->instance);
	free(s->dir);
	free(s);
}

/* --- small tools ------------------------------------------------------------------------------ */

int store_do(struct db *db, const char *sql)
{
	struct db_stmt *st;
	int r;

	r = db_prepare(db, sql, &st);
	return r < 0 ? r : db_run(st);
}

int store_prepare(struct db *db, const char *sql, struct db_stmt **ret_s, size_t n,
		  const char *const *texts)
{
	int r;

	r = db_prepare(db, sql, ret_s);
	for (size_t i = 0; r == 0 && i < n; i++)
		db_bind_text(*ret_s, (int)i + 1, texts[i]);
	return r;
}

int store_col_dup(struct db_stmt *st, int i, char **ret_v)
{
	return str_dup(db_col_text(st, i), ret_v);
}

static void note_damage(struct store *s, const char *what, const char *why)
{
	if (!__atomic_exchange_n(&s->damaged, true, __ATOMIC_ACQ_REL))
		log_error("store=%s file=%s/" STORE_FILE " error=damaged why=\"%s\""
			  " action=\"nothing is written to it any more\""
			  " remedy=\"unmount, then crrctl queue repair --state %s\"",
			  what, s->dir, why, s->dir);
}

/* The engine's trouble is told once, here; -ENOENT and the like are answers. What callers get. */
static int report_locked(struct store *s, struct db *db, const char *what, int r)
{
	char text[64];

	if (r == -EUCLEAN) {
		note_damage(s, what, db_why(db));
		return -EIO;
	}

	if (r == -EIO || r == -ENOSPC || r == -EROFS || r == -EBUSY || r == -EEXIST || r == -EACCES)
		log_error("store=%s file=%s/" STORE_FILE
			  " error=\"%s\" why=\"%s\" remedy=\"%s\"",
			  what, s->dir, errno_text(r, text, sizeof(text)), db_why(db),
			  io_remedy(r));
	return r;
}

/* --- transactions ----------------------------------------------------------------------------- */

static int run_alone_locked(struct store *s, struct db *db, const char *what, store_fn *fn,
			    void *arg)
{
	int r;

	lock_assert_held(&s->write);
	r = db_begin(db);
	if (r == 0)
		r = fn(db, arg);
	if (r == 0)
		r = db_commit(db);
	if (r < 0) {
		r = report_locked(s, db, what, r);
		db_rollback(db);
	}
	return r;
}

int store_run(struct store *s, const char *what, store_fn *fn, void *arg)
{
	int r;

	if (s->read_only)
		return -EROFS;
	if (store_is_damaged(s))
		return -EIO;
	scoped_lock(&s->write);
	db_lock(s->db);
	r = db_set_sync(s->db, DB_SYNC_NORMAL);
	if (r == 0)
		r = run_alone_locked(s, s->db, what, fn, arg);
	db_unlock(s->db);
	return r;
}

int store_ask(struct store *s, const char *what, store_fn *fn, void *arg)
{
	int r;

	db_lock(s->read);
	r = fn(s->read, arg);
	if (r < 0)
		r = report_locked(s, s->read, what, r);
	db_unlock(s->read);
	return r;
}

/* --- group commit ----------------------------------------------------------------------------- */

/* false: the whole transaction is lost, as SQLite does on some errors (disk full, I/O). */
static bool run_in_savepoint_locked(struct store *s, struct store_op *op)
{
	lock_assert_held(&s->write);
	if (store_do(s->db, "SAVEPOINT op") < 0)
		return false;
	op->result = op->fn(s->db, op->arg);
	if (op->result < 0) {
		if (store_do(s->db, "ROLLBACK TO op") < 0)
			return false;
		op->result = report_locked(s, s->db, op->what, op->result);
	}
	return store_do(s->db, "RELEASE op") == 0;
}

static bool run_together_locked(struct store *s, struct store_op *batch)
{
	bool ok = db_begin(s->db) == 0;

	for (struct store_op *op = batch; ok && op; op = op->next)
		ok = run_in_savepoint_locked(s, op);
	if (ok)
		ok = db_commit(s->db) == 0;
	if (!ok)
		db_rollback(s->db);
	return ok;
}

static void run_batch(struct store *s, struct store_op *batch)
{
	int r;

	scoped_lock(&s->write);
	db_lock(s->db);
	if (db_has_moved(s->db))
		note_damage(s, batch->what, "the file was removed or replaced while it was in use");
	r = store_is_damaged(s) ? -EIO : db_set_sync(s->db, DB_SYNC_FULL);
	if (r < 0) {
		for (struct store_op *op = batch; op; op = op->next)
			op->result = r;
		db_unlock(s->db);
		return;
	}
	/* If not together, each gets its own answer: a large one must not fail the small ones. */
	if (!batch->next || !run_together_locked(s, batch)) {
		for (struct store_op *op = batch; op; op = op->next)
			op->result = run_alone_locked(s, s->db, op->what, op->fn, op->arg);
	}
	db_unlock(s->db);
}

static void lead_locked(struct store *s)
{
	struct store_op *batch = s->locked.first, *next;

	lock_assert_held(&s->locked.l);
	s->locked.first = NULL;
	s->locked.last = &s->locked.first;
	s->locked.leading = true;
	lock_drop(&s->locked.l);
	run_batch(s, batch);
	lock_take(&s->locked.l);
	s->locked.leading = false;
	for (struct store_op *op = batch; op; op = next) {
		next = op->next;
		op->done = true;
	}
	cond_broadcast(&s->led);
}

/* Out of line: inlined, gcc takes the pointer to the caller's stack for one that outlives it. */
static __attribute__((noinline)) void enqueue_locked(struct store *s, struct store_op *op)
{
	lock_assert_held(&s->locked.l);
	*s->locked.last = op;
	s->locked.last = &op->next;
}

/* While a batch is being synced, later callers gather; then one of them leads the next batch. */
int store_run_synced(struct store *s, const char *what, store_fn *fn, void *arg)
{
	struct store_op op = { .what = what, .fn = fn, .arg = arg };

	if (s->read_only)
		return -EROFS;
	scoped_lock(&s->locked.l);
	enqueue_locked(s, &op);
	while (!op.done && s->locked.leading)
		cond_wait(&s->led, &s->locked.l);
	if (!op.done)
		lead_locked(s);
	return op.result;
}

/* --- destinations ----------------------------------------------------------------------------- */

static int put_dest(struct db *db, void *arg)
{
	const struct store_dest *d = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "INSERT INTO dest (dest, why, paused, until_ms, since_ms)"
			       " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (dest) DO UPDATE SET"
			       " why = ?2, paused = ?3, until_ms = ?4, since_ms = ?5",
			       &st, d->dest, d->why);
	if (r < 0)
		return r;
	db_bind_i64(st, 3, d->paused);
	db_bind_i64(st, 4, d->until_ms);
	db_bind_i64(st, 5, d->since_ms);
	return db_run(st);
}

int store_put_dest(struct store *s, const struct store_dest *d)
{
	struct store_dest copy = *d;

	return store_run(s, "put-dest", put_dest, &copy);
}

struct caps_args {
	const char *dest, *url, *text;
	int64_t when_ms;
	char *got;
};

static int put_caps(struct db *db, void *arg)
{
	const struct caps_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "INSERT INTO dest (dest, caps, caps_url, caps_ms, paused, until_ms,"
			       " since_ms) VALUES (?1, ?2, ?3, ?4, 0, 0, 0) ON CONFLICT (dest)"
			       " DO UPDATE SET caps = ?2, caps_url = ?3, caps_ms = ?4",
			       &st, a->dest, a->text, a->url);
	if (r < 0)
		return r;
	db_bind_i64(st, 4, a->when_ms);
	return db_run(st);
}

int store_put_caps(struct store *s, const char *dest, const char *url, const char *text,
		   int64_t when_ms)
{
	struct caps_args a = { .dest = dest, .url = url, .text = text, .when_ms = when_ms };

	return store_run(s, "put-caps", put_caps, &a);
}

static int get_caps(struct db *db, void *arg)
{
	struct caps_args *a = arg;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT caps, caps_ms FROM dest"
			       " WHERE dest = ?1 AND caps_url = ?2 AND caps IS NOT NULL",
			       &st, a->dest, a->url);
	if (r < 0)
		return r;
	r = db_step(st);
	if (r == 1) {
		a->when_ms = db_col_i64(st, 1);
		r = store_col_dup(st, 0, &a->got);
	} else if (r == 0) {
		r = -ENOENT;
	}
	db_reset(st);
	return r;
}

int store_get_caps(struct store *s, const char *dest, const char *url, char **ret_text,
		   int64_t *ret_when_ms)
{
	struct caps_args a = { .dest = dest, .url = url };
	int r = store_ask(s, "get-caps", get_caps, &a);

	if (r < 0) {
		free(a.got);
		return r;
	}
	*ret_text = a.got;
	*ret_when_ms = a.when_ms;
	return 0;
}

struct dest_cursor {
	struct store_dest d;
	char *dest, *why; /* d's strings; dest is where to go on */
	bool found;
};

/* The next one after c->dest. */
static int next_dest(struct db *db, void *arg)
{
	struct dest_cursor *c = arg;
	auto_free char *dest = NULL;
	auto_free char *why = NULL;
	struct db_stmt *st;
	int r;

	r = store_prepare_text(db,
			       "SELECT dest, why, paused, until_ms, since_ms FROM dest"
			       " WHERE dest > ?1 ORDER BY dest LIMIT 1",
			       &st, c->dest ? c->dest : "");
	if (r < 0)
		return r;
	r = db_step(st);
	c->found = r == 1;
	if (r == 1) {
		r = store_col_dup(st, 0, &dest);
		if (r == 0)
			r = store_col_dup(st, 1, &why);
		c->d.paused = db_col_i64(st, 2) != 0;
		c->d.until_ms = db_col_i64(st, 3);
		c->d.since_ms = db_col_i64(st, 4);
	}
	db_reset(st);
	if (r == 0 && c->found) {
		free(c->dest);
		free(c->why);
		c->d.dest = c->dest = take_ptr(&dest);
		c->d.why = c->why = take_ptr(&why);
	}
	return r;
}

int store_each_dest(struct store *s, int (*fn)(void *arg, const struct store_dest *d), void *arg)
{
	struct dest_cursor c = { 0 };
	int r;

	do {
		r = store_ask(s, "each-dest", next_dest, &c);
		if (r == 0 && c.found)
			r = fn(arg, &c.d);
	} while (r == 0 && c.found);
	free(c.dest);
	free(c.why);
	return r;
}
