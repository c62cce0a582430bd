/* Rows of buckets and versions. Every function here needs db_lock. */
#include "s3d.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                    \
	"seq, key, vid, latest, marker, size, etag, mtime, file, meta, tags, acl, owner,"          \
	" class, parts, csum, lock_mode, lock_until, hold"

int bucket_find(const char *name, struct bucket *ret)
{
	sqlite3_stmt *st = db_query("SELECT region, owner, versioning, object_lock, created"
				    " FROM buckets WHERE name=?",
				    "s", name);
	int rc = -ENOENT;

	if (sqlite3_step(st) == SQLITE_ROW) {
		*ret = (struct bucket){ 0 };
		snprintf(ret->name, sizeof(ret->name), "%s", name);
		snprintf(ret->region, sizeof(ret->region), "%s",
			 (const char *)sqlite3_column_text(st, 0));
		snprintf(ret->owner, sizeof(ret->owner), "%s",
			 (const char *)sqlite3_column_text(st, 1));
		ret->versioning = (enum versioning)sqlite3_column_int(st, 2);
		ret->object_lock = sqlite3_column_int(st, 3);
		ret->created = sqlite3_column_int64(st, 4);
		if (settings_lacks(name) & LACK_VERSIONING)
			ret->versioning = VERSIONING_NEVER;
		if (settings_lacks(name) & LACK_LOCK)
			ret->object_lock = false;
		rc = 0;
	}
	db_done(st);
	return rc;
}

int bucket_insert(const struct bucket *b)
{
	return db_run("INSERT INTO buckets(name, region, owner, versioning, object_lock, created)"
		      " VALUES(?,?,?,?,?,?)",
		      "sssiii", b->name, b->region, b->owner, (int64_t)b->versioning,
		      (int64_t)b->object_lock, b->created);
}

char *bucket_conf_get(const char *bucket, const char *kind)
{
	sqlite3_stmt *st =
		db_query("SELECT body FROM conf WHERE bucket=? AND kind=?", "ss", bucket, kind);
	char *body = sqlite3_step(st) == SQLITE_ROW ? db_text(st, 0) : NULL;

	db_done(st);
	return body;
}

int bucket_conf_put(const char *bucket, const char *kind, const char *body)
{
	if (!body)
		return db_run("DELETE FROM conf WHERE bucket=? AND kind=?", "ss", bucket, kind);
	return db_run("INSERT OR REPLACE INTO conf(bucket, kind, body) VALUES(?,?,?)", "sss",
		      bucket, kind, body);
}

/* The row must have the columns of COLUMNS, in order. */
void ver_from_row(sqlite3_stmt *st, struct ver *v)
{
	*v = (struct ver){
		.seq = sqlite3_column_int64(st, 0),
		.key = db_text(st, 1),
		.vid = db_text(st, 2),
		.latest = sqlite3_column_int(st, 3),
		.marker = sqlite3_column_int(st, 4),
		.size = sqlite3_column_int64(st, 5),
		.etag = db_text(st, 6),
		.mtime = sqlite3_column_int64(st, 7),
		.file = db_text(st, 8),
		.meta = db_text(st, 9),
		.tags = db_text(st, 10),
		.acl = db_text(st, 11),
		.owner = db_text(st, 12),
		.class = db_text(st, 13),
		.parts = db_text(st, 14),
		.csum = db_text(st, 15),
		.lock_mode = db_text(st, 16),
		.lock_until = sqlite3_column_int64(st, 17),
		.hold = sqlite3_column_int(st, 18),
	};
}

int ver_find(const char *bucket, const char *key, const char *vid, struct ver *ret)
{
	sqlite3_stmt *st;
	int rc = -ENOENT;

	if (vid)
		st = db_query("SELECT " COLUMNS " FROM versions WHERE bucket=? AND key=?"
			      " AND vid=?",
			      "sss", bucket, key, vid);
	else
		st = db_query("SELECT " COLUMNS " FROM versions INDEXED BY v_order WHERE bucket=?"
			      " AND key=? ORDER BY seq DESC LIMIT 1",
			      "ss", bucket, key);
	if (sqlite3_step(st) == SQLITE_ROW) {
		ver_from_row(st, ret);
		rc = 0;
	}
	db_done(st);
	return rc;
}

