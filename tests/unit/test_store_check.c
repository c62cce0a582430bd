/* test_store_check.c - what store_check finds, and what store_repair makes of a file that was cut
 * off, overwritten or had bits flipped. SEED=n makes other damage, ROUNDS=n more of it. */
#include "queue/store_check.h"

#include <fnmatch.h>
#include <glob.h>
#include <sys/wait.h>

#include "base/io.h"
#include "tests/unit/store_fixture.h"

#define JOBS 400

struct lines {
	char text[65536];
	size_t n;
};

static int add_line(void *arg, const char *line)
{
	struct lines *l = arg;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s\n", line);
	l->n++;
	return 0;
}

static struct lines lines;

static size_t check_store(struct store *s)
{
	memset(&lines, 0, sizeof(lines));
	CHECK_INT(store_check(s, test_dir, add_line, &lines), 0);
	return lines.n;
}

/* A bit of everything. Ids: 1 a/1 ready, 2 a/2 waiting, 3 b done, 4 c parked, with parts 5 d. */
static struct store *some_rows(void)
{
	struct mpu_part part = { .number = 1, .etag = "\"e\"", .size = 5 };
	struct store *s = fresh();
	auto_with(job_free) struct job j = { 0 };
	int64_t ticket = 0;

	CHECK_INT(add(s, "b", "1", A), 1);
	CHECK_INT(work(s, OUTCOME_DONE), 1);
	CHECK_INT(add(s, "c", "1", A), 2);
	CHECK_INT(work(s, OUTCOME_PARK), 2);
	CHECK_INT(add(s, "a", "1", A), 3);
	CHECK_INT(add(s, "a", "2", A), 4);
	CHECK_INT(add(s, "d", "1", A), 5);
	CHECK_INT(store_put_upload(s, 5, "up", MPU_SUM_CRC32C), 0);
	CHECK_INT(store_put_part(s, 5, &part), 0);
	CHECK_INT(store_begin(s, JOB_OBJECT, "t", "token", &ticket), 0);
	CHECK_INT(store_note_upload(s, ticket, "source", "t", "u"), 0);
	return s;
}

static void test_findings(void)
{
	static const struct {
		const char *harm, *want;
	} rows[] = {
		{ "SELECT 1", NULL },
		{ "DROP INDEX job_head; UPDATE job SET state = 2 WHERE id = 4",
		  "*2 jobs are first of *alpha and key a*" },
		{ "UPDATE job SET state = 1 WHERE id = 3", "*job 3 waits behind no other*" },
		{ "UPDATE job SET state = 1 WHERE id = 3; UPDATE job SET state = 2 WHERE id = 4",
		  "*job 4 is before an older one*" },
		{ "UPDATE job SET upload_id = NULL WHERE id = 5",
		  "*job 5 has parts of no upload*" },
		{ "PRAGMA foreign_keys=OFF; DELETE FROM job WHERE id = 5",
		  "*table part belongs to no row of table job*" },
		{ "UPDATE tally SET n = n + 1 WHERE state = 2",
		  "*the numbers of *alpha are wrong*" },
		{ "INSERT INTO tally VALUES ('x', '', 2, 7, 0)", "*numbers of all destinations*" },
		{ "INSERT INTO run VALUES (7)", "*2 numbers of the run*" },
		{ "UPDATE job SET spec = '{' WHERE id = 4", "*job 4 makes no sense: a*" },
		{ "UPDATE ticket SET kind = 77", "*ticket 6 makes no sense: t*" },
		{ "UPDATE job SET staged = 'gone' WHERE id = 3", "*job 3: its file *gone is not*" },
		{ "UPDATE ticket SET held = 1, staged = 'away', spec ="
		  " (SELECT spec FROM job LIMIT 1)",
		  "*ticket 6: its file *away is not there: t*" },
		{ "UPDATE job SET staged = 'gone' WHERE id = 1", NULL }, /* done: names no file */
		{ "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql,"
		  " 'WHERE state = 1', 'WHERE state = 9') WHERE name = 'job_waiting'",
		  "*" },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct store *s = some_rows();

		CHECK_CASE(rows[i].harm);
		CHECK_INT(sql(s->db, rows[i].harm), 0);
		check_store(s);
		if (!rows[i].want)
			CHECK_STR(lines.text, "");
		else if (!CHECK(fnmatch(rows[i].want, lines.text, 0) == 0))
			fprintf(stderr, "%s", lines.text);
		store_close(s);
	}
	CHECK_CASE("");
}

