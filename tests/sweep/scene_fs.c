/* scene_fs.c - what the mount keeps on its own: staged bytes, read bytes, metadata, its options. */
#include "tests/sweep/scene_s3.h"

#include <getopt.h>

#include "fs/cache.h"
#include "fs/config.h"
#include "fs/diskcache.h"
#include "fs/metadb.h"
#include "fs/spool.h"
#include "fs/state.h"

#define SIZE 300000

static char dir[64];
static char *body;

static void before(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/sweep_fs.XXXXXX");
	if (!mkdtemp(dir))
		abort();
	body = pattern(SIZE);
}

static void after(int r, bool failed)
{
	char command[100];

	(void)r;
	(void)failed;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK_INT(system(command), 0);
	free(body);
}

/* --- staged bytes ----------------------------------------------------------------------------- */

static int use_spool(struct spool *s)
{
	char got[100];
	char *old = SCENE_UNTOUCHED(char *);
	uint64_t size = 0;
	int r = spool_write(s, body, 1000, 0);

	/* A write that failed is never forgotten: what is staged must not be uploaded. */
	CHECK(r == 0 || spool_error(s) == r);
	for (uint64_t i = 1; r == 0 && i < 20; i++)
		r = spool_write(s, body, 10, 2000 * i);
	if (r == 0)
		r = spool_zero(s, (struct s3_range){ 1000, 2000 });
	if (r == 0)
		r = spool_truncate(s, 30000);
	if (r == 0)
		r = spool_sync(s);
	if (r == 0)
		r = spool_read(s, got, sizeof(got), 900);
	if (r < 0)
		return r;
	CHECK_MEM(got, body + 900, sizeof(got));
	r = spool_part_ways(s, 500, &old);
	SCENE_SAME(r, old);
	if (r < 0)
		return r;
	r = spool_write(s, body, 100, 500);
	if (r == 0)
		r = spool_back_to(s, take_ptr(&old), &size);
	else
		free(old);
	CHECK(r < 0 || size == 30000);
	return r;
}

static int run_spool(void)
{
	struct spool *s = SCENE_UNTOUCHED(struct spool *);
	int r = spool_new(dir, NULL, &s);

	SCENE_SAME(r, s);
	if (r < 0)
		return r;
	r = use_spool(s);
	spool_unref(s);
	return r;
}

/* --- read bytes ------------------------------------------------------------------------------- */

static struct fake_s3 s3;
static struct s3_client *client;
static struct pool *pool;
static char version[24], etag[80];

static void before_cache(void)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1",
				       .region = "us-east-1",
				       .bucket = "src",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = scene_attempt,
				       .attempt_arg = &s3 };
	const struct fake_version *v;
	char why[300];

	before();
	fake_init(&s3);
	v = fake_add(&s3, "src", "a", pattern(SIZE), SIZE);
	snprintf(version, sizeof(version), "%s", v->id);
	snprintf(etag, sizeof(etag), "%s", v->etag);
	must(cred_source_static("id", "secret", NULL, &conf.cred));
	must(s3_client_new(&conf, &client, why, sizeof(why)));
	must(pool_new("read", 2, 16, &pool));
	must(pool_start(pool));
}

static void after_cache(int r, bool failed)
{
	pool_free(pool);
	s3_client_free(client);
	fake_free(&s3);
	after(r, failed);
}

static int run_cache(void)
{
	struct read_cache_conf conf = { .client = client,
					.pool = pool,
					.max_bytes = READ_CACHE_MIN,
					.disk_dir = dir,
					.disk_max = GIB };
	struct read_id id = { "a", version, etag, SIZE };
	struct read_cache *c = SCENE_UNTOUCHED(struct read_cache *);
	struct read_pos pos = { 0 };
	char why[300] = "";
	static char got[SIZE];
	int r = read_cache_new(&conf, &c, why, sizeof(why));

	SCENE_SAME(r, c);
	if (r < 0)
		return r;
	for (uint64_t off = 0; r == 0 && off < SIZE; off += SIZE / 4)
		r = read_cache_read(c, &id, &pos, got + off, SIZE / 4, off);
	/* Never a byte that is not the object's. */
	CHECK(r < 0 || memcmp(got, body, SIZE) == 0);
	if (r == 0)
		r = read_cache_read(c, &id, NULL, got, 1000, 5000);
	CHECK(r < 0 || memcmp(got, body + 5000, 1000) == 0);
	read_cache_leave(c, &pos);
	/* readahead may be on its way */
	pool_stop(pool);
	read_cache_free(c);
	return r;
}

