/*
 * The index: one SQLite connection behind one lock, statements kept prepared. Bodies are files
 * named by a random id under DIR/data/XX/, made complete before a row names them; see data.c for
 * the small ones.
 */
#include "s3d.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_STATEMENTS 160

static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;"
	"PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456;"
	"CREATE TABLE IF NOT EXISTS buckets(name TEXT PRIMARY KEY, region TEXT, owner TEXT,"
	" versioning INTEGER, object_lock INTEGER, created INTEGER) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS conf(bucket TEXT, kind TEXT, body TEXT,"
	" PRIMARY KEY(bucket, kind)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS versions(seq INTEGER PRIMARY KEY, bucket TEXT, key TEXT,"
	" vid TEXT, latest INTEGER, marker INTEGER, size INTEGER, etag TEXT, mtime INTEGER,"
	" file TEXT, meta TEXT, tags TEXT, acl TEXT, owner TEXT, class TEXT, parts TEXT,"
	" csum TEXT, lock_mode TEXT, lock_until INTEGER, hold INTEGER);"
	"CREATE UNIQUE INDEX IF NOT EXISTS v_id ON versions(bucket, key, vid);"
	"CREATE INDEX IF NOT EXISTS v_order ON versions(bucket, key, seq DESC);"
	"CREATE INDEX IF NOT EXISTS v_current ON versions(bucket, key) WHERE latest=1;"
	"CREATE TABLE IF NOT EXISTS uploads(id TEXT PRIMARY KEY, bucket TEXT, key TEXT,"
	" created INTEGER, owner TEXT, initiator TEXT, meta TEXT, tags TEXT, acl TEXT,"
	" class TEXT, csum TEXT, lock_mode TEXT, lock_until INTEGER, hold INTEGER,"
	" vid TEXT, etag TEXT, busy INTEGER) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS u_key ON uploads(bucket, key, created, id);"
	"CREATE TABLE IF NOT EXISTS parts(upload TEXT, num INTEGER, etag TEXT, size INTEGER,"
	" mtime INTEGER, file TEXT, csum TEXT, PRIMARY KEY(upload, num)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS small(id INTEGER PRIMARY KEY, body BLOB);"
	"UPDATE uploads SET busy=0 WHERE busy;";

static struct {
	char *dir;
	sqlite3 *db;
	pthread_mutex_t mutex;
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} cache[MAX_STATEMENTS];
	size_t ncached;
} store = { .mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP };

void db_lock(void)
{
	pthread_mutex_lock(&store.mutex);
}

void db_unlock(void)
{
	pthread_mutex_unlock(&store.mutex);
}

/* sql must live for ever (a literal): statements are cached by its address. */
static sqlite3_stmt *prepare(const char *sql)
{
	for (size_t i = 0; i < store.ncached; i++)
		if (store.cache[i].sql == sql)
			return store.cache[i].st;
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v3(store.db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL)) {
		fprintf(stderr, "s3d: %s: %s\n", sqlite3_errmsg(store.db), sql);
		abort();
	}
	if (store.ncached == MAX_STATEMENTS)
		abort();
	store.cache[store.ncached].sql = sql;
	store.cache[store.ncached++].st = st;
	return st;
}

static sqlite3_stmt *query_v(const char *sql, const char *fmt, va_list ap)
{
	sqlite3_stmt *st = prepare(sql);
	int i = 1;

	for (; *fmt; fmt++, i++) {
		if (*fmt == 'i') {
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else if (*fmt == 'z') {
			const char *s = va_arg(ap, const char *);
			sqlite3_bind_text(st, i, s, (int)va_arg(ap, size_t), SQLITE_STATIC);
		} else if (*fmt == 'b') {
			const void *p = va_arg(ap, const void *);
			sqlite3_bind_blob(st, i, p, (int)va_arg(ap, size_t), SQLITE_STATIC);
		} else {
			sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		}
	}
	return st;
}

sqlite3_stmt *db_query(const char *sql, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sqlite3_stmt *st = query_v(sql, fmt, ap);
	va_end(ap);
	return st;
}

void db_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int db_run(const char *sql, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sqlite3_stmt *st = query_v(sql, fmt, ap);
	va_end(ap);
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		;
	if (rc != SQLITE_DONE)
		fprintf(stderr, "s3d: %s: %s\n", sqlite3_errmsg(store.db), sql);
	db_done(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int db_begin(void)
{
	return db_run("BEGIN IMMEDIATE", "");
}

int db_commit(void)
{
	return db_run("COMMIT", "");
}

void db_rollback(void)
{
	db_run("ROLLBACK", "");
}

char *db_text(sqlite3_stmt *st, int col)
{
	return x_strdup((const char *)sqlite3_column_text(st, col));
}

char *data_path(const char *file)
{
	return x_asprintf("%s/data/%.2s/%s", store.dir, file, file);
}

char *tmp_path(const char *file)
{
	return x_asprintf("%s/tmp/%s", store.dir, file);
}

int64_t db_last_id(void)
{
	return sqlite3_last_insert_rowid(store.db);
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static void empty_tmp(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static int make_tree(const char *dir)
{
	char *path = x_asprintf("%s/data", dir);
	int rc = make_dir(dir);

	if (!rc)
		rc = make_dir(path);
	free(path);
	for (int i = 0; !rc && i < 256; i++) {
		path = x_asprintf("%s/data/%02x", dir, (unsigned)i);
		rc = make_dir(path);
		free(path);
	}
	path = x_asprintf("%s/tmp", dir);
	if (!rc)
		rc = make_dir(path);
	if (!rc)
		empty_tmp(path);
	free(path);
	return rc;
}

int store_open(const char *dir)
{
	int rc = make_tree(dir);

	if (rc)
		return rc;
	store.dir = x_strdup(dir);
	char *path = x_asprintf("%s/s3d.db", dir);
	if (sqlite3_open_v2(path, &store.db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL)) {
		free(path);
		return -EIO;
	}
	free(path);
	sqlite3_busy_timeout(store.db, 2000);
	char *why = NULL;
	if (sqlite3_exec(store.db, schema, NULL, NULL, &why)) {
		fprintf(stderr, "s3d: %s\n", why);
		sqlite3_free(why);
		return -EIO;
	}
	return 0;
}

void store_close(void)
{
	for (size_t i = 0; i < store.ncached; i++)
		sqlite3_finalize(store.cache[i].st);
	sqlite3_close(store.db);
	free(store.dir);
}
