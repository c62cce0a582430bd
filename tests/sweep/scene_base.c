/* scene_base.c - documents, lists, files, a database, threads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "base/ini.h"
#include "base/io.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/xml.h"
#include "tests/sweep/scene.h"

static char dir[64];

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/sweep_base.XXXXXX");
	if (!mkdtemp(dir))
		abort();
}

static const char *in_dir(const char *name, char dst[128])
{
	snprintf(dst, 128, "%s/%s", dir, name);
	return dst;
}

static void remove_dir(int r, bool failed)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "file.tmp", "file", "a/b",
					     "a" };
	char path[128];

	(void)r;
	(void)failed;
	for (size_t i = 0; i < array_size(names); i++)
		remove(in_dir(names[i], path));
	CHECK_INT(rmdir(dir), 0);
}

static int run_json(void)
{
	static const char text[] = "{\"a\":\"\\u00e9\",\"b\":[1,2.5,true,null,{\"c\":\"d\"}],\"e\":{}}";
	struct doc_node *root = SCENE_UNTOUCHED(struct doc_node *);
	auto_with(buf_free) struct buf b;
	auto_with(kv_free) struct kv kv = KV_EMPTY, again = KV_EMPTY;
	struct doc_error e;
	struct json_out j;
	int r = json_read(text, strlen(text), &root, &e);

	SCENE_SAME(r, root);
	buf_init(&b, BUF_LIMIT_DOC);
	if (r < 0)
		return r;
	doc_free(root);
	r = kv_set(&kv, "name", "a \"value\"\n");
	if (r == 0)
		r = json_from_kv(&kv, &b);
	if (r == 0)
		r = json_to_kv(buf_str(&b), &again);
	if (r < 0)
		return r;
	CHECK(kv_equal(&kv, &again));
	buf_reset(&b);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_str(&j, "text", "a value that needs some room in the buffer, so that it must grow");
	json_u64(&j, "number", 7);
	json_close(&j, '}');
	return b.error;
}

static int run_xml(void)
{
	static const char text[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><A xmlns=\"urn:x\">"
				   "<B>t&amp;&#233;</B><C><D/><D>2</D></C></A>";
	static const char bad[] = "<A><B>t</A>";
	struct doc_node *root = SCENE_UNTOUCHED(struct doc_node *);
	auto_with(buf_free) struct buf b;
	struct doc_error e;
	int r = xml_read(text, strlen(text), &root, &e);

	buf_init(&b, BUF_LIMIT_SMALL);
	SCENE_SAME(r, root);
	if (r < 0)
		return r;
	CHECK_STR(doc_text(root, "B"), "t&\u00e9");
	CHECK_INT(doc_count(doc_child(root, "C"), "D"), 2);
	doc_free(root);
	r = xml_read(bad, strlen(bad), &root, &e);
	CHECK(r == -EINVAL || r == -ENOMEM);
	if (r == -ENOMEM)
		return r;
	xml_elem(&b, "Key", "a<b>&\"c\"\r");
	return b.error;
}

static int run_lists(void)
{
	static const char text[] = "[default]\nregion = eu-1\ns3 =\n  x = 1\n[profile b]\nk = v\n";
	auto_with(kv_free) struct kv a = KV_EMPTY, b = KV_EMPTY, c = KV_EMPTY;
	auto_with(buf_free) struct buf q;
	struct ini ini;
	int r;

	buf_init(&q, BUF_LIMIT_SMALL);
	r = ini_read(text, &ini, NULL);
	if (r < 0)
		return r;
	ini_free(&ini);
	for (int i = 0; r == 0 && i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%c%d", 'z' - i, i);
		r = kv_set(&a, name, "v");
	}
	if (r == 0)
		r = kv_set(&b, "old", "one");
	if (r == 0) {
		r = kv_copy(&b, &a);
		CHECK(r == 0 ? kv_equal(&a, &b) : b.n == 1 && kv_get(&b, "old"));
	}
	if (r == 0)
		r = kv_merge(&b, &a);
	if (r == 0)
		r = kv_to_query(&a, &q);
	if (r == 0)
		r = kv_from_query(buf_str(&q), &c);
	return r;
}

static int run_files(void)
{
	auto_with(buf_free) struct buf b;
	char path[128];
	int r;

	buf_init(&b, BUF_LIMIT_SMALL);
	r = io_mkdirs(in_dir("a/b", path), 0700);
	if (r == 0)
		r = io_replace_file(in_dir("file", path), "old", 3, 0600);
	if (r < 0)
		return r;
	r = io_replace_file(in_dir("file", path), "newer", 5, 0600);
	if (r == 0)
		r = io_read_file(path, BUF_LIMIT_SMALL, &b);
	if (r == 0)
		CHECK_STR(buf_str(&b), "newer");
	return r;
}

/* Whatever failed, the file is one or the other. */
static void check_files(int r, bool failed)
{
	auto_with(buf_free) struct buf b;
	char path[128];

	buf_init(&b, BUF_LIMIT_SMALL);
	if (io_read_file(in_dir("file", path), BUF_LIMIT_SMALL, &b) == 0)
		CHECK(strcmp(buf_str(&b), "old") == 0 || strcmp(buf_str(&b), "newer") == 0);
	else
		CHECK(r < 0);
	remove_dir(r, failed);
}

