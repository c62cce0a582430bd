#include "base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/io.h"

struct db_stmt {
	struct db_stmt *next;
	struct db *db;
	const char *sql; /* its address is the key */
	sqlite3_stmt *stmt;
	int bind_error; /* the first SQLite code of a failed bind; told by db_step */
};

struct db {
	sqlite3 *handle; /* fixed */
	struct {
		struct lock l;
		struct db_stmt *stmts;
		enum db_sync sync;
		char why[256];
	} locked;
};

static int system_error(sqlite3 *handle, int otherwise)
{
	int e = sqlite3_system_errno(handle);

	if (e == ENOSPC || e == EDQUOT)
		return -ENOSPC;
	return e == EROFS ? -EROFS : otherwise;
}

/* SQLite's result code as ours. */
static int to_errno(sqlite3 *handle, int code)
{
	if (code == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (code & 0xff) {
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_PERM:
	case SQLITE_AUTH: return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return system_error(handle, -EIO);
	default: return -EIO;
	}
}

/* Keeps SQLite's words for db_why, as the next call into SQLite overwrites them. */
static int fail_locked(struct db *db, int code)
{
	lock_assert_held(&db->locked.l);
	snprintf(db->locked.why, sizeof(db->locked.why), "%s (sqlite code %d)",
		 code == SQLITE_MISUSE ? sqlite3_errstr(code) : sqlite3_errmsg(db->handle), code);
	return to_errno(db->handle, code);
}

/*
 * Path with the symbolic links of its folder resolved, so that SQLITE_OPEN_NOFOLLOW minds the last
 * name only.
 */
static int resolve(const char *path, char **ret_path, char **ret_dir)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	auto_free char *folder = NULL;
	auto_free char *dir = NULL;
	int r = 0;

	if (*name == '\0')
		return -EISDIR;
	folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!folder)
		return -ENOMEM;
	dir = realpath(folder, NULL);
	if (!dir)
		return -errno;
	r = str_format(ret_path, "%s/%s", dir, name);
	if (r == 0)
		*ret_dir = take_ptr(&dir);
	return r;
}

/*
 * Creates the file, or makes sure of the one that is there. It must not be opened and closed here
 * when it exists: that would drop the locks which another connection of this process has on it
 * (fcntl(2)).
 */
static int secure_file(const char *path, const char *dir, bool read_only)
{
	auto_close int fd = -1;
	struct stat st;

	if (!read_only) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fchmod(fd, 0600) < 0 ? -errno : io_fsync_dir(dir);
		if (errno != EEXIST)
			return -errno;
	}
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* root could write it all the same: somebody meant it. */
	if (!read_only && !(st.st_mode & S_IWUSR))
		return -EACCES;
	if (!read_only && (st.st_mode & 0777) != 0600 && chmod(path, 0600) < 0)
		return -errno;
	return 0;
}

/* Runs a pragma and compares the text of its one result. */
static int expect_locked(struct db *db, const char *sql, const char *want)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	int r = 0;

	lock_assert_held(&db->locked.l);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_ROW) {
		r = fail_locked(db, code);
	} else if (want && strcmp((const char *)sqlite3_column_text(stmt, 0), want) != 0) {
		snprintf(db->locked.why, sizeof(db->locked.why), "%s is refused", sql);
		r = -EIO;
	}
	sqlite3_finalize(stmt);
	return r;
}

static int set_sync_locked(struct db *db, enum db_sync sync)
{
	static const char *const pragmas[] = {
		[DB_SYNC_FULL] = "PRAGMA synchronous=FULL",
		[DB_SYNC_NORMAL] = "PRAGMA synchronous=NORMAL",
		[DB_SYNC_OFF] = "PRAGMA synchronous=OFF",
	};
	int r = db_exec(db, pragmas[sync]);

	if (r == 0)
		db->locked.sync = sync;
	return r;
}

int db_set_sync(struct db *db, enum db_sync sync)
{
	lock_assert_held(&db->locked.l);
	return db->locked.sync == sync ? 0 : set_sync_locked(db, sync);
}

