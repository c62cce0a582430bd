#include "base/db.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tests/unit/check.h"

static char dir[] = "/tmp/test_db.XXXXXX";
static char path[4096];
static char why[256];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void remove_db(const char *name)
{
	char side[4200];

	unlink(in_dir(name));
	snprintf(side, sizeof(side), "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof(side), "%s-shm", path);
	unlink(side);
}

static struct db *open_db(const char *name, enum db_sync sync)
{
	struct db_conf conf = { .path = in_dir(name), .sync = sync, .busy_ms = 20 };
	struct db *db = NULL;

	if (!CHECK_INT(db_open(&conf, &db, why, sizeof(why)), 0)) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	return db;
}

static int64_t pragma(struct db *db, const char *sql)
{
	struct db_stmt *s;
	int64_t v;

	CHECK_INT(db_prepare(db, sql, &s), 0);
	CHECK_INT(db_step(s), 1);
	v = db_col_i64(s, 0);
	db_reset(s);
	return v;
}

static void test_open(void)
{
	struct stat st = { .st_mode = 0 };
	mode_t mask = umask(0777);
	struct db *db = open_db("new", DB_SYNC_FULL);

	umask(mask);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	db_lock(db);
	CHECK_INT(pragma(db, "PRAGMA synchronous"), 2);
	CHECK_INT(pragma(db, "PRAGMA foreign_keys"), 1);
	CHECK_INT(db_exec(db, "CREATE TABLE t(a)"), 0);
	db_unlock(db);
	db_close(db);
	CHECK_INT(chmod(in_dir("new"), 0644), 0);
	db = open_db("new", DB_SYNC_OFF);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	db_lock(db);
	CHECK_INT(pragma(db, "PRAGMA synchronous"), 0);
	db_unlock(db);
	db_close(db);
	db = open_db("new", DB_SYNC_NORMAL);
	db_lock(db);
	CHECK_INT(pragma(db, "PRAGMA synchronous"), 1);
	db_unlock(db);
	db_close(db);
	db_close(NULL);
	remove_db("new");
}

static int try_open(const char *p, bool read_only)
{
	struct db_conf conf = { .path = p, .read_only = read_only };
	struct db *db = NULL;
	int r = db_open(&conf, &db, why, sizeof(why));

	CHECK(r == 0 || (why[0] != '\0' && db == NULL));
	db_close(db);
	return r;
}

static void test_open_refused(void)
{
	static const char junk[4096] = "This is not a database, whatever its name may say.";
	auto_with(buf_free) struct buf b;
	struct db *db;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(io_replace_file(in_dir("junk"), junk, sizeof(junk), 0600), 0);
	CHECK_INT(try_open(path, false), -EUCLEAN);
	CHECK(strstr(why, "not a database") != NULL);
	CHECK_INT(io_read_file(path, BUF_LIMIT_SMALL, &b), 0);
	CHECK_MEM(b.data, junk, sizeof(junk));
	CHECK_INT(try_open(dir, false), -EINVAL);
	CHECK_INT(try_open(in_dir("no/such"), false), -ENOENT);
	CHECK_INT(try_open(in_dir("none"), true), -ENOENT);
	CHECK_INT(try_open("", false), -EISDIR);
	CHECK_INT(symlink("junk", in_dir("link")), 0);
	CHECK_INT(try_open(path, false), -ELOOP);
	CHECK_INT(symlink("nowhere", in_dir("link2")), 0);
	CHECK_INT(try_open(path, false), -ELOOP);
	/* Links above the last name are fine. */
	CHECK_INT(symlink(dir, in_dir("self")), 0);
	db = open_db("self/linked", DB_SYNC_OFF);
	db_close(db);
	remove_db("linked");
	unlink(in_dir("junk"));
	unlink(in_dir("link"));
	unlink(in_dir("link2"));
	unlink(in_dir("self"));
}

static void test_statements(void)
{
	static const char insert[] = "INSERT INTO t(i, s, b) VALUES(?1, ?2, ?3)";
	static const char select[] = "SELECT i, s, b, length(b) FROM t ORDER BY id";
	struct db *db = open_db("st", DB_SYNC_OFF);
	struct db_stmt *s, *again;

	db_lock(db);
	CHECK_INT(db_exec(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, i, s UNIQUE, b)"), 0);
	CHECK_INT(db_prepare(db, insert, &s), 0);
	db_bind_i64(s, 1, INT64_MIN);
	db_bind_text(s, 2, "t\xc3\xa9xt");
	db_bind_blob(s, 3, "\0\1\2", 3);
	CHECK_INT(db_run(s), 0);
	CHECK_INT(db_last_id(db), 1);
	CHECK_INT(db_changes(db), 1);
	/* The cache gives the same statement, without its old values. */
	CHECK_INT(db_prepare(db, insert, &again), 0);
	CHECK(s == again);
	db_bind_null(s, 1);
	db_bind_text(s, 2, NULL);
	db_bind_blob(s, 3, NULL, 0);
	CHECK_INT(db_step(s), 0);
	CHECK_INT(db_last_id(db), 2);

	CHECK_INT(db_prepare(db, select, &s), 0);
	CHECK_INT(db_step(s), 1);
	CHECK_INT(db_col_i64(s, 0), INT64_MIN);
	CHECK_STR(db_col_text(s, 1), "t\xc3\xa9xt");
	CHECK_INT(db_col_i64(s, 3), 3);
	CHECK(!db_col_is_null(s, 2));
	CHECK_INT(db_step(s), 1);
	CHECK(db_col_is_null(s, 0));
	CHECK(db_col_text(s, 1) == NULL);
	CHECK(!db_col_is_null(s, 2));
	CHECK_INT(db_col_i64(s, 3), 0);
	CHECK_INT(db_step(s), 0);
	db_reset(s);
	db_reset(s);
	CHECK_INT(db_step(s), 1);
	db_reset(s);
	db_unlock(db);
	db_close(db);
	remove_db("st");
}

static void test_errors(void)
{
	static const char insert[] = "INSERT INTO t VALUES(?1)";
	struct db *db = open_db("err", DB_SYNC_OFF);
	struct db_stmt *s;

	db_lock(db);
	CHECK_INT(db_exec(db, "CREATE TABLE t(a UNIQUE); CREATE TABLE c(a REFERENCES t(a))"), 0);
	CHECK_INT(db_exec(db, "nonsense"), -EIO);
	CHECK(strstr(db_why(db), "nonsense") != NULL);
	CHECK_INT(db_prepare(db, "SELECT x FROM nowhere", &s), -EIO);
	CHECK_INT(db_exec(db, "INSERT INTO t VALUES(1); INSERT INTO t VALUES(1)"), -EEXIST);
	CHECK(strstr(db_why(db), "UNIQUE") != NULL);
	CHECK_INT(db_exec(db, "INSERT INTO c VALUES(2)"), -EEXIST);
	/* A bind that fails is told by the step, and only until the next use. */
	CHECK_INT(db_prepare(db, insert, &s), 0);
	db_bind_i64(s, 2, 5);
	db_bind_i64(s, 1, 5);
	CHECK_INT(db_step(s), -EIO);
	CHECK_INT(db_prepare(db, insert, &s), 0);
	db_bind_i64(s, 1, 5);
	CHECK_INT(db_run(s), 0);
	CHECK_INT(db_prepare(db, insert, &s), 0);
	db_bind_i64(s, 1, 5);
	CHECK_INT(db_run(s), -EEXIST);
	CHECK_INT(db_exec(db, "PRAGMA max_page_count=8"), 0);
	CHECK_INT(db_exec(db, "INSERT INTO t VALUES(zeroblob(1000000))"), -ENOSPC);
	db_unlock(db);
	db_close(db);
	remove_db("err");
}

static void test_transactions(void)
{
	struct db *a = open_db("tx", DB_SYNC_FULL);
	struct db *b = open_db("tx", DB_SYNC_FULL);
	struct db_conf ro = { .path = in_dir("tx"), .read_only = true };
	struct db *c = NULL;

	db_lock(a);
	db_lock(b);
	CHECK_INT(db_exec(a, "CREATE TABLE t(a)"), 0);
	CHECK_INT(db_begin(a), 0);
	CHECK_INT(db_exec(a, "INSERT INTO t VALUES(1)"), 0);
	CHECK_INT(db_begin(b), -EBUSY);
	CHECK_INT(pragma(b, "SELECT count(*) FROM t"), 0);
	db_rollback(a);
	CHECK_INT(pragma(a, "SELECT count(*) FROM t"), 0);
	CHECK_INT(db_begin(b), 0);
	CHECK_INT(db_exec(b, "INSERT INTO t VALUES(1)"), 0);
	CHECK_INT(db_begin(b), -EIO);
	CHECK_INT(db_commit(b), 0);
	CHECK_INT(db_commit(b), -EIO);
	CHECK(strstr(db_why(b), "no transaction") != NULL);
	db_rollback(b);
	CHECK(strstr(db_why(b), "no transaction") != NULL);
	CHECK_INT(pragma(a, "SELECT count(*) FROM t"), 1);
	CHECK_INT(db_open(&ro, &c, why, sizeof(why)), 0);
	db_lock(c);
	CHECK_INT(pragma(c, "SELECT count(*) FROM t"), 1);
	CHECK_INT(db_exec(c, "INSERT INTO t VALUES(2)"), -EROFS);
	db_unlock(c);
	db_close(c);
	db_unlock(a);
	db_unlock(b);
	db_close(a);
	db_close(b);
	remove_db("tx");
}

/*
 * Opening a second connection must not drop the first one's file locks (closing any descriptor
 * would).
 */
static void test_second_open_keeps_locks(void)
{
	struct db *a = open_db("two", DB_SYNC_OFF);
	struct db *b;

	db_lock(a);
	CHECK_INT(db_exec(a, "CREATE TABLE t(a)"), 0);
	CHECK_INT(db_begin(a), 0);
	b = open_db("two", DB_SYNC_OFF);
	db_close(b);
	CHECK_INT(db_exec(a, "INSERT INTO t VALUES(1)"), 0);
	CHECK_INT(db_commit(a), 0);
	db_unlock(a);
	db_close(a);
	remove_db("two");
}

static void *insert_many(void *arg)
{
	struct db *db = arg;

	for (int i = 0; i < 200; i++) {
		struct db_stmt *s;

		db_lock(db);
		CHECK_INT(db_prepare(db, "INSERT INTO t VALUES(?1)", &s), 0);
		db_bind_i64(s, 1, i);
		CHECK_INT(db_run(s), 0);
		db_unlock(db);
	}
	return NULL;
}

static void test_threads(void)
{
	struct db *db = open_db("threads", DB_SYNC_OFF);
	pthread_t threads[3];

	db_lock(db);
	CHECK_INT(db_exec(db, "CREATE TABLE t(a)"), 0);
	db_unlock(db);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_create(&threads[i], NULL, insert_many, db);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_join(threads[i], NULL);
	db_lock(db);
	CHECK_INT(pragma(db, "SELECT count(*) FROM t"), 600);
	db_unlock(db);
	db_close(db);
	remove_db("threads");
}

int main(void)
{
	CHECK(mkdtemp(dir) != NULL);
	test_open();
	test_open_refused();
	test_statements();
	test_errors();
	test_transactions();
	test_second_open_keeps_locks();
	test_threads();
	CHECK_INT(rmdir(dir), 0);
	return check_done();
}