static int count_ledger(void *arg, const struct store_replica *r)
{
	CHECK(strcmp(r->key, "b") == 0 && strcmp(r->dest, A) == 0);
	(*(int *)arg)++;
	return 0;
}

static void test_ledger(void)
{
	struct store *s = some_rows();
	int n = 0;

	CHECK_INT(store_each_ledger(s, count_ledger, &n), 0);
	CHECK_INT(n, 1);
	store_close(s);
}

/* --- damage ----------------------------------------------------------------------------------- */

static char *good; /* the bytes of a sound queue */
static size_t good_n;

static void write_queue(const char *bytes, size_t n)
{
	char path[256];

	remove_db();
	CHECK_INT(io_replace_file(in_dir("queue.db", path), bytes, n, 0600), 0);
}

static void make_good(void)
{
	auto_with(buf_free) struct buf b;
	struct store *s = fresh();
	char path[256];

	for (int i = 0; i < JOBS; i++) {
		char key[64];

		snprintf(key, sizeof(key), "folder/with/a/name/that/fills/pages/%05d", i);
		CHECK(add(s, key, "version-1", i % 3 ? A : B) > 0);
		if (i % 5 == 0)
			CHECK(work(s, OUTCOME_DONE) > 0);
	}
	store_close(s);
	buf_init(&b, 64 * MIB);
	CHECK_INT(io_read_file(in_dir("queue.db", path), 64 * MIB, &b), 0);
	good_n = b.len;
	good = malloc(good_n);
	CHECK(good != NULL);
	memcpy(good, b.data, good_n);
}

static uint64_t seed = 1;

static size_t dice(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (size_t)(seed % n) : 0;
}

static void remove_kept(void)
{
	char pattern[300];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/queue.db.damaged*", test_dir);
	if (glob(pattern, 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			unlink(g.gl_pathv[i]);
	globfree(&g);
}

static void check_bytes(const char *path, const char *bytes, size_t n)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, 64 * MIB);
	CHECK_INT(io_read_file(path, 64 * MIB, &b), 0);
	CHECK(b.len == n && (n == 0 || memcmp(b.data, bytes, n) == 0));
}

/* Mounts it, or repairs it and mounts that; how many jobs there are then. */
static uint64_t survive(const char *bytes, size_t n, bool *ret_refused, bool *ret_lost)
{
	struct store_repair done = { .lost = false };
	struct store *s = NULL;
	struct store_counts c;
	char path[256];
	int r;

	write_queue(bytes, n);
	r = try_open("mount", false, &s);
	*ret_refused = r < 0;
	if (r == 0) { /* nobody could see it */
		store_close(s);
		return JOBS;
	}
	CHECK(strstr(test_why, "queue.db") != NULL);
	check_bytes(in_dir("queue.db", path), bytes, n);
	memset(&lines, 0, sizeof(lines));
	r = store_repair(test_dir, add_line, &lines, &done, test_why, sizeof(test_why));
	if (r == -EPROTO) { /* the bit of the version, or of whose file it is */
		check_bytes(path, bytes, n);
		return JOBS;
	}
	if (!CHECK_INT(r, 0)) {
		fprintf(stderr, "%s\n", test_why);
		return 0;
	}
	*ret_lost = done.lost;
	check_bytes(done.kept, bytes, n);
	remove_kept();
	if (!CHECK_INT(try_open("mount", false, &s), 0))
		return 0;
	CHECK(store_keeps_strays(s));
	if (!CHECK_INT(check_store(s), 0))
		fprintf(stderr, "%s", lines.text);
	c = counts(s, NULL);
	CHECK(add(s, "new", "1", A) > JOBS || done.lost);
	store_close(s);
	return c.ready + c.waiting + c.claimed + c.parked + c.done;
}

static void test_cut(void)
{
	uint64_t before = 0;

	for (size_t part = 0; part <= 24; part++) {
		size_t n = good_n * part / 24 + (part % 3 == 1 ? dice(4096) : 0);
		bool refused = false, lost = false;
		uint64_t jobs;

		n = n > good_n ? good_n : n;
		jobs = survive(good, n, &refused, &lost);
		CHECK(refused == (n < good_n));
		CHECK(lost || jobs == JOBS);
		if (!CHECK(jobs + 64 >= before)) /* the more there is, the more is found */
			fprintf(stderr, "cut at %zu of %zu: %llu jobs\n%s", n, good_n,
				(unsigned long long)jobs, lines.text);
		before = jobs;
	}
	CHECK_INT(before, JOBS);
}