/* --- metadata --------------------------------------------------------------------------------- */

static int run_metadb(void)
{
	struct meta_of of = { .etag = "e1", .mtime_ms = 1000 };
	auto_with(meta_rec_free) struct meta_rec rec = { 0 }, got = { 0 };
	struct metadb *m = SCENE_UNTOUCHED(struct metadb *);
	char why[300] = "";
	int r = metadb_open(dir, METADB_BYTES_MAX, &m, why, sizeof(why));

	SCENE_SAME(r, m);
	CHECK(r >= 0 || *why || r == -ENOMEM);
	if (r < 0)
		return r;
	r = kv_set(&rec.meta, "mode", "33188");
	if (r == 0)
		r = str_dup("v1", &rec.version_id);
	if (r == 0) {
		metadb_put(m, "key", &of, &rec);
		r = metadb_get(m, "key", &of, &got);
	}
	if (r == 0) {
		CHECK(kv_equal(&got.meta, &rec.meta));
		CHECK_STR(got.version_id, "v1");
	}
	metadb_del(m, "key");
	metadb_del_below(m, "k");
	metadb_close(m);
	return r;
}

/* --- its options, its directory --------------------------------------------------------------- */

static int run_config(void)
{
	static char name[] = "crrfs", bucket[] = "s3://bucket/prefix", o[] = "-o",
		    list[] = "url=http://h:1,region=eu-west-1,rules=r.json,state=/s,ro,noexec,"
			     "storage_class=GLACIER,sse=aws:kms:k,temp_names=*.x:*.y,events=/e";
	char *argv[] = { name, bucket, dir, o, list, NULL };
	struct config c = { 0 };
	char why[600] = "";
	int r;

	optind = 0;
	r = config_read(array_size(argv) - 1, argv, &c, why, sizeof(why));
	CHECK(r >= 0 || *why);
	config_free(&c);
	return r;
}

static int run_state(void)
{
	char path[100];
	struct state_conf conf = { .dir = path, .url = "http://h", .bucket = "b", .prefix = "",
				   .mountpoint = "/mnt" };
	struct state *s = SCENE_UNTOUCHED(struct state *);
	char why[600] = "";
	int r;

	snprintf(path, sizeof(path), "%s/state", dir);
	r = state_new(&conf, &s, why, sizeof(why));
	SCENE_SAME(r, s);
	CHECK(r >= 0 || *why);
	if (r == 0)
		state_free(s, true);
	return r;
}

/* Whatever was the matter: it is usable now. */
static void check_state(int r, bool failed)
{
	CHECK_INT(run_state(), 0);
	after(r, failed);
}

const struct scene fs_scenes[] = {
	{ .name = "spool", .before = before, .run = run_spool, .after = after,
	  .kinds = SCENE_MEMORY | SCENE_FILE },
	{ .name = "cache", .before = before_cache, .run = run_cache, .after = after_cache,
	  .kinds = SCENE_MEMORY | SCENE_FILE | SCENE_S3 },
	{ .name = "metadb", .before = before, .run = run_metadb, .after = after,
	  .kinds = SCENE_MEMORY | SCENE_FILE | SCENE_SQL,
	  /* a cache: what could not be put is not found */
	  .also = { -ENOENT, -EROFS } },
	{ .name = "config", .before = before, .run = run_config, .after = after,
	  .kinds = SCENE_MEMORY | SCENE_FILE,
	  /* the mountpoint cannot be used, and the words say why */
	  .also = { -EINVAL } },
	{ .name = "state", .before = before, .run = run_state, .after = check_state,
	  .kinds = SCENE_MEMORY | SCENE_FILE },
	{ 0 },
};
