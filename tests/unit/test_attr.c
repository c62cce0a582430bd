/* The pure parts: metadata <-> POSIX, the cache, and the names and values of xattrs. */
#include "base/clock.h"
#include "fs/attr.h"

#include <errno.h>
#include <time.h>

#include "fs/xattr_i.h"
#include "tests/unit/check.h"

static const struct fs posix = {
	.conf = { .posix_meta = true, .uid = 1000, .gid = 1001, .umask = 022 }
};
static const struct fs plain = { .conf = { .posix_meta = false, .uid = 1000, .gid = 1001 } };

static void test_mode(void)
{
	static const struct {
		const char *text;
		bool is_dir;
		mode_t want;
	} rows[] = {
		{ "33188", false, S_IFREG | 0644 }, /* s3fs */
		{ "33152", false, S_IFREG | 0600 },
		{ "32768", false, S_IFREG | 0 }, /* chmod 000 */
		{ "41471", false, S_IFLNK | 0777 },
		{ "16877", true, S_IFDIR | 0755 },
		{ "17407", true, S_IFDIR | 01777 },
		{ "100644", false, S_IFREG | 0644 }, /* rclone */
		{ "100755", false, S_IFREG | 0755 },
		{ "40755", true, S_IFDIR | 0755 },
		{ "40700", true, S_IFDIR | 0700 },
		{ "41777", true, S_IFDIR | 01777 },
		{ "0640", false, S_IFREG | 0640 },
		{ "0", false, S_IFREG | 0644 }, /* foreign tools' "unknown" */
		{ "", false, S_IFREG | 0644 },
		{ "nonsense", true, S_IFDIR | 0755 },
		{ "-1", false, S_IFREG | 0644 },
		{ "99999999999999999999", false, S_IFREG | 0644 },
		{ "16877", false, S_IFREG | 0644 }, /* a directory's mode on a file */
		{ "4516", false, S_IFIFO | 0644 },  /* s3fs's FIFO */
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		auto_with(kv_free) struct kv meta = KV_EMPTY;

		CHECK_CASE(rows[i].text);
		CHECK_INT(kv_set(&meta, "mode", rows[i].text), 0);
		CHECK_INT(attr_meta_mode(&posix, &meta, rows[i].is_dir), rows[i].want);
		CHECK_INT(attr_meta_mode(&plain, &meta, rows[i].is_dir),
			  rows[i].is_dir ? S_IFDIR | 0755 : S_IFREG | 0644);
	}
	CHECK_CASE("");
}

static void test_mtime(void)
{
	static const struct {
		const char *text;
		bool ok;
		long long sec;
		long nsec;
	} rows[] = {
		{ "1500000000", true, 1500000000, 0 },
		{ "1500000000.5", true, 1500000000, 500000000 },
		{ "1500000000.123456789", true, 1500000000, 123456789 },
		{ "1500000000.1234567891", true, 1500000000, 123456789 },
		{ "0.000000001", true, 0, 1 },
		{ "1500000000.", true, 1500000000, 0 },
		{ "-5", true, -5, 0 },
		{ "x", false, 0, 0 },
		{ "", false, 0, 0 },
		{ "1.x", false, 0, 0 },
		{ "2026-01-01", false, 0, 0 },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		auto_with(kv_free) struct kv meta = KV_EMPTY;
		struct timespec ts = { 0 };

		CHECK_CASE(rows[i].text);
		CHECK_INT(kv_set(&meta, "mtime", rows[i].text), 0);
		CHECK_INT(attr_meta_get_mtime(&meta, &ts), rows[i].ok);
		CHECK_INT(ts.tv_sec, rows[i].sec);
		CHECK_INT(ts.tv_nsec, rows[i].nsec);
	}
	CHECK_CASE("");
}

