#include "fs/metadb.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "tests/unit/check.h"

#define OF(etag_) (&(struct meta_of){ .etag = (etag_) })

static char dir[] = "/tmp/crrfs-metadb-XXXXXX";

static uint64_t max_bytes = METADB_BYTES_MAX;

static struct metadb *open_it(void)
{
	struct metadb *m = NULL;
	char why[200] = "";

	CHECK_INT(metadb_open(dir, max_bytes, &m, why, sizeof(why)), 0);
	CHECK_STR(why, "");
	return m;
}

static void fill(struct meta_rec *r)
{
	*r = (struct meta_rec){ .tags_known = true, .own_acl = true };
	CHECK_INT(meta_rec_set_sse(r, "aws:kms", "k1"), 0);
	CHECK_INT(str_dup("v1", &r->version_id), 0);
	CHECK_INT(kv_set(&r->meta, "mode", "33188"), 0);
	CHECK_INT(kv_set(&r->meta, "quote", "a \"b\" \\ \xc3\xa4"), 0);
	CHECK_INT(kv_set(&r->sys, "content-type", "text/plain"), 0);
	CHECK_INT(kv_set(&r->tags, "k", "v"), 0);
}

static void test_put_get(void)
{
	struct metadb *m = open_it();
	auto_with(meta_rec_free) struct meta_rec r, got = { 0 };

	fill(&r);
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), -ENOENT);
	metadb_put(m, "key", OF("e1"), &r);
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), 0);
	CHECK_STR(got.version_id, "v1");
	CHECK(got.storage_class == NULL);
	CHECK_STR(got.sse, "aws:kms");
	CHECK_STR(got.sse_key, "k1");
	CHECK(got.own_acl);
	CHECK(kv_equal(&got.meta, &r.meta));
	CHECK(kv_equal(&got.sys, &r.sys));
	CHECK(!got.tags_known); /* others may have changed them */
	CHECK_INT(got.tags.n, 0);
	CHECK_INT(metadb_get(m, "key", OF("e2"), &got), -ENOENT);
	CHECK_INT(metadb_get(m, "key", OF(NULL), &got), -ENOENT);
	CHECK_INT(metadb_get(m, "other", OF("e1"), &got), -ENOENT);
	CHECK_STR(got.version_id, "v1"); /* untouched by what failed */
	CHECK_INT(str_dup("GLACIER", &r.storage_class), 0);
	metadb_put(m, "key", OF("e2"), &r); /* the new version's row is the only one */
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), -ENOENT);
	CHECK_INT(metadb_get(m, "key", OF("e2"), &got), 0);
	CHECK_STR(got.storage_class, "GLACIER");
	metadb_put(m, "key", OF(NULL), &r);
	metadb_close(m);
	m = open_it();
	CHECK_INT(metadb_get(m, "key", OF("e2"), &got), 0);
	metadb_del(m, "key");
	metadb_del(m, "key");
	CHECK_INT(metadb_get(m, "key", OF("e2"), &got), -ENOENT);
	metadb_close(m);
	metadb_close(NULL);
}

static void test_of(void)
{
	static const struct {
		struct meta_of seen, now;
		bool fits;
	} rows[] = {
		{ { "e", 0, false }, { "e", 5000, false }, true },
		{ { "e", 5000, false }, { "e", 0, false }, true },
		{ { "e", 5000, false }, { "f", 5000, false }, false },
		{ { NULL, 5000, false }, { "e", 5000, false }, false },
		{ { "e", 5000, false }, { "e", 5999, false }, true }, /* HEAD has seconds */
		{ { "e", 5000, false }, { "e", 6000, false }, false },
		{ { "e", 6000, false }, { "e", 5000, false }, false },
		{ { "e", 6000, true }, { "e", 1000, false }, true }, /* a long upload */
		{ { "e", 5900, true }, { "e", 6900, false }, true },
		{ { "e", 5000, true }, { "e", 7000, false }, false },
	};

	for (size_t i = 0; i < array_size(rows); i++)
		CHECK_INT(meta_of_fits(&rows[i].seen, &rows[i].now), rows[i].fits);
}