static void test_harm(const char *what, int rounds)
{
	auto_free char *bytes = malloc(good_n);
	uint64_t all = 0;
	int refused_n = 0;

	for (int i = 0; bytes && i < rounds; i++) {
		size_t at = dice(good_n);
		bool refused = false, lost = false;
		uint64_t start = seed;

		memcpy(bytes, good, good_n);
		if (*what == 'b') {
			bytes[at] = (char)(bytes[at] ^ (1 << dice(8)));
		} else if (*what == 'p') {
			at = at / 4096 * 4096;
			for (size_t k = 0; k < 4096; k++)
				bytes[at + k] = (char)dice(256);
		} else {
			memset(bytes + at / 512 * 512, 0, 512);
		}
		all += survive(bytes, good_n, &refused, &lost);
		refused_n += refused;
		if (check_failures) {
			fprintf(stderr, "%s at %zu, seed %llu\n", what, at,
				(unsigned long long)start);
			break;
		}
	}
	/* Of a tree's root much hangs: over all it is little. */
	CHECK(all >= (uint64_t)(rounds * JOBS) * 7 / 10);
	CHECK(refused_n > 0);
}

/* A header alone is known: it is the same in each file. */
static void test_header(void)
{
	auto_free char *bytes = malloc(good_n);
	bool refused = false, lost = false;

	memcpy(bytes, good, good_n);
	memset(bytes, 'x', 60);
	CHECK_INT(survive(bytes, good_n, &refused, &lost), JOBS);
	CHECK(refused && !lost);
}

/* What the log has is not in the file yet. */
static void test_log(void)
{
	struct store_repair done = { .lost = false };
	char path[256], log[320];
	struct store *s;
	pid_t pid;
	int fd;

	remove_db();
	pid = fork();
	if (pid == 0) {
		s = must_open("child");
		for (int i = 0; i < 50; i++)
			CHECK(add(s, i % 2 ? "a" : "b", "v", A) > 0);
		_exit(check_done()); /* no close: the log stays */
	}
	CHECK_INT(waitpid(pid, &fd, 0), pid);
	fd = open(in_dir("queue.db", path), O_WRONLY | O_CLOEXEC);
	CHECK_INT(pwrite(fd, "xxxxxxxxxxxxxxxxxxxx", 20, 0), 20);
	close(fd);
	memset(&lines, 0, sizeof(lines));
	CHECK_INT(store_repair(test_dir, add_line, &lines, &done, test_why, sizeof(test_why)), 0);
	if (!CHECK(!done.lost))
		fprintf(stderr, "%s", lines.text);
	s = must_open("me");
	CHECK_INT(counts(s, NULL).ready + counts(s, NULL).waiting, 50);
	CHECK_INT(check_store(s), 0);
	store_close(s);
	snprintf(log, sizeof(log), "%s-wal", done.kept);
	CHECK_INT(access(log, F_OK), 0);
	remove_kept();
}

/* Rows that were read and make no sense. */
static void test_rows(void)
{
	struct store_repair done = { .lost = false };
	struct store *s = some_rows();
	auto_with(job_free) struct job j = { 0 };

	CHECK_INT(sql(s->db, "UPDATE job SET spec = '{' WHERE id = 3;"
			     "UPDATE job SET kind = 42 WHERE id = 2;"
			     "UPDATE ticket SET kind = 77; DELETE FROM run;"
			     "PRAGMA foreign_keys=OFF; DELETE FROM job WHERE id = 5"),
		  0);
	store_close(s);
	memset(&lines, 0, sizeof(lines));
	CHECK_INT(store_repair(test_dir, add_line, &lines, &done, test_why, sizeof(test_why)), 0);
	CHECK(done.lost);
	CHECK(strstr(lines.text, "lost: job 2 makes no sense: c") != NULL);
	CHECK(strstr(lines.text, "lost: ticket 6 makes no sense: t") != NULL ||
	      strstr(lines.text, "lost: ticket 7 makes no sense: t") != NULL);
	s = must_open("me");
	CHECK_INT(check_store(s), 0);
	CHECK_INT(claim_at(s, 5000, &j), 3); /* the source is asked what it carries */
	CHECK(!j.spec.known && !j.staged);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM part"), 0);
	CHECK(add(s, "new", "1", A) > 5); /* numbers are not given twice */
	store_close(s);
	remove_kept();
}

