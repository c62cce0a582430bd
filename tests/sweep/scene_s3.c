/* scene_s3.c - the verbs of S3, and uploads, on a server in memory. */
#include "tests/sweep/scene_s3.h"

#include "s3/list.h"
#include "s3/object.h"
#include "s3/tagging.h"
#include "s3/upload.h"

#define LARGE (5 * MIB + 1000)

static struct fake_s3 s3;
static struct s3_client *client;
static struct pool *pool;
static char *body;

static int client_of(struct s3_client **ret_c)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1",
				       .region = "us-east-1",
				       .bucket = "src",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = scene_attempt,
				       .attempt_arg = &s3 };
	char why[300] = "";
	int r = cred_source_static("id", "secret", NULL, &conf.cred);

	if (r < 0)
		return r;
	r = s3_client_new(&conf, ret_c, why, sizeof(why));
	if (r < 0)
		cred_source_free(conf.cred);
	return r;
}

static void before(void)
{
	fake_init(&s3);
	must(client_of(&client));
	must(pool_new("upload", 2, 64, &pool));
	must(pool_start(pool));
	body = pattern(LARGE);
}

static void after(int r, bool failed)
{
	(void)r;
	(void)failed;
	pool_free(pool);
	s3_client_free(client);
	fake_free(&s3);
	free(body);
}

static int read_body(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, body + off, n);
	return 0;
}

static int run_client(void)
{
	struct s3_client *c = SCENE_UNTOUCHED(struct s3_client *);
	int r = client_of(&c);

	SCENE_SAME(r, c);
	if (r == 0)
		s3_client_free(c);
	return r;
}

/* What every error must have, when it came from a server. */
static int told(int r, const struct s3_error *e)
{
	char text[400];

	CHECK(r >= 0 || r == -ENOMEM || *s3_error_text(e, text, sizeof(text)));
	return r;
}

static int put(const char *key, struct s3_info *ret_i)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY, tags = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta, .tags = &tags, .token_name = "crrfs-id" };
	struct s3_error e = { 0 };
	int r = kv_set(&meta, "crrfs-id", "0123");

	if (r == 0)
		r = kv_set(&tags, "class", "secret");
	return r < 0 ? r : told(object_put(client, key, &opts, read_body, NULL, 100, ret_i, &e), &e);
}

static int look(const struct s3_info *i)
{
	auto_with(s3_info_free) struct s3_info head = { 0 }, found = { 0 };
	auto_with(buf_free) struct buf b;
	struct s3_error e = { 0 };
	char got[64];
	size_t n = 0;
	int r = told(object_head(client, "a", NULL, &head, &e), &e);

	buf_init(&b, BUF_LIMIT_SMALL);
	if (r == 0) {
		CHECK_INT(head.size, 100);
		CHECK_STR(kv_get(&head.meta, "crrfs-id"), "0123");
		r = told(object_get_range(client, "a", i->version_id, i->etag,
					  (struct s3_range){ 10, 60 }, got, &n, &e),
			 &e);
	}
	if (r == 0) {
		CHECK_INT(n, 50);
		CHECK_MEM(got, body + 10, 50);
		r = told(object_get_small(client, "a", NULL, 1000, &b, &e), &e);
	}
	if (r == 0) {
		CHECK_INT(b.len, 100);
		CHECK_MEM(buf_str(&b), body, 100);
		r = told(object_find(client, "a", "crrfs-id", "0123", 0, &found, &e), &e);
	}
	return r;
}

