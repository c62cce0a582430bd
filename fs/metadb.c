/*
 * metadb.c - user metadata by (key, ETag), kept across mounts. One row per key: another ETag
 * replaces it. See metadb.h.
 *
 * `used` is the day on which a row was written or last read, give or take USED_DAYS, so that
 * reading seldom writes. Every PRUNE_EVERY puts some rows go, if any should: the file stops
 * growing.
 *
 * Rows of keys that had none are written BATCH at a time, in one transaction: of those a kill takes
 * the last, and they are asked for again. What takes the place of a row, or removes one, is written
 * at once: the row of the version before could be taken for that of the new one, which may have the
 * same ETag.
 */
#include "fs/metadb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/json.h"
#include "base/log.h"

#define COLUMNS "version, class, sse, sse_key, own_acl, meta, sys"

#define DAY_MS	    ((int64_t)86400 * 1000)
#define USED_DAYS   7
#define KEEP_DAYS   180
#define PRUNE_EVERY 500
#define PRUNE_ROWS  1000
#define BATCH	    64
#define TABLE	    "meta4"

struct metadb {
	struct db *db;	    /* has its own lock */
	uint64_t max_bytes; /* fixed */
	char *path;	    /* fixed */
	unsigned puts;	    /* db's lock */
	unsigned batched;   /* db's lock; rows of the open transaction, 0: there is none */
	bool damaged;	    /* db's lock; was met in use: nothing is looked up any more */
};

bool meta_of_fits(const struct meta_of *seen, const struct meta_of *now)
{
	int64_t was = seen->mtime_ms / 1000, is = now->mtime_ms / 1000;

	if (!seen->etag || !now->etag || strcmp(seen->etag, now->etag))
		return false;
	if (!was || !is)
		return true;
	return seen->about ? is <= was + 1 : is == was;
}

void meta_rec_free(struct meta_rec *m)
{
	free(m->version_id);
	free(m->storage_class);
	free(m->sse);
	free(m->sse_key);
	kv_free(&m->meta);
	kv_free(&m->sys);
	kv_free(&m->tags);
	memset(m, 0, sizeof(*m));
}

int meta_rec_copy(struct meta_rec *dst, const struct meta_rec *src)
{
	auto_with(meta_rec_free) struct meta_rec m = { .tags_known = src->tags_known,
						       .tags_ms = src->tags_ms,
						       .own_acl = src->own_acl };
	int r = str_dup(src->version_id, &m.version_id);

	if (!r)
		r = str_dup(src->storage_class, &m.storage_class);
	if (!r)
		r = meta_rec_set_sse(&m, src->sse, src->sse_key);
	if (!r)
		r = kv_copy(&m.meta, &src->meta);
	if (!r)
		r = kv_copy(&m.sys, &src->sys);
	if (!r)
		r = kv_copy(&m.tags, &src->tags);
	if (r)
		return r;
	meta_rec_free(dst);
	*dst = m;
	memset(&m, 0, sizeof(m));
	return 0;
}

int meta_rec_set_sse(struct meta_rec *m, const char *sse, const char *key)
{
	auto_free char *new_sse = NULL, *new_key = NULL;
	int r = str_dup(sse, &new_sse);

	if (!r)
		r = str_dup(key, &new_key);
	if (r)
		return r;
	free(m->sse);
	free(m->sse_key);
	m->sse = take_ptr(&new_sse);
	m->sse_key = take_ptr(&new_key);
	return 0;
}