/* Made by an earlier crrfs, and damaged: what it did not have yet is what an upgrade makes of it. */
static void test_older(void)
{
	static const char *const older[] = {
		"ALTER TABLE job DROP COLUMN upload_sum; ALTER TABLE part DROP COLUMN crc32c;"
		"PRAGMA user_version = 3",
		"ALTER TABLE job DROP COLUMN upload_sum; ALTER TABLE part DROP COLUMN crc32c;"
		"DROP TABLE move; PRAGMA user_version = 2",
	};
	char path[256];

	for (size_t i = 0; i < array_size(older); i++) {
		struct store_repair done = { .lost = false };
		auto_with(job_free) struct job j = { 0 };
		struct store *s = some_rows();
		int fd;

		CHECK_CASE(older[i]);
		CHECK_INT(sql(s->db, older[i]), 0);
		store_close(s);
		fd = open(in_dir("queue.db", path), O_WRONLY | O_CLOEXEC);
		CHECK_INT(pwrite(fd, "xxxxxxxxxxxxxxxx", 16, 0), 16);
		close(fd);
		memset(&lines, 0, sizeof(lines));
		CHECK_INT(store_repair(test_dir, add_line, &lines, &done, test_why,
				       sizeof(test_why)),
			  0);
		if (!CHECK(!done.lost))
			fprintf(stderr, "%s", lines.text);
		s = must_open("me");
		CHECK_INT(check_store(s), 0);
		CHECK_INT(sql_number(s->read, "SELECT count(*) FROM job"), 5);
		CHECK_INT(sql_number(s->read, "SELECT count(*) FROM part"), 1);
		CHECK_INT(claim_at(s, 5000, &j), 3);
		CHECK_INT(j.upload_sum, MPU_SUM_NONE);
		store_close(s);
		remove_kept();
	}
	CHECK_CASE("");
}

/* Killed when the new file was whole: the next mount ends it, without the old one's log. */
static void test_interrupted(void)
{
	char path[256], whole[256], log[256];
	struct store *s = some_rows();

	store_close(s);
	CHECK_INT(rename(in_dir("queue.db", path), in_dir("queue.db.repaired", whole)), 0);
	CHECK_INT(io_replace_file(path, "damaged", 7, 0600), 0);
	CHECK_INT(io_replace_file(in_dir("queue.db-wal", log), "of it", 5, 0600), 0);
	CHECK_INT(try_open(NULL, true, &s), -EUCLEAN); /* who only looks changes nothing */
	s = must_open("me");
	CHECK_INT(counts(s, NULL).parked, 1);
	CHECK(access(whole, F_OK) < 0);
	store_close(s);
}

static void test_not_ours(void)
{
	static const char *const harm[] = { "PRAGMA user_version = 99",
					    "PRAGMA application_id = 99" };
	struct store_repair done = { .lost = false };

	for (size_t i = 0; i < array_size(harm); i++) {
		struct store *s = some_rows();

		CHECK_INT(sql(s->db, harm[i]), 0);
		store_close(s);
		CHECK_INT(store_repair(test_dir, add_line, &lines, &done, test_why,
				       sizeof(test_why)),
			  -EPROTO);
		CHECK(strstr(test_why, "left as it is") != NULL);
	}
	remove_db();
	CHECK_INT(store_repair(test_dir, add_line, &lines, &done, test_why, sizeof(test_why)),
		  -ENOENT);
}

int main(void)
{
	const char *s = getenv("SEED"), *n = getenv("ROUNDS");
	int rounds = n ? (int)strtol(n, NULL, 10) : 25;

	seed = (s ? strtoull(s, NULL, 10) : 1) * 0x9e3779b97f4a7c15u + 1;
	fixture_start();
	test_findings();
	test_ledger();
	test_log();
	make_good();
	test_cut();
	test_harm("bits", rounds);
	test_harm("pages", rounds / 2);
	test_harm("sectors", rounds / 2);
	test_header();
	test_rows();
	test_older();
	test_interrupted();
	test_not_ours();
	free(good);
	fixture_end();
	return check_done();
}