/* The same bytes with other metadata are told by their time. */
static void test_times(void)
{
	struct metadb *m = open_it();
	auto_with(meta_rec_free) struct meta_rec r, got = { 0 };
	struct meta_of was = { "e1", 5000, false }, is = { "e1", 9000, false };

	fill(&r);
	metadb_put(m, "timed", &was, &r);
	CHECK_INT(metadb_get(m, "timed", &was, &got), 0);
	CHECK_INT(metadb_get(m, "timed", &is, &got), -ENOENT);
	CHECK_INT(metadb_get(m, "timed", OF("e1"), &got), 0);
	metadb_put(m, "below/a", OF("e"), &r);
	metadb_put(m, "below/\xf4\x8f\xbf\xbf", OF("e"), &r);
	metadb_put(m, "below0", OF("e"), &r);
	metadb_del_below(m, "below/");
	CHECK_INT(metadb_get(m, "below/a", OF("e"), &got), -ENOENT);
	CHECK_INT(metadb_get(m, "below/\xf4\x8f\xbf\xbf", OF("e"), &got), -ENOENT);
	CHECK_INT(metadb_get(m, "below0", OF("e"), &got), 0);
	metadb_del_below(NULL, "");
	metadb_close(m);
}

/* It does not grow without end: the newest stay. */
static void test_bound(void)
{
	auto_free char *path = NULL;
	auto_with(meta_rec_free) struct meta_rec r, got = { 0 };
	char key[32];
	struct stat st;
	struct metadb *m;

	fill(&r);
	max_bytes = 512 * KIB;
	m = open_it();
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "many/%05d", i);
		metadb_put(m, key, OF("e"), &r);
	}
	CHECK_INT(metadb_get(m, "many/19999", OF("e"), &got), 0);
	metadb_close(m);
	CHECK_INT(str_format(&path, "%s/meta.db", dir), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK(st.st_size < (off_t)(4 * 512 * KIB));
	max_bytes = METADB_BYTES_MAX;
}

/* The damaged file is there under another name, as it was. */
static void check_aside(const char *bytes, size_t n)
{
	auto_free char *path = NULL;
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(str_format(&path, "%s/meta.db.damaged", dir), 0);
	CHECK_INT(io_read_file(path, BUF_LIMIT_SMALL, &b), 0);
	CHECK_INT(b.len, n);
	CHECK_MEM(b.data, bytes, n);
}

static void test_damaged(void)
{
	auto_free char *path = NULL;
	auto_with(meta_rec_free) struct meta_rec r, got = { 0 };
	char junk[8192];
	struct metadb *m;

	fill(&r);
	memset(junk, 'j', sizeof(junk));
	CHECK_INT(str_format(&path, "%s/meta.db", dir), 0);
	CHECK_INT(io_replace_file(path, junk, sizeof(junk), 0600), 0);
	m = open_it();
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), -ENOENT);
	metadb_put(m, "key", OF("e1"), &r);
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), 0);
	metadb_close(m);
	check_aside(junk, sizeof(junk));
}