static int open_file(const char *path, struct db **ret_db, char *why, size_t why_len)
{
	struct db_conf conf = { .path = path, .sync = DB_SYNC_OFF, .busy_ms = 1000 };
	struct db *db = NULL;
	int r = db_open(&conf, &db, why, why_len);

	if (r)
		return r;
	db_lock(db);
	/* meta1: before there were encryption and ACLs; meta2: with tags, which others change;
	 * meta3: without times. It is a cache: let them go. Nobody else opens it: a lock for each
	 * question, twice a name in a listing, would cost more than the answer. */
	r = db_exec(db, "PRAGMA locking_mode=EXCLUSIVE;"
			"DROP TABLE IF EXISTS meta1; DROP TABLE IF EXISTS meta2;"
			"DROP TABLE IF EXISTS meta3;"
			"CREATE TABLE IF NOT EXISTS " TABLE " (key TEXT PRIMARY KEY, etag TEXT NOT "
			"NULL, mtime_ms INTEGER NOT NULL, about INTEGER NOT NULL, used INTEGER NOT "
			"NULL, version TEXT, class TEXT, sse TEXT, sse_key TEXT, own_acl INTEGER "
			"NOT NULL, meta TEXT NOT NULL, sys TEXT NOT NULL) WITHOUT ROWID;"
			"CREATE INDEX IF NOT EXISTS " TABLE "_used ON " TABLE " (used)");
	if (!r)
		r = db_exec(db, "SELECT key, etag, mtime_ms, about, used, " COLUMNS " FROM " TABLE
				" LIMIT 1");
	if (r)
		snprintf(why, why_len, "%s", db_why(db));
	db_unlock(db);
	if (r) {
		db_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

/* Damage is told once. Nothing is asked of the file any more, and it is set aside at the end. */
static int note_locked(struct metadb *m, int r)
{
	if (r == -EUCLEAN && !m->damaged) {
		m->damaged = true;
		db_leave_log(m->db, true);
		log_warn("file=%s why=\"%s\" action=\"not used any more; it is a cache, and made "
			 "anew by the next mount\"",
			 m->path, db_why(m->db));
	}
	return r;
}

/* The last one that was damaged is kept, for a person who wonders. */
static void set_aside(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < array_size(endings); i++) {
		auto_free char *name = NULL, *kept = NULL;

		if (str_format(&name, "%s%s", path, endings[i]))
			continue;
		if (*endings[i] || str_format(&kept, "%s.damaged", path) || rename(name, kept))
			unlink(name);
	}
}

int metadb_open(const char *dir, uint64_t max_bytes, struct metadb **ret_m, char *why,
		size_t why_len)
{
	auto_free char *path = NULL;
	struct metadb *m = calloc(1, sizeof(*m));
	int r = m ? str_format(&path, "%s/meta.db", dir) : -ENOMEM;

	if (!r)
		r = open_file(path, &m->db, why, why_len);
	if (r == -EUCLEAN || r == -EIO || r == -EACCES) {
		log_warn("file=%s why=\"%s\" action=\"set aside as %s.damaged and made anew; it is "
			 "a cache\"",
			 path, why, path);
		set_aside(path);
		r = open_file(path, &m->db, why, why_len);
	}
	if (r) {
		free(m);
		return r;
	}
	m->path = take_ptr(&path);
	m->max_bytes = max_bytes;
	*ret_m = m;
	return 0;
}

static int end_batch(struct metadb *m)
{
	int r = m->batched ? db_commit(m->db) : 0;

	if (r)
		db_rollback(m->db);
	m->batched = 0;
	return r;
}

void metadb_close(struct metadb *m)
{
	if (!m)
		return;
	db_lock(m->db);
	if (!m->damaged && end_batch(m))
		log_debug("file=meta.db op=close");
	db_unlock(m->db);
	db_close(m->db);
	if (m->damaged)
		set_aside(m->path);
	free(m->path);
	free(m);
}

static int read_kv(struct db_stmt *s, int i, struct kv *ret_kv)
{
	const char *text = db_col_text(s, i);

	return text ? json_to_kv(text, ret_kv) : -EINVAL;
}

static int read_row(struct db_stmt *s, struct meta_rec *ret_r)
{
	auto_with(meta_rec_free) struct meta_rec m = { 0 };
	int r = str_dup(db_col_text(s, 0), &m.version_id);

	if (!r)
		r = str_dup(db_col_text(s, 1), &m.storage_class);
	if (!r)
		r = meta_rec_set_sse(&m, db_col_text(s, 2), db_col_text(s, 3));
	m.own_acl = db_col_i64(s, 4) != 0;
	if (!r)
		r = read_kv(s, 5, &m.meta);
	if (!r)
		r = read_kv(s, 6, &m.sys);
	if (r)
		return r;
	meta_rec_free(ret_r);
	*ret_r = m;
	memset(&m, 0, sizeof(m));
	return 0;
}

static int64_t today(void)
{
	return clock_wall_ms() / DAY_MS;
}

static void note_used(struct metadb *m, const char *key)
{
	struct db_stmt *s = NULL;

	if (db_prepare(m->db, "UPDATE " TABLE " SET used = ? WHERE key = ?", &s))
		return;
	db_bind_i64(s, 1, today());
	db_bind_text(s, 2, key);
	if (db_run(s))
		log_debug("file=meta.db op=use");
}

static int get_row(struct metadb *m, const char *key, const struct meta_of *of,
		   struct meta_rec *ret_r)
{
	struct meta_of seen = { .etag = of->etag };
	struct db_stmt *s = NULL;
	bool old = false;
	int r = db_prepare(m->db,
			   "SELECT " COLUMNS ", mtime_ms, about, used FROM " TABLE
			   " WHERE key = ? AND etag = ?",
			   &s);

	if (r)
		return r;
	db_bind_text(s, 1, key);
	db_bind_text(s, 2, of->etag);
	r = db_step(s);
	r = r == 1 ? 0 : r == 0 ? -ENOENT : r;
	if (!r) {
		seen.mtime_ms = db_col_i64(s, 7);
		seen.about = db_col_i64(s, 8);
		old = db_col_i64(s, 9) < today() - USED_DAYS;
		r = meta_of_fits(&seen, of) ? read_row(s, ret_r) : -ENOENT;
	}
	db_reset(s);
	if (!r && old)
		note_used(m, key);
	return r;
}

int metadb_get(struct metadb *m, const char *key, const struct meta_of *of, struct meta_rec *ret_r)
{
	int r;

	if (!m || !of->etag)
		return -ENOENT;
	db_lock(m->db);
	r = m->damaged ? -ENOENT : note_locked(m, get_row(m, key, of, ret_r));
	db_unlock(m->db);
	return r == -ENOMEM || !r ? r : -ENOENT;
}

#define VALUES                                                                                     \
	" INTO " TABLE " (key, etag, mtime_ms, about, used, " COLUMNS ")"                          \
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

static int write_row(struct metadb *m, const char *sql, const char *key, const struct meta_of *of,
		     const struct meta_rec *r, const char *const *json)
{
	struct db_stmt *s = NULL;
	int err = db_prepare(m->db, sql, &s);

	if (err)
		return err;
	db_bind_text(s, 1, key);
	db_bind_text(s, 2, of->etag);
	db_bind_i64(s, 3, of->mtime_ms);
	db_bind_i64(s, 4, of->about);
	db_bind_i64(s, 5, today());
	db_bind_text(s, 6, r->version_id);
	db_bind_text(s, 7, r->storage_class);
	db_bind_text(s, 8, r->sse);
	db_bind_text(s, 9, r->sse_key);
	db_bind_i64(s, 10, r->own_acl);
	db_bind_text(s, 11, json[0]);
	db_bind_text(s, 12, json[1]);
	return db_run(s);
}

static int put_row(struct metadb *m, const char *key, const struct meta_of *of,
		   const struct meta_rec *r, const char *const *json)
{
	int err = m->batched ? 0 : db_begin(m->db);
	bool taken = false;

	if (!err)
		err = write_row(m, "INSERT OR IGNORE" VALUES, key, of, r, json);
	taken = !err && !db_changes(m->db);
	if (taken)
		err = write_row(m, "REPLACE" VALUES, key, of, r, json);
	m->batched++;
	if (err) {
		db_rollback(m->db);
		m->batched = 0;
	} else if (taken || m->batched >= BATCH) {
		err = end_batch(m);
	}
	return err;
}

static int64_t number(struct metadb *m, const char *sql)
{
	struct db_stmt *s = NULL;
	int64_t v = 0;

	if (db_prepare(m->db, sql, &s))
		return 0;
	if (db_step(s) == 1)
		v = db_col_i64(s, 0);
	db_reset(s);
	return v;
}

/* The pages that hold something. */
static uint64_t bytes_used(struct metadb *m)
{
	int64_t pages = number(m, "PRAGMA page_count") - number(m, "PRAGMA freelist_count");

	return (uint64_t)(pages * number(m, "PRAGMA page_size"));
}

/* Some of the rows that were not used for longest: all when it is too big, else those of long ago.
 * */
static void prune(struct metadb *m)
{
	bool full = bytes_used(m) > m->max_bytes;
	struct db_stmt *s = NULL;

	if (db_prepare(m->db,
		       "DELETE FROM " TABLE " WHERE key IN (SELECT key FROM " TABLE
		       " WHERE used < ? ORDER BY used LIMIT ?)",
		       &s))
		return;
	db_bind_i64(s, 1, full ? INT64_MAX : today() - KEEP_DAYS);
	db_bind_i64(s, 2, PRUNE_ROWS);
	if (db_run(s))
		log_debug("file=meta.db op=prune");
}

void metadb_put(struct metadb *m, const char *key, const struct meta_of *of,
		const struct meta_rec *r)
{
	const struct kv *kvs[] = { &r->meta, &r->sys };
	struct buf b[2];
	const char *json[2];
	char why[64];
	int err = 0;

	if (!m || !of->etag)
		return;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&b[i], BUF_LIMIT_SMALL);
		if (!err)
			err = json_from_kv(kvs[i], &b[i]);
		json[i] = buf_str(&b[i]);
	}
	if (!err) {
		db_lock(m->db);
		err = m->damaged ? 0 : note_locked(m, put_row(m, key, of, r, json));
		if (++m->puts % PRUNE_EVERY == 0 && !m->damaged)
			prune(m);
		db_unlock(m->db);
	}
	if (err)
		log_debug("file=meta.db op=put why=\"%s\"", errno_text(err, why, sizeof(why)));
	for (size_t i = 0; i < 2; i++)
		buf_free(&b[i]);
}

static void delete (struct metadb *m, const char *sql, const char *key, const char *end)
{
	struct db_stmt *s = NULL;
	int r;

	if (!m)
		return;
	db_lock(m->db);
	r = m->damaged ? 0 : db_prepare(m->db, sql, &s);
	if (s) {
		db_bind_text(s, 1, key);
		if (end)
			db_bind_text(s, 2, end);
		r = db_run(s);
		if (!r)
			r = end_batch(m);
	}
	note_locked(m, r);
	db_unlock(m->db);
	if (r)
		log_debug("file=meta.db op=del");
}

void metadb_del(struct metadb *m, const char *key)
{
	delete (m, "DELETE FROM " TABLE " WHERE key = ?", key, NULL);
}

void metadb_del_below(struct metadb *m, const char *prefix)
{
	auto_free char *end = NULL;

	/* Keys are UTF-8: none has the byte 0xff. */
	if (!str_format(&end, "%s\xff", prefix))
		delete (m, "DELETE FROM " TABLE " WHERE key >= ? AND key < ?", prefix, end);
}

void metadb_forget(void *m, const char *key)
{
	metadb_del(m, key);
}