static int change(const struct s3_info *i)
{
	auto_with(s3_info_free) struct s3_info copy = { 0 };
	auto_with(s3_page_free) struct s3_page page = { 0 };
	auto_with(kv_free) struct kv tags = KV_EMPTY, meta = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta, .tags = &tags, .token_name = "crrfs-id" };
	auto_free char *marker = NULL;
	struct s3_error e = { 0 };
	int r = told(tagging_get(client, "a", i->version_id, &tags, &e), &e);

	if (r == 0) {
		CHECK_STR(kv_get(&tags, "class"), "secret");
		r = kv_set(&tags, "more", "1");
	}
	if (r == 0)
		r = told(tagging_put(client, "a", i->version_id, &tags, &e), &e);
	if (r == 0)
		r = kv_set(&meta, "crrfs-id", "4567");
	if (r == 0)
		r = told(object_copy(client, "a", i->version_id, i->etag, 100, "b", &opts, &copy, &e),
			 &e);
	if (r == 0)
		r = told(object_delete(client, "a", &marker, &e), &e);
	if (r == 0)
		r = told(list_versions(client, "", NULL, NULL, NULL, 1000, &page, &e), &e);
	CHECK(r < 0 || page.n == 3);
	return r;
}

static int run_verbs(void)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	int r = put("a", &i);

	if (r == 0)
		r = look(&i);
	if (r == 0)
		r = change(&i);
	return r;
}

static void check_verbs(int r, bool failed)
{
	/* One call makes one version, whatever became of its answer. */
	CHECK(fake_count(&s3, "src", "a") <= 2);
	CHECK(fake_count(&s3, "src", "b") <= 1);
	after(r, failed);
}

static uint64_t one(void *arg, unsigned part)
{
	(void)arg;
	(void)part;
	return 1;
}

static void nothing(void *arg)
{
	(void)arg;
}

static int run_upload(uint64_t size)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY, tags = KV_EMPTY;
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_put_opts opts = { .meta = &meta, .tags = &tags, .token_name = "crrfs-id" };
	struct upload_conf conf = { .client = client,
				    .pool = pool,
				    .key = "a",
				    .opts = &opts,
				    .src = { read_body, one, nothing, nothing, NULL, NULL } };
	struct upload *u = SCENE_UNTOUCHED(struct upload *);
	struct s3_error e = { 0 };
	int r = kv_set(&meta, "crrfs-id", "0123");

	if (r == 0)
		r = kv_set(&tags, "class", "secret");
	if (r == 0) {
		r = upload_new(&conf, &u);
		SCENE_SAME(r, u);
	}
	if (r < 0)
		return r;
	if (size > PART_SIZE_MIN)
		upload_offer(u, 1);
	r = told(upload_finish(u, size, &i, &e), &e);
	CHECK(r == 0 || (!i.version_id && !i.etag));
	upload_drop(u);
	return r;
}

static int run_small(void)
{
	return run_upload(1000);
}

static int run_large(void)
{
	return run_upload(LARGE);
}

static void check_upload(int r, uint64_t size, bool failed)
{
	const struct fake_version *v = fake_find(&s3, "src", "a", NULL);

	/* The pool first: an abort may be on its way. */
	pool_stop(pool);
	CHECK(fake_count(&s3, "src", "a") <= 1);
	CHECK(v || r < 0);
	if (v && CHECK_INT(v->len, size)) {
		CHECK_INT(memcmp(v->body, body, v->len), 0);
		CHECK_STR(kv_get(&v->headers, "x-amz-meta-crrfs-id"), "0123");
		CHECK(r < 0 || kv_get(&v->tags, "class"));
	}
	after(r, failed);
}

static void check_small(int r, bool failed)
{
	check_upload(r, 1000, failed);
}

static void check_large(int r, bool failed)
{
	check_upload(r, LARGE, failed);
}

#define SCENE_HERE (SCENE_MEMORY | SCENE_S3)

const struct scene s3_scenes[] = {
	{ .name = "client", .run = run_client, .kinds = SCENE_MEMORY },
	{ .name = "verbs", .before = before, .run = run_verbs, .after = check_verbs,
	  .kinds = SCENE_HERE },
	{ .name = "upload_small", .before = before, .run = run_small, .after = check_small,
	  .kinds = SCENE_HERE },
	{ .name = "upload_large", .before = before, .run = run_large, .after = check_large,
	  .kinds = SCENE_HERE },
	{ 0 },
};