/* Met in use: no error, no answer, and the next one is made anew. */
static void test_damaged_in_use(void)
{
	auto_free char *path = NULL;
	auto_with(meta_rec_free) struct meta_rec r, got = { 0 };
	bool missed = false;
	char junk[4096];
	struct metadb *m = open_it();
	int fd, found;

	fill(&r);
	memset(junk, 'j', sizeof(junk));
	for (int i = 0; i < 200; i++) {
		auto_free char *key = NULL;

		CHECK_INT(str_format(&key, "key%03d", i), 0);
		metadb_put(m, key, OF("e1"), &r);
	}
	metadb_close(m);
	CHECK_INT(str_format(&path, "%s/meta.db", dir), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	for (off_t at = 4096; at < lseek(fd, 0, SEEK_END); at += 4096)
		if (at > 4 * 4096) /* the tables' roots stay: it is met late */
			CHECK_INT(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	m = open_it();
	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < 200; i++) {
		auto_free char *key = NULL;

		CHECK_INT(str_format(&key, "key%03d", i), 0);
		found = metadb_get(m, key, OF("e1"), &got);
		CHECK(found == -ENOENT || (found == 0 && !missed));
		missed = missed || found < 0;
		metadb_put(m, key, OF("e1"), &r);
		metadb_del(m, key);
	}
	CHECK(missed);
	metadb_close(m);
	CHECK(access(path, F_OK) < 0);
	m = open_it();
	metadb_put(m, "key", OF("e1"), &r);
	CHECK_INT(metadb_get(m, "key", OF("e1"), &got), 0);
	metadb_close(m);
}

static void test_rec(void)
{
	auto_with(meta_rec_free) struct meta_rec r, copy = { 0 };

	fill(&r);
	CHECK_INT(meta_rec_copy(&copy, &r), 0);
	CHECK_INT(meta_rec_copy(&copy, &r), 0); /* replaces */
	CHECK_STR(copy.version_id, "v1");
	CHECK(kv_equal(&copy.tags, &r.tags));
	meta_rec_free(&copy);
	CHECK(copy.version_id == NULL && !copy.tags_known && !copy.meta.n);
}

/* Each in a process that dies before it closes the file. */
enum { ROWS = 1000 };

static void change_row(struct metadb *m, const struct meta_rec *r)
{
	metadb_put(m, "new", OF("e"), r);
	metadb_put(m, "old", OF("e"), r);
}

static void remove_row(struct metadb *m, const struct meta_rec *r)
{
	metadb_put(m, "new", OF("e"), r);
	metadb_del(m, "old");
}

static void remove_rows(struct metadb *m, const struct meta_rec *r)
{
	metadb_put(m, "new", OF("e"), r);
	metadb_del_below(m, "ol");
}

static void add_rows(struct metadb *m, const struct meta_rec *r)
{
	for (unsigned i = 0; i < ROWS; i++) {
		char key[20];

		snprintf(key, sizeof(key), "row%u", i);
		metadb_put(m, key, OF("e"), r);
	}
}

static void die_after(void (*work)(struct metadb *m, const struct meta_rec *r),
		      const struct meta_rec *r)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		work(open_it(), r);
		raise(SIGKILL);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What took a row's place, or removed it, is there after a kill; of new rows most are. */
static void test_kill(void)
{
	static const struct {
		const char *name;
		void (*work)(struct metadb *m, const struct meta_rec *r);
		int old;
	} cases[] = {
		{ "a row is changed", change_row, 0 },
		{ "a row is removed", remove_row, -ENOENT },
		{ "rows are removed", remove_rows, -ENOENT },
	};
	auto_with(meta_rec_free) struct meta_rec was = { 0 }, is = { 0 }, got = { 0 };
	struct metadb *m;

	fill(&was);
	fill(&is);
	CHECK_INT(kv_set(&is.meta, "mode", "33152"), 0);
	for (size_t i = 0; i < array_size(cases); i++) {
		CHECK_CASE(cases[i].name);
		m = open_it();
		metadb_put(m, "old", OF("e"), &was);
		metadb_del(m, "new");
		metadb_close(m);
		die_after(cases[i].work, &is);
		m = open_it();
		CHECK_INT(metadb_get(m, "old", OF("e"), &got), cases[i].old);
		CHECK(cases[i].old || kv_equal(&got.meta, &is.meta));
		CHECK_INT(metadb_get(m, "new", OF("e"), &got), 0);
		metadb_close(m);
	}
	CHECK_CASE("many rows");
	die_after(add_rows, &is);
	m = open_it();
	CHECK_INT(metadb_get(m, "row0", OF("e"), &got), 0);
	CHECK_INT(metadb_get(m, "row900", OF("e"), &got), 0);
	metadb_close(m);
}

static void *hammer(void *arg)
{
	auto_with(meta_rec_free) struct meta_rec r;
	char key[16];

	fill(&r);
	for (int i = 0; i < 300; i++) {
		auto_with(meta_rec_free) struct meta_rec got = { 0 };

		snprintf(key, sizeof(key), "k%d", i % 10);
		metadb_put(arg, key, OF("e"), &r);
		if (!metadb_get(arg, key, OF("e"), &got))
			CHECK(kv_equal(&got.meta, &r.meta));
		if (i % 7 == 0)
			metadb_del(arg, key);
	}
	return NULL;
}

static void test_threads(void)
{
	struct metadb *m = open_it();
	pthread_t th[4];

	for (size_t i = 0; i < array_size(th); i++)
		CHECK_INT(pthread_create(&th[i], NULL, hammer, m), 0);
	for (size_t i = 0; i < array_size(th); i++)
		pthread_join(th[i], NULL);
	metadb_close(m);
}

static void clean_up(void)
{
	static const char *const names[] = { "meta.db", "meta.db-wal", "meta.db-shm",
					     "meta.db.damaged" };

	for (size_t i = 0; i < array_size(names); i++) {
		auto_free char *path = NULL;

		if (!str_format(&path, "%s/%s", dir, names[i]))
			unlink(path);
	}
	CHECK_INT(rmdir(dir), 0);
}

int main(void)
{
	log_to_stderr(LOG_LEVEL_ERROR);
	if (!mkdtemp(dir))
		return 99;
	test_rec();
	test_put_get();
	test_of();
	test_times();
	test_bound();
	test_damaged();
	test_damaged_in_use();
	test_kill();
	test_threads();
	clean_up();
	return check_done();
}
