/* store_fixture.h - what test_store.c and test_store_load.c share: a state directory of its own,
 * and jobs made short. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "queue/store_i.h"
#include "tests/unit/check.h"

#define A "arn:aws:s3:::alpha"
#define B "arn:aws:s3:::beta"

static char test_dir[] = "/tmp/test_store.XXXXXX";
static char test_why[512];

static inline const char *in_dir(const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", test_dir, name);
	return path;
}

static inline void remove_db(void)
{
	static const char *const names[] = { "queue.db", "queue.db-wal", "queue.db-shm" };
	char path[256];

	for (size_t i = 0; i < array_size(names); i++)
		unlink(in_dir(names[i], path));
}

static inline int try_open(const char *instance, bool read_only, struct store **ret_s)
{
	struct store_conf conf = { .dir = test_dir, .instance = instance, .read_only = read_only };

	return store_open(&conf, ret_s, test_why, sizeof(test_why));
}

static inline struct store *must_open(const char *instance)
{
	struct store *s = NULL;

	if (!CHECK_INT(try_open(instance, false, &s), 0)) {
		fprintf(stderr, "%s\n", test_why);
		exit(1);
	}
	return s;
}

static inline struct store *fresh(void)
{
	remove_db();
	return must_open("me");
}

/* Strings borrowed: not for job_free. */
static inline struct job make_job(enum job_kind kind, const char *key, const char *version,
				  const char *dest)
{
	return (struct job){ .kind = kind,
			     .key = (char *)(uintptr_t)key,
			     .version = (char *)(uintptr_t)version,
			     .dest = (char *)(uintptr_t)dest,
			     .created_ms = 1000,
			     .due_ms = 1000 };
}

/* Begins and commits one job; returns its id, or -errno. */
static inline int64_t add_job(struct store *s, struct job j)
{
	int64_t ticket = 0;
	int r = store_begin(s, j.kind, j.key, "token", &ticket);

	if (r == 0)
		r = store_commit(s, ticket, &j, NULL, 1);
	return r < 0 ? r : j.id;
}

static inline int64_t add(struct store *s, const char *key, const char *version, const char *dest)
{
	return add_job(s, make_job(JOB_OBJECT, key, version, dest));
}

static inline bool allow_all(void *arg, const char *dest)
{
	(void)arg;
	(void)dest;
	return true;
}

/* The id of the job claimed, 0 or -errno. */
static inline int64_t claim_at(struct store *s, int64_t now, struct job *ret_j)
{
	int64_t next = 0;
	int r = store_claim(s, now, allow_all, NULL, ret_j, &next);

	return r == 1 ? ret_j->id : r;
}

static inline int64_t claim_id(struct store *s)
{
	auto_with(job_free) struct job j = { 0 };

	return claim_at(s, 5000, &j);
}

static inline int finish_as(struct store *s, const struct job *j, enum outcome_kind kind)
{
	struct outcome o = { .kind = kind, .due_ms = 2000 };
	auto_free char *unstaged = NULL;

	snprintf(o.replica_version, sizeof(o.replica_version), "r-%s",
		 j->version ? j->version : "");
	return store_finish(s, j, &o, &unstaged);
}

/* Claims what is due next and ends it; the id, 0 or -errno. */
static inline int64_t work(struct store *s, enum outcome_kind kind)
{
	auto_with(job_free) struct job j = { 0 };
	int64_t id = claim_at(s, 5000, &j);
	int r;

	if (id <= 0)
		return id;
	r = finish_as(s, &j, kind);
	return r < 0 ? r : id;
}

static inline struct store_counts counts(struct store *s, const char *dest)
{
	struct store_counts c = { 0 };

	CHECK_INT(store_count(s, dest, &c), 0);
	return c;
}

static inline int sql(struct db *db, const char *text)
{
	int r;

	db_lock(db);
	r = db_exec(db, text);
	db_unlock(db);
	return r;
}

static inline int64_t sql_number(struct db *db, const char *text)
{
	struct db_stmt *st;
	int64_t v = -1;

	db_lock(db);
	if (CHECK_INT(db_prepare(db, text, &st), 0)) {
		if (CHECK_INT(db_step(st), 1))
			v = db_col_i64(st, 0);
		db_reset(st);
	}
	db_unlock(db);
	return v;
}

/* What must hold at any time, whatever happened. */
static inline void check_sound(struct store *s)
{
	CHECK_INT(sql_number(s->read,
			     "SELECT count(*) FROM (SELECT 1 FROM job WHERE state IN (2, 3, 5)"
			     " GROUP BY dest, key HAVING count(*) > 1)"),
		  0);
	CHECK_INT(sql_number(s->read,
			     "SELECT count(*) FROM job AS w WHERE state = 1 AND NOT EXISTS"
			     " (SELECT 1 FROM job AS h WHERE h.dest = w.dest AND h.key = w.key"
			     "  AND h.state IN (2, 3, 5) AND h.id < w.id)"),
		  0);
	CHECK_INT(sql_number(
			  s->read,
			  "SELECT count(*) FROM (SELECT dest, coalesce(rule_id, '') AS rule, state, count(*) AS c,"
			  " sum(size) AS b FROM job GROUP BY 1, 2, 3) AS j LEFT JOIN tally AS t"
			  " ON t.dest = j.dest AND t.rule = j.rule AND t.state = j.state"
			  " WHERE t.n IS NOT j.c OR t.bytes IS NOT j.b"),
		  0);
	CHECK_INT(sql_number(s->read,
			     "SELECT (SELECT coalesce(sum(n), 0) FROM tally) = (SELECT count(*)"
			     " FROM job)"),
		  1);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM pragma_integrity_check"
				      " WHERE integrity_check <> 'ok'"),
		  0);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

/* Errors that a test provokes are not shown. */
static inline void quiet(bool on)
{
	static int saved = -1;
	int null;

	if (on) {
		saved = dup(STDERR_FILENO);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		close(null);
	} else {
		dup2(saved, STDERR_FILENO);
		close(saved);
	}
}

static inline void fixture_start(void)
{
	log_to_stderr(LOG_LEVEL_ERROR);
	if (!mkdtemp(test_dir))
		exit(1);
}

static inline void fixture_end(void)
{
	remove_db();
	rmdir(test_dir);
}

#endif