static void test_set(void)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	struct timespec ts = { 1700000000, 42 }, got;

	CHECK_INT(attr_meta_set_mode(&plain, &meta, S_IFREG | 0600), 0);
	CHECK_INT(attr_meta_set_owner(&plain, &meta, 1, 2), 0);
	CHECK_INT(attr_meta_set_mtime(&plain, &meta, ts), 0);
	CHECK_INT(meta.n, 0);
	CHECK_INT(attr_meta_set_mode(&posix, &meta, S_IFREG | 0600), 0);
	CHECK_INT(attr_meta_set_owner(&posix, &meta, 1, 4000000000u), 0);
	CHECK_INT(attr_meta_set_mtime(&posix, &meta, ts), 0);
	CHECK_STR(kv_get(&meta, "mode"), "33152");
	CHECK_STR(kv_get(&meta, "uid"), "1");
	CHECK_STR(kv_get(&meta, "gid"), "4000000000");
	CHECK_STR(kv_get(&meta, "mtime"), "1700000000.000000042");
	CHECK(attr_meta_get_mtime(&meta, &got));
	CHECK_INT(got.tv_nsec, 42);
	CHECK(attr_meta_is_reserved("mode"));
	CHECK(attr_meta_is_reserved("crrfs-id"));
	CHECK(!attr_meta_is_reserved("model"));
}

static void test_stat(void)
{
	auto_with(attr_free) struct attr a = {
		.has_object = true, .size = 1025, .mtime_ms = 1500000000250, .rec_known = true
	};
	struct stat st;

	attr_to_stat(&posix, &a, &st);
	CHECK_INT(st.st_mode, S_IFREG | 0644);
	CHECK_INT(st.st_uid, 1000);
	CHECK_INT(st.st_gid, 1001);
	CHECK_INT(st.st_size, 1025);
	CHECK_INT(st.st_blocks, 3);
	CHECK_INT(st.st_mtim.tv_sec, 1500000000);
	CHECK_INT(st.st_mtim.tv_nsec, 250000000);
	CHECK_INT(kv_set(&a.rec.meta, "uid", "7"), 0);
	CHECK_INT(kv_set(&a.rec.meta, "gid", "nobody"), 0);
	CHECK_INT(kv_set(&a.rec.meta, "mtime", "12"), 0);
	attr_to_stat(&posix, &a, &st);
	CHECK_INT(st.st_uid, 7);
	CHECK_INT(st.st_gid, 1001);
	CHECK_INT(st.st_mtim.tv_sec, 12);
	attr_to_stat(&plain, &a, &st);
	CHECK_INT(st.st_uid, 1000);
	CHECK_INT(st.st_mtim.tv_sec, 1500000000);
	a.is_dir = true;
	attr_to_stat(&posix, &a, &st);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_INT(st.st_nlink, 1);
}

static void test_cache(void)
{
	struct attr_cache *c = NULL, *none = NULL;
	auto_with(attr_free) struct attr a = { .size = 5 }, got = { 0 };

	CHECK_INT(str_dup("e1", &a.etag), 0);
	CHECK_INT(attr_cache_new(2, 60000, &c), 0);
	CHECK_INT(attr_cache_get(c, "k", &got), -EAGAIN);
	attr_cache_put(c, "k", &a);
	CHECK_INT(attr_cache_get(c, "k", &got), 0);
	CHECK_INT(got.size, 5);
	CHECK_STR(got.etag, "e1");
	attr_cache_put_absent(c, "gone");
	CHECK_INT(attr_cache_get(c, "gone", &got), -ENOENT);
	CHECK_INT(attr_cache_get(c, "k", &got), 0); /* now the most recent */
	attr_cache_put(c, "third", &a);
	CHECK_INT(attr_cache_get(c, "gone", &got), -EAGAIN);
	CHECK_INT(attr_cache_get(c, "k", &got), 0);
	attr_cache_drop(c, "k");
	attr_cache_drop(c, "k");
	CHECK_INT(attr_cache_get(c, "k", &got), -EAGAIN);
	/* A listing that was begun before does not undo what was learned since. */
	attr_cache_put_seen(c, "third", NULL, 0);
	CHECK_INT(attr_cache_get(c, "third", &got), 0);
	attr_cache_put_seen(c, "third", NULL, INT64_MAX);
	CHECK_INT(attr_cache_get(c, "third", &got), -ENOENT);
	attr_cache_clear(c);
	CHECK_INT(attr_cache_get(c, "third", &got), -EAGAIN);
	attr_cache_free(c);
	CHECK_INT(attr_cache_new(2, 0, &none), 0);
	attr_cache_put(none, "k", &a);
	CHECK_INT(attr_cache_get(none, "k", &got), -EAGAIN);
	attr_cache_free(none);
	attr_cache_free(NULL);
}