/* The version with this id makes room for another. */
static int displace(const char *bucket, const char *key, const char *vid, char **ret_old_file)
{
	struct ver old;

	if (ver_find(bucket, key, vid, &old))
		return 0;
	*ret_old_file = x_strdup(old.file);
	int rc = db_run("DELETE FROM versions WHERE seq=?", "i", old.seq);
	ver_free(&old);
	return rc;
}

/* The newest of a key is its latest. */
static int set_latest(const char *bucket, const char *key)
{
	int rc = db_run("UPDATE versions INDEXED BY v_current SET latest=0 WHERE bucket=?"
			" AND key=? AND latest=1",
			"ss", bucket, key);

	return rc ? rc
		  : db_run("UPDATE versions SET latest=1 WHERE seq=(SELECT seq FROM versions"
			   " WHERE bucket=? AND key=? ORDER BY seq DESC LIMIT 1)",
			   "ss", bucket, key);
}

/* MinIO's order is that of the times: the nanosecond, or the next that no other version has. */
static int64_t free_seq(int64_t seq)
{
	for (bool taken = true; taken; seq += taken) {
		sqlite3_stmt *st = db_query("SELECT 1 FROM versions WHERE seq=?", "i", seq);
		taken = sqlite3_step(st) == SQLITE_ROW;
		db_done(st);
	}
	return seq;
}

/*
 * Makes v a version of its key, the newest unless it says another time. Its id is what it says,
 * else by the rules of the bucket's versioning state: a new one when enabled, otherwise "null".
 * It replaces an older version of this id.
 * Call inside a transaction; unlink *ret_old_file after the commit.
 */
int ver_insert(const struct bucket *b, struct ver *v, char **ret_old_file)
{
	char id[37];

	*ret_old_file = NULL;
	if (!v->vid && b->versioning == VERSIONING_ENABLED) {
		if (conf.minio)
			uuid_make(id);
		else
			random_id(id);
		v->vid = x_strdup(id);
	} else {
		if (!v->vid)
			v->vid = x_strdup("null");
		int rc = displace(b->name, v->key, v->vid, ret_old_file);
		if (rc)
			return rc;
	}
	if (conf.minio)
		v->seq = free_seq(v->seq ? v->seq : v->mtime * 1000000);
	int rc = db_run("INSERT INTO versions(seq, bucket, key, vid, latest, marker, size, etag,"
			" mtime, file, meta, tags, acl, owner, class, parts, csum, lock_mode,"
			" lock_until, hold)"
			" VALUES(NULLIF(?,0),?,?,?,0,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			"isssiisi"
			"sssssssss"
			"ii",
			v->seq, b->name, v->key, v->vid, (int64_t)v->marker, v->size, v->etag,
			v->mtime, v->file, v->meta, v->tags, v->acl, v->owner, v->class, v->parts,
			v->csum, v->lock_mode, v->lock_until, (int64_t)v->hold);
	return rc ? rc : set_latest(b->name, v->key);
}

/* Removes one version for good; the next one in age becomes the latest. */
int ver_remove(const char *bucket, const struct ver *v)
{
	int rc = db_run("DELETE FROM versions WHERE seq=?", "i", v->seq);

	return rc || !v->latest ? rc : set_latest(bucket, v->key);
}

void ver_free(struct ver *v)
{
	free(v->key);
	free(v->vid);
	free(v->etag);
	free(v->file);
	free(v->meta);
	free(v->tags);
	free(v->acl);
	free(v->owner);
	free(v->class);
	free(v->parts);
	free(v->csum);
	free(v->lock_mode);
	*v = (struct ver){ 0 };
}
