/*
 * db.h - SQLite with the house's error convention; the only file pair that knows SQLite.
 * A db is one connection with its own lock: callers take it with db_lock around a run of
 * statements.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include "base/base.h"
#include "base/lock.h"

struct db;
struct db_stmt;

enum db_sync {
	DB_SYNC_FULL,	/* a committed transaction survives power loss */
	DB_SYNC_NORMAL, /* never damaged; power loss may undo the last transactions */
	DB_SYNC_OFF,	/* a cache that may be thrown away */
};

struct db_conf {
	const char *path;
	enum db_sync sync;
	bool read_only;
	bool salvage; /* nothing is asked of the file: it is damaged, and read as far as it goes */
	int busy_ms;  /* how long to wait for another process's lock */
};

/*
 * WAL mode, foreign keys on, file mode 0600; the last name of path may not be a symbolic link
 * (-ELOOP), and a file that its owner made read-only stays so (-EACCES). -EUCLEAN when it is no
 * database or its schema cannot be read (pages are not all checked); on any failure there are words
 * in why, and file and log are as they were.
 */
int db_open(const struct db_conf *conf, struct db **ret_db, char *why, size_t why_len) must_check;
/*
 * Finalises all cached statements; NULL is fine. The last one to close a file empties its log into
 * it and removes the log, unless db_leave_log said so.
 */
void db_close(struct db *db);

void db_lock(struct db *db);
void db_unlock(struct db *db);

/*
 * All below need the lock. Errors: -ENOSPC (disk full), -EROFS, -EBUSY, -EEXIST (constraint),
 * -EACCES, -ENOMEM, -EUCLEAN (a page makes no sense), -EIO; db_why() has SQLite's words.
 */
int db_exec(struct db *db, const char *sql) must_check;
/* Of the transactions to come; not within one. */
int db_set_sync(struct db *db, enum db_sync sync) must_check;
/* A statement cached by the address of sql (pass string literals); reset and unbound. Borrowed. */
int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_s) must_check;
void db_bind_i64(struct db_stmt *s, int i, int64_t v);	    /* i from 1 */
void db_bind_text(struct db_stmt *s, int i, const char *v); /* copied; NULL binds NULL */
void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n);
void db_bind_null(struct db_stmt *s, int i);
/* 1 = a row, 0 = done, or -errno (a failed bind shows here). After 0 or an error s is reset. */
int db_step(struct db_stmt *s) must_check;
/* Parameter i is what column `column` of the row of `from` is, with its type. */
void db_bind_column(struct db_stmt *s, int i, struct db_stmt *from, int column);
/* step to the end, rows ignored. */
int db_run(struct db_stmt *s) must_check;
/* Ends the use of s early (after the last row needed); harmless to call twice. */
void db_reset(struct db_stmt *s);
int64_t db_col_i64(struct db_stmt *s, int i);	   /* i from 0 */
const char *db_col_text(struct db_stmt *s, int i); /* borrowed until the next step, or NULL */
bool db_col_is_null(struct db_stmt *s, int i);
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);
int db_begin(struct db *db) must_check; /* BEGIN IMMEDIATE */
int db_commit(struct db *db) must_check;
/* Harmless without a transaction; leaves db_why alone. */
void db_rollback(struct db *db);
const char *db_why(struct db *db); /* borrowed, valid while the lock is held */
/* Closing it touches neither file nor log: the file may be damaged. */
void db_leave_log(struct db *db, bool leave);
/* Was the file removed or replaced since it was opened? What is written then goes nowhere. */
bool db_has_moved(struct db *db);

#endif