static void check_name(const char *name, const char *header, const char *listed)
{
	auto_with(buf_free) struct buf h, l;

	buf_init(&h, BUF_LIMIT_SMALL);
	buf_init(&l, BUF_LIMIT_SMALL);
	CHECK_CASE(name);
	CHECK_INT(xattr_name_encode(name, &h), 0);
	CHECK_STR(buf_str(&h), header);
	CHECK_INT(xattr_name_decode(header, &l), 0);
	CHECK_STR(buf_str(&l), listed);
	CHECK_CASE("");
}

static void check_value(const char *value, size_t n, const char *header)
{
	auto_with(buf_free) struct buf h, back;

	buf_init(&h, BUF_LIMIT_SMALL);
	buf_init(&back, BUF_LIMIT_SMALL);
	CHECK_CASE(header);
	CHECK_INT(xattr_value_encode(value, n, &h), 0);
	CHECK_STR(buf_str(&h), header);
	CHECK_INT(xattr_value_decode(buf_str(&h), &back), 0);
	CHECK_INT(back.len, n);
	CHECK_MEM(buf_str(&back), value, n);
	CHECK_CASE("");
}

static void test_xattr_code(void)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	check_name("project", "project", "user.project");
	check_name("Project", "%50roject", "user.Project");
	check_name("a b", "a%20b", "user.a b");
	check_name("\xc3\xa4", "%c3%a4", "user.\xc3\xa4");
	check_name("s3.x", "s3.x", "user.s3.meta.s3.x");
	check_name("100%25", "100%2525", "user.100%25");
	CHECK_INT(xattr_name_decode("a%00b", &b), 0);
	CHECK_STR(buf_str(&b), "user.a%00b");
	CHECK_INT(xattr_name_encode("", &b), -EINVAL);
	check_value("plain text, 50% off", 19, "plain text, 50% off");
	check_value("", 0, "");
	check_value(" edge ", 6, "%20edge%20");
	check_value("two  blanks", 11, "two %20blanks");
	check_value("50%25", 5, "50%2525");
	check_value("\xc3\xa4%", 3, "%C3%A4%25");
	check_value("a\0b\n", 4, "a%00b%0A");
}

/* A page of a listing is remembered when it comes and again when its names are handed out. */
static void test_seen_again(void)
{
	struct attr_cache *c = NULL;
	struct attr a = { .has_object = true, .size = 1 }, got = { 0 };
	int64_t since = clock_mono_ms() - 1000;

	CHECK_INT(attr_cache_new(10, 3600 * 1000, &c), 0);
	attr_cache_put_seen(c, "k", &a, since);
	a.size = 2;
	attr_cache_put_seen(c, "k", &a, since);
	CHECK_INT(attr_cache_get(c, "k", &got), 0);
	CHECK_INT(got.size, 2);
	attr_free(&got);
	/* An older answer is not believed over it. */
	a.size = 3;
	attr_cache_put_seen(c, "k", &a, since - 1);
	CHECK_INT(attr_cache_get(c, "k", &got), 0);
	CHECK_INT(got.size, 2);
	attr_free(&got);
	attr_cache_free(c);
}

static void count(void *arg, const char *key, bool other)
{
	(void)other;
	CHECK_STR(key, "k");
	(*(int *)arg)++;
}

/* What was said before a directory was asked for holds no longer because of it. */
static void test_absent_until(void)
{
	struct attr_cache *c = NULL;
	int64_t now = clock_mono_ms();

	CHECK_INT(attr_cache_new(10, 1000, &c), 0);
	CHECK_INT(attr_cache_absent_until(c, "", "d", "d/"), 0);
	attr_cache_put_stretch(c, "", "", NULL, now - 900, CLOCK_NEVER);
	CHECK_INT(attr_cache_absent_until(c, "", "d", "d/"), now + 100);
	attr_cache_put_absent(c, "d/");
	CHECK(attr_cache_absent_until(c, "", "d", "d/") >= now + 1000);
	attr_cache_free(c);
}

/* A listing that ends between the two questions of a lookup makes what it showed no absent name. */
static void test_ask_absent(void)
{
	static const struct {
		const char *name, *file, *dir;
		enum seen_advice advice;
	} rows[] = {
		{ "a", "d/a", "d/a/", SEEN_NOTHING }, /* a file */
		{ "b", "d/b", "d/b/", SEEN_NOTHING }, /* a directory */
		{ "c", "d/c", "d/c/", SEEN_ABSENT },  /* known not to be there */
		{ "x", "d/x", "d/x/", SEEN_ABSENT },
	};
	struct attr_cache *c = NULL;
	struct attr a = { .has_object = true };
	char from[256];

	CHECK_INT(attr_cache_new(10, 3600 * 1000, &c), 0);
	attr_cache_put(c, "d/a", &a);
	attr_cache_put(c, "d/b/", &a);
	attr_cache_put_absent(c, "d/c");
	attr_cache_put_stretch(c, "d/", "", NULL, clock_mono_ms(), CLOCK_NEVER);
	for (size_t i = 0; i < array_size(rows); i++)
		CHECK_INT(attr_cache_ask_absent(c, "d/", rows[i].name, rows[i].file, rows[i].dir,
						from),
			  rows[i].advice);
	attr_cache_free(c);
}

