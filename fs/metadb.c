/* metadb.c - user metadata by (key, ETag), kept across mounts. One row per key: another ETag
 * replaces it. See metadb.h. */
#include "fs/metadb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "base/json.h"
#include "base/log.h"

#define COLUMNS "version, class, sse, sse_key, own_acl, meta, sys"

struct metadb {
	struct db *db; /* has its own lock */
};

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
	/* meta1: before there were encryption and ACLs; meta2: with tags, which others change. It
	 * is a cache: let them go. */
	r = db_exec(db,
		    "DROP TABLE IF EXISTS meta1; DROP TABLE IF EXISTS meta2;"
		    "CREATE TABLE IF NOT EXISTS meta3 (key TEXT PRIMARY KEY, etag TEXT NOT "
		    "NULL, version TEXT, class TEXT, sse TEXT, sse_key TEXT, own_acl INTEGER "
		    "NOT NULL, meta TEXT NOT NULL, sys TEXT NOT NULL) WITHOUT ROWID");
	if (!r)
		r = db_exec(db, "SELECT key, etag, " COLUMNS " FROM meta3 LIMIT 1");
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

static void remove_files(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < array_size(endings); i++) {
		auto_free char *name = NULL;

		if (!str_format(&name, "%s%s", path, endings[i]))
			unlink(name);
	}
}

int metadb_open(const char *dir, struct metadb **ret_m, char *why, size_t why_len)
{
	auto_free char *path = NULL;
	struct metadb *m = calloc(1, sizeof(*m));
	int r = m ? str_format(&path, "%s/meta.db", dir) : -ENOMEM;

	if (!r)
		r = open_file(path, &m->db, why, why_len);
	if (r == -EIO) {
		log_warn("file=%s why=\"%s\" remedy=\"made anew; it is a cache\"", path, why);
		remove_files(path);
		r = open_file(path, &m->db, why, why_len);
	}
	if (r) {
		free(m);
		return r;
	}
	*ret_m = m;
	return 0;
}

void metadb_close(struct metadb *m)
{
	if (!m)
		return;
	db_close(m->db);
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

int metadb_get(struct metadb *m, const char *key, const char *etag, struct meta_rec *ret_r)
{
	struct db_stmt *s = NULL;
	int r;

	if (!m || !etag)
		return -ENOENT;
	db_lock(m->db);
	r = db_prepare(m->db, "SELECT " COLUMNS " FROM meta3 WHERE key = ? AND etag = ?", &s);
	if (!r) {
		db_bind_text(s, 1, key);
		db_bind_text(s, 2, etag);
		r = db_step(s);
		r = r == 1 ? read_row(s, ret_r) : -ENOENT;
		db_reset(s);
	}
	db_unlock(m->db);
	return r == -ENOMEM || !r ? r : -ENOENT;
}

static int write_row(struct metadb *m, const char *key, const char *etag, const struct meta_rec *r,
		     const char *const *json)
{
	struct db_stmt *s = NULL;
	int err = db_prepare(m->db,
			     "INSERT OR REPLACE INTO meta3 (key, etag, " COLUMNS ")"
			     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     &s);

	if (err)
		return err;
	db_bind_text(s, 1, key);
	db_bind_text(s, 2, etag);
	db_bind_text(s, 3, r->version_id);
	db_bind_text(s, 4, r->storage_class);
	db_bind_text(s, 5, r->sse);
	db_bind_text(s, 6, r->sse_key);
	db_bind_i64(s, 7, r->own_acl);
	db_bind_text(s, 8, json[0]);
	db_bind_text(s, 9, json[1]);
	return db_run(s);
}

void metadb_put(struct metadb *m, const char *key, const char *etag, const struct meta_rec *r)
{
	const struct kv *kvs[] = { &r->meta, &r->sys };
	struct buf b[2];
	const char *json[2];
	char why[64];
	int err = 0;

	if (!m || !etag)
		return;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&b[i], BUF_LIMIT_SMALL);
		if (!err)
			err = json_from_kv(kvs[i], &b[i]);
		json[i] = buf_str(&b[i]);
	}
	if (!err) {
		db_lock(m->db);
		err = write_row(m, key, etag, r, json);
		db_unlock(m->db);
	}
	if (err)
		log_debug("file=meta.db op=put why=\"%s\"", errno_text(err, why, sizeof(why)));
	for (size_t i = 0; i < 2; i++)
		buf_free(&b[i]);
}

void metadb_del(struct metadb *m, const char *key)
{
	struct db_stmt *s = NULL;
	int r;

	if (!m)
		return;
	db_lock(m->db);
	r = db_prepare(m->db, "DELETE FROM meta3 WHERE key = ?", &s);
	if (!r) {
		db_bind_text(s, 1, key);
		r = db_run(s);
	}
	db_unlock(m->db);
	if (r)
		log_debug("file=meta.db op=del");
}