static int write_rows(struct db *db)
{
	struct db_stmt *s = SCENE_UNTOUCHED(struct db_stmt *);
	int r = db_exec(db, "CREATE TABLE IF NOT EXISTS t (a TEXT, b BLOB)");

	if (r == 0)
		r = db_begin(db);
	if (r == 0) {
		r = db_prepare(db, "INSERT INTO t VALUES (?1, ?2)", &s);
		SCENE_SAME(r, s);
	}
	if (r == 0) {
		db_bind_text(s, 1, "a text");
		db_bind_blob(s, 2, "bytes", 5);
		r = db_run(s);
	}
	if (r == 0)
		r = db_commit(db);
	if (r < 0) {
		CHECK(*db_why(db) || r == -ENOMEM);
		db_rollback(db);
		return r;
	}
	r = db_prepare(db, "SELECT a, b FROM t", &s);
	if (r == 0)
		r = db_step(s);
	if (r == 1) {
		/* without memory for it there is no text */
		CHECK(!db_col_text(s, 0) || strcmp(db_col_text(s, 0), "a text") == 0);
		db_reset(s);
	}
	return r < 0 ? r : 0;
}

static int run_db(void)
{
	struct db *db = SCENE_UNTOUCHED(struct db *);
	char path[128], why[200] = "";
	struct db_conf conf = { .path = in_dir("db", path), .sync = DB_SYNC_FULL };
	int r = db_open(&conf, &db, why, sizeof(why));

	SCENE_SAME(r, db);
	if (r < 0) {
		CHECK(*why);
		return r;
	}
	db_lock(db);
	r = write_rows(db);
	db_unlock(db);
	db_close(db);
	return r;
}

static void add_one(void *arg)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static int run_pool(void)
{
	struct pool *p = SCENE_UNTOUCHED(struct pool *);
	int n = 0, given = 0;
	int r = pool_new("sweep", 3, 8, &p);

	SCENE_SAME(r, p);
	if (r < 0)
		return r;
	r = pool_start(p);
	for (int i = 0; r == 0 && i < 20; i++) {
		r = pool_submit(p, add_one, &n);
		given += r == 0;
	}
	pool_stop(p);
	pool_free(p);
	CHECK_INT(n, given);
	return r;
}

const struct scene base_scenes[] = {
	{ .name = "json", .run = run_json, .kinds = SCENE_MEMORY },
	{ .name = "xml", .run = run_xml, .kinds = SCENE_MEMORY },
	{ .name = "lists", .run = run_lists, .kinds = SCENE_MEMORY },
	{ .name = "files", .before = make_dir, .run = run_files, .after = check_files,
	  .kinds = SCENE_MEMORY | SCENE_FILE },
	{ .name = "db", .before = make_dir, .run = run_db, .after = remove_dir,
	  .kinds = SCENE_MEMORY | SCENE_FILE | SCENE_SQL,
	  /* SQLite opens for reading what it cannot open for writing */
	  .also = { -EROFS, -EUCLEAN } },
	{ .name = "pool", .run = run_pool, .kinds = SCENE_MEMORY | SCENE_THREAD },
	{ 0 },
};