/* A directory of which a listing showed all, and of which all that it showed was removed. */
static void test_empty(void)
{
	struct attr_cache *c = NULL;
	struct attr a = { .has_object = true };
	int64_t now = clock_mono_ms();

	CHECK_INT(attr_cache_new(10, 3600 * 1000, &c), 0);
	CHECK(!attr_cache_is_empty(c, "d/"));
	attr_cache_put(c, "d/a", &a);
	attr_cache_put(c, "d/b/", &a);
	attr_cache_put_stretch(c, "d/", "", NULL, now, CLOCK_NEVER);
	CHECK(!attr_cache_is_empty(c, "d/"));
	attr_cache_put_absent(c, "d/a");
	attr_cache_put_absent(c, "d/a");
	CHECK(!attr_cache_is_empty(c, "d/"));
	attr_cache_put_absent(c, "d/b/");
	CHECK(attr_cache_is_empty(c, "d/"));
	attr_cache_put(c, "d/b/c", &a); /* not in d */
	attr_cache_put(c, "d", &a);
	attr_cache_put_stretch(c, "d/", "", NULL, now, CLOCK_NEVER);
	CHECK(attr_cache_is_empty(c, "d/"));
	attr_cache_put(c, "d/c", &a);
	CHECK(!attr_cache_is_empty(c, "d/"));
	attr_cache_put_absent(c, "d/c");
	attr_cache_drop(c, "d/e"); /* something happened to it */
	CHECK(!attr_cache_is_empty(c, "d/"));
	attr_cache_put_stretch(c, "e/", "", "m", now, CLOCK_NEVER);
	attr_cache_put_stretch(c, "f/", "m", NULL, now, CLOCK_NEVER);
	CHECK(!attr_cache_is_empty(c, "e/"));
	CHECK(!attr_cache_is_empty(c, "f/"));
	attr_cache_free(c);
}

/* What others did is told, once; what we did is not. Also of what was too old to be believed. */
static void test_change(void)
{
	static const int64_t ttls[] = { 0, 3600 * 1000 };

	for (size_t i = 0; i < array_size(ttls); i++) {
		struct attr_cache *c = NULL;
		struct attr a = { .has_object = true, .size = 1, .mtime_ms = 5000 };
		int64_t since = clock_mono_ms() + 1000;
		int heard = 0;

		a.etag = (char *)(uintptr_t)"e1";
		CHECK_INT(attr_cache_new(10, ttls[i], &c), 0);
		attr_cache_on_change(c, count, &heard);
		attr_cache_put_seen(c, "k", &a, since);
		attr_cache_put_seen(c, "k", &a, since);
		CHECK_INT(heard, 0);
		a.mtime_ms = 9000; /* the same bytes, other metadata */
		attr_cache_put_seen(c, "k", &a, since);
		CHECK_INT(heard, 1);
		a.etag = (char *)(uintptr_t)"e2";
		attr_cache_put_seen(c, "k", &a, since);
		CHECK_INT(heard, 2);
		attr_cache_put_seen(c, "k", NULL, since);
		attr_cache_put_seen(c, "k", NULL, since);
		CHECK_INT(heard, 3);
		attr_cache_put(c, "k", &a);
		attr_cache_put_seen(c, "k", NULL, 0); /* asked before that */
		CHECK_INT(heard, 3);
		attr_cache_drop(c, "k");
		a.size = 2;
		attr_cache_put_seen(c, "k", &a, since);
		CHECK_INT(heard, 4);
		attr_cache_free(c);
	}
}

int main(void)
{
	test_absent_until();
	test_ask_absent();
	test_empty();
	test_change();
	test_seen_again();
	test_mode();
	test_mtime();
	test_set();
	test_stat();
	test_cache();
	test_xattr_code();
	return check_done();
}