static int set_up_locked(struct db *db, const struct db_conf *conf)
{
	int r;

	lock_assert_held(&db->locked.l);
	/* The schema is read first: a file that is no database must not be touched. */
	r = expect_locked(db, "SELECT count(*) FROM sqlite_schema", NULL);
	if (r == 0 && !conf->read_only)
		r = expect_locked(db, "PRAGMA journal_mode=WAL", "wal");
	if (r == 0)
		r = set_sync_locked(db, conf->sync);
	if (r == 0)
		r = db_exec(db, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF");
	return r;
}

static int connect(struct db *db, const struct db_conf *conf, const char *path)
{
	int flags = conf->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	int code, r;

	scoped_lock(&db->locked.l);

	flags |= SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	code = sqlite3_open_v2(path, &db->handle, flags, NULL);
	if (!db->handle)
		return -ENOMEM;
	if (code != SQLITE_OK)
		return fail_locked(db, code);
	sqlite3_busy_timeout(db->handle, conf->busy_ms);
	db_leave_log(db, true);
	if (conf->salvage) /* entries of the schema that make no sense are left out */
		return db_exec(db, "PRAGMA writable_schema=ON; PRAGMA cell_size_check=ON");
	r = set_up_locked(db, conf);
	if (r == 0)
		db_leave_log(db, false);
	return r;
}

int db_open(const struct db_conf *conf, struct db **ret_db, char *why, size_t why_len)
{
	auto_free char *path = NULL;
	auto_free char *dir = NULL;
	struct db *db;
	int r;

	if (why_len > 0)
		why[0] = '\0';
	r = resolve(conf->path, &path, &dir);
	if (r == 0)
		r = secure_file(path, dir, conf->read_only);
	if (r < 0) {
		snprintf(why, why_len, "%s", strerrordesc_np(-r));
		return r;
	}
	db = calloc(1, sizeof(*db));
	if (!db) {
		snprintf(why, why_len, "%s", strerrordesc_np(ENOMEM));
		return -ENOMEM;
	}
	lock_init(&db->locked.l);
	r = connect(db, conf, path);
	if (r < 0) {
		snprintf(why, why_len, "%s",
			 *db->locked.why ? db->locked.why : strerrordesc_np(-r));
		db_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

void db_close(struct db *db)
{
	struct db_stmt *s;

	if (!db)
		return;
	s = db->locked.stmts;
	while (s) {
		struct db_stmt *next = s->next;

		sqlite3_finalize(s->stmt);
		free(s);
		s = next;
	}
	sqlite3_close(db->handle);
	lock_free(&db->locked.l);
	free(db);
}

void db_lock(struct db *db)
{
	lock_take(&db->locked.l);
}

void db_unlock(struct db *db)
{
	lock_drop(&db->locked.l);
}

int db_exec(struct db *db, const char *sql)
{
	int code;

	lock_assert_held(&db->locked.l);
	code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail_locked(db, code);
}

int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_s)
{
	struct db_stmt *s;
	int code;

	lock_assert_held(&db->locked.l);
	for (s = db->locked.stmts; s; s = s->next) {
		if (s->sql == sql) {
			db_reset(s);
			sqlite3_clear_bindings(s->stmt);
			s->bind_error = SQLITE_OK;
			*ret_s = s;
			return 0;
		}
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (code != SQLITE_OK) {
		free(s);
		return fail_locked(db, code);
	}
	s->db = db;
	s->sql = sql;
	s->next = db->locked.stmts;
	db->locked.stmts = s;
	*ret_s = s;
	return 0;
}

static void note_bind(struct db_stmt *s, int code)
{
	if (s->bind_error == SQLITE_OK)
		s->bind_error = code;
}

void db_bind_i64(struct db_stmt *s, int i, int64_t v)
{
	lock_assert_held(&s->db->locked.l);
	note_bind(s, sqlite3_bind_int64(s->stmt, i, v));
}

void db_bind_text(struct db_stmt *s, int i, const char *v)
{
	lock_assert_held(&s->db->locked.l);
	note_bind(s, sqlite3_bind_text(s->stmt, i, v, -1, SQLITE_TRANSIENT));
}

void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
	lock_assert_held(&s->db->locked.l);
	/* A blob of no bytes is not NULL. */
	note_bind(s, sqlite3_bind_blob64(s->stmt, i, p ? p : "", n, SQLITE_TRANSIENT));
}

void db_bind_null(struct db_stmt *s, int i)
{
	lock_assert_held(&s->db->locked.l);
	note_bind(s, sqlite3_bind_null(s->stmt, i));
}

void db_bind_column(struct db_stmt *s, int i, struct db_stmt *from, int column)
{
	lock_assert_held(&s->db->locked.l);
	lock_assert_held(&from->db->locked.l);
	note_bind(s, sqlite3_bind_value(s->stmt, i, sqlite3_column_value(from->stmt, column)));
}

int db_step(struct db_stmt *s)
{
	int code, r;

	lock_assert_held(&s->db->locked.l);
	code = s->bind_error;
	if (code == SQLITE_OK)
		code = sqlite3_step(s->stmt);
	if (code == SQLITE_ROW)
		return 1;
	r = code == SQLITE_DONE ? 0 : fail_locked(s->db, code);
	/* A statement at its end must not keep its read transaction open. */
	sqlite3_reset(s->stmt);
	return r;
}

int db_run(struct db_stmt *s)
{
	int r;

	do {
		r = db_step(s);
	} while (r > 0);
	return r;
}

void db_reset(struct db_stmt *s)
{
	lock_assert_held(&s->db->locked.l);
	sqlite3_reset(s->stmt);
}

int64_t db_col_i64(struct db_stmt *s, int i)
{
	lock_assert_held(&s->db->locked.l);
	return sqlite3_column_int64(s->stmt, i);
}

const char *db_col_text(struct db_stmt *s, int i)
{
	lock_assert_held(&s->db->locked.l);
	return (const char *)sqlite3_column_text(s->stmt, i);
}

bool db_col_is_null(struct db_stmt *s, int i)
{
	lock_assert_held(&s->db->locked.l);
	return sqlite3_column_type(s->stmt, i) == SQLITE_NULL;
}

int64_t db_last_id(struct db *db)
{
	lock_assert_held(&db->locked.l);
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
	lock_assert_held(&db->locked.l);
	return sqlite3_changes64(db->handle);
}

static int run_cached(struct db *db, const char *sql)
{
	struct db_stmt *s;
	int r = db_prepare(db, sql, &s);

	return r < 0 ? r : db_run(s);
}

int db_begin(struct db *db)
{
	return run_cached(db, "BEGIN IMMEDIATE");
}

int db_commit(struct db *db)
{
	return run_cached(db, "COMMIT");
}

void db_rollback(struct db *db)
{
	lock_assert_held(&db->locked.l);
	/* db_why keeps the words of what made the caller roll back. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

const char *db_why(struct db *db)
{
	lock_assert_held(&db->locked.l);
	return db->locked.why;
}

void db_leave_log(struct db *db, bool leave)
{
	lock_assert_held(&db->locked.l);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)leave, NULL);
}

bool db_has_moved(struct db *db)
{
	int moved = 0;

	lock_assert_held(&db->locked.l);
	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved != 0;
}
