/* test_copy_base.c - what a destination has already: is it copied there, and when is it sent? */
#include "queue/copy_i.h"
#include "queue/worker_i.h"
#include "s3/mpu.h"
#include "tests/unit/queue_fixture.h"

#define PARTS_SIZE (12 * MIB)

static struct queue_fixture f;

static int on_upload(void *arg, const char *id, enum mpu_sum sum)
{
	(void)arg;
	(void)id;
	(void)sum;
	return 0;
}

static int on_part(void *arg, const struct mpu_part *p)
{
	(void)p;
	__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED);
	return 0;
}

struct run {
	const char *base_version;
	struct s3_caps caps;
	bool pool;
	unsigned parts; /* recorded */
	struct copy_report report;
	struct s3_error error;
	char version[256];
};

static int run(const struct job *j, struct run *r)
{
	struct dest *d;
	char why[300];
	struct copy_conf conf = { .source = f.source,
				  .source_bucket = "src",
				  .staging_dir = f.staging,
				  .pool = r->pool ? f.pool : NULL,
				  .on_upload = on_upload,
				  .on_part = on_part,
				  .arg = &r->parts,
				  .base_version = r->base_version,
				  .caps = &r->caps,
				  .report = &r->report };

	must(dest_get(f.dests, COPY, &d, why, sizeof(why)));
	conf.dest = dest_client(d);
	fake_forget_log(&f.s3);
	return copy_run(j, &conf, r->version, &r->error);
}

/* "old" at the source and its replica; "new" at the source, with a job that says it is made of it. */
static struct job begin(const char *old, const char *body, size_t n, struct run *r)
{
	struct fake_version *v;
	struct job j = { .id = 1,
			 .kind = JOB_OBJECT,
			 .key = fake_dup("new"),
			 .dest = fake_dup(COPY),
			 .token = fake_dup("tok"),
			 .created_ms = clock_wall_ms() };
	char *copy = fake_memory(malloc(n));

	fixture_init(&f, RULES_TWO);
	memcpy(copy, old, n);
	j.spec.base.version = fake_dup(source_put(&f, "old", "was", old, n));
	v = fake_add(&f.s3, "copy", "old", copy, n);
	must(kv_set(&v->tags, "left", "behind"));
	r->base_version = v->id;
	j.version = fake_dup(source_put(&f, "new", "tok", body, n));
	j.spec.known = true;
	j.spec.size = j.spec.base.size = j.spec.base.shown = n;
	j.spec.multipart = n > PART_SIZE_MIN;
	j.spec.etag = fake_dup(fake_find(&f.s3, "src", "new", NULL)->etag);
	j.spec.base.key = fake_dup("old");
	j.spec.base.etag = fake_dup(v->etag);
	must(kv_set(&j.spec.meta, "colour", "red"));
	return j;
}

static void end(struct job *j)
{
	job_free(j);
	fixture_free(&f);
}

static void check_body(const char *body, size_t n)
{
	const struct fake_version *v = fake_find(&f.s3, "copy", "new", NULL);

	if (CHECK(v != NULL) && CHECK_INT(v->len, n)) {
		CHECK_MEM(v->body, body, n);
		CHECK_STR(kv_get(&v->headers, "x-amz-meta-colour"), "red");
		CHECK_STR(kv_get(&v->headers, "x-amz-meta-crrfs-id"), "tok");
		CHECK_INT(v->tags.n, 0);
	}
	CHECK_INT(fake_count(&f.s3, "copy", "new"), 1);
}

static void test_whole(void)
{
	struct run r = { 0 };
	struct job j = begin("hello", "hello", 5, &r);

	CHECK_INT(run(&j, &r), 0);
	check_body("hello", 5);
	CHECK_STR(r.version, fake_find(&f.s3, "copy", "new", NULL)->id);
	CHECK_INT(r.report.bytes, 0);
	CHECK_INT(fake_logged(&f.s3, ""), 1);
	end(&j);
}

/* Nothing is tried, and the body is sent. */
static void test_not_tried(void)
{
	static const char *const names[] = { "no replica", "may not read", "differed before",
					     "only a part of it" };

	for (size_t i = 0; i < array_size(names); i++) {
		struct run r = { 0 };
		struct job j = begin("hello", "hello", 5, &r);

		CHECK_CASE(names[i]);
		if (i == 0)
			r.base_version = NULL;
		if (i == 1)
			r.caps.get = CAP_DENIED;
		if (i == 2)
			j.code = fake_dup(COPY_DIFFERS);
		if (i == 3)
			j.spec.base.shown = 4;
		CHECK_INT(run(&j, &r), 0);
		check_body("hello", 5);
		CHECK_INT(r.report.bytes, 5);
		CHECK_INT(fake_logged(&f.s3, "PUT copy/"), 1);
		CHECK_INT(fake_logged(&f.s3, "copy/old"), 0);
		end(&j);
	}
	CHECK_CASE("");
}

static void test_refused(void)
{
	static const struct {
		int status;
		const char *code;
	} rows[] = {
		{ 403, "AccessDenied" },   { 403, "InvalidObjectState" }, { 404, "NoSuchVersion" },
		{ 404, "NoSuchKey" },	   { 412, "PreconditionFailed" }, { 501, "NotImplemented" },
		{ 400, "InvalidRequest" }, { 405, "MethodNotAllowed" },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct run r = { 0 };
		struct job j = begin("hello", "hello", 5, &r);

		CHECK_CASE(rows[i].code);
		fake_set_fault(&f.s3, "copy", "PUT", rows[i].status, rows[i].code, 1);
		CHECK_INT(run(&j, &r), 0);
		check_body("hello", 5);
		CHECK_INT(r.report.bytes, 5);
		CHECK(!r.report.uncertain);
		end(&j);
	}
	CHECK_CASE("");
}

/* No answer: a copy may stand, so nothing is sent beside it. */
static void test_lost(void)
{
	struct run r = { 0 };
	struct job j = begin("hello", "hello", 5, &r);

	fake_set_fault(&f.s3, "copy", "", 0, "", -1);
	CHECK(run(&j, &r) < 0);
	CHECK(r.report.uncertain);
	fake_set_fault(&f.s3, "copy", "", 0, "", 0);
	CHECK_INT(fake_count(&f.s3, "copy", "new"), 0);
	j.uncertain = true;
	CHECK_INT(run(&j, &r), 0);
	check_body("hello", 5);
	CHECK_INT(r.report.bytes, 0);
	end(&j);
}

/* Where a version id says nothing, or there is none, the bytes of today count. */
static void test_looked_at(void)
{
	for (int same = 0; same <= 1; same++)
		for (int side = 0; side <= 1; side++) {
			struct run r = { 0 };
			struct job j = begin(same ? "hello" : "jello", "hello", 5, &r);

			if (!same) { /* the ledger's replica is of what was there before */
				free(j.spec.base.etag);
				j.spec.base.etag = fake_dup(j.spec.etag);
			}
			if (side == 0) {
				free(j.spec.base.version);
				j.spec.base.version = NULL;
			} else {
				r.base_version = "";
			}
			CHECK_INT(run(&j, &r), 0);
			check_body("hello", 5);
			CHECK_INT(r.report.bytes, same ? 0 : 5);
			CHECK_INT(fake_logged(&f.s3, "HEAD copy/old"), 1);
			end(&j);
		}
}

/* An edit in part 2 of 3. */
static struct job begin_edit(char *old, char *body, struct run *r)
{
	struct job j;

	memset(body + 6 * MIB, 'x', 1000);
	j = begin(old, body, PARTS_SIZE, r);
	j.spec.base.own = fake_memory(calloc(1, sizeof(*j.spec.base.own)));
	j.spec.base.own_n = 1;
	j.spec.base.own[0] = (struct s3_range){ 5 * MIB, 10 * MIB };
	/* The ETag of a source that was made in parts is not looked at here. */
	free(j.spec.etag);
	j.spec.etag = NULL;
	return j;
}

static void test_parts(bool pool, bool staged)
{
	char *old = pattern(PARTS_SIZE), *body = pattern(PARTS_SIZE);
	struct run r = { .pool = pool };
	struct job j = begin_edit(old, body, &r);

	if (staged) { /* with nothing in it where the base's bytes are */
		auto_free char *holes = fake_memory(calloc(1, 10 * MIB));

		memcpy(holes + 5 * MIB, body + 5 * MIB, 5 * MIB);
		stage(&f, "s", holes, 10 * MIB);
		j.staged = fake_dup("s");
	}
	CHECK_INT(run(&j, &r), 0);
	check_body(body, PARTS_SIZE);
	CHECK_INT(r.report.bytes, 5 * MIB);
	CHECK_INT(r.parts, 3);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/new?partNumber"), 3);
	CHECK(fake_logged(&f.s3, "GET src/") <= (staged ? 0u : 1u));
	end(&j);
	free(old);
	free(body);
}

/* An upload that was begun is gone on with, also where one request would do. */
static void test_begun(void)
{
	char *body = pattern(PARTS_SIZE);
	struct run r = { 0 };
	struct job j = begin(body, body, PARTS_SIZE, &r);
	struct kv meta = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta };
	struct dest *d;
	char why[300];

	must(kv_set(&meta, "colour", "red"));
	must(kv_set(&meta, "crrfs-id", "tok"));
	must(dest_get(f.dests, COPY, &d, why, sizeof(why)));
	must(mpu_create(dest_client(d), "new", &opts, &j.upload_id, &j.upload_sum, NULL));
	CHECK_INT(run(&j, &r), 0);
	check_body(body, PARTS_SIZE);
	CHECK_INT(r.report.bytes, 0);
	CHECK_INT(f.s3.uploads_n, 1);
	CHECK(!f.s3.uploads[0].id);
	end(&j);
	kv_free(&meta);
	free(body);
}

/* The source tells what the version carries, and not what it was made of: a staged file of the right
 * length has holes all the same. */
static void test_staged_unknown(void)
{
	char *old = pattern(PARTS_SIZE), *body = pattern(PARTS_SIZE);
	auto_free char *holes = fake_memory(calloc(1, PARTS_SIZE));
	struct run r = { 0 };
	struct job j = begin_edit(old, body, &r);
	struct fake_version *v = fake_find(&f.s3, "src", "new", NULL);

	must(kv_set(&v->headers, "x-amz-meta-colour", "red"));
	memcpy(holes + 5 * MIB, body + 5 * MIB, 5 * MIB);
	stage(&f, "s", holes, PARTS_SIZE);
	j.staged = fake_dup("s");
	j.spec.known = false;
	CHECK_INT(run(&j, &r), 0);
	check_body(body, PARTS_SIZE);
	CHECK_INT(r.report.bytes, PARTS_SIZE);
	end(&j);
	free(old);
	free(body);
}

/* The first copy is refused: all parts are sent, none twice. */
static void test_parts_refused(void)
{
	char *old = pattern(PARTS_SIZE), *body = pattern(PARTS_SIZE);
	struct run r = { 0 };
	struct job j = begin_edit(old, body, &r);

	fake_set_fault(&f.s3, "copy", "partNumber", 501, "NotImplemented", 1);
	CHECK_INT(run(&j, &r), 0);
	check_body(body, PARTS_SIZE);
	CHECK_INT(r.report.bytes, PARTS_SIZE);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/new?partNumber"), 4);
	end(&j);
	/* A busy server is asked again later: nothing is sent instead, until then. */
	r = (struct run){ 0 };
	j = begin_edit(old, body, &r);
	fake_set_fault(&f.s3, "copy", "partNumber", 503, "SlowDown", 1);
	CHECK(run(&j, &r) < 0);
	CHECK_INT(r.report.bytes, 0);
	CHECK(!r.report.at_source);
	j.attempt = 1;
	fake_set_fault(&f.s3, "copy", "copy/old", 503, "SlowDown", -1);
	CHECK_INT(run(&j, &r), 0);
	check_body(body, PARTS_SIZE);
	CHECK_INT(r.report.bytes, PARTS_SIZE);
	end(&j);
	free(old);
	free(body);
}

/* After a try that did not reach the destination the copies are no worse than before; after one that
 * got no answer they may be what it fails at. */
static void test_again(void)
{
	static const struct {
		const char *code;
		bool uncertain;
		uint64_t sent;
	} rows[] = {
		{ "Transport", false, 5 * MIB },
		{ "Transport", true, PARTS_SIZE },
		{ "InternalError", false, PARTS_SIZE },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		char *old = pattern(PARTS_SIZE), *body = pattern(PARTS_SIZE);
		struct run r = { 0 };
		struct job j = begin_edit(old, body, &r);

		CHECK_CASE(rows[i].code);
		j.attempt = 3;
		j.code = fake_dup(rows[i].code);
		j.uncertain = rows[i].uncertain;
		CHECK_INT(run(&j, &r), 0);
		check_body(body, PARTS_SIZE);
		CHECK_INT(r.report.bytes, rows[i].sent);
		end(&j);
		free(old);
		free(body);
	}
	CHECK_CASE("");
}

int main(void)
{
	test_whole();
	test_not_tried();
	test_refused();
	test_lost();
	test_looked_at();
	test_parts(false, true);
	test_parts(true, true);
	test_parts(true, false);
	test_begun();
	test_again();
	test_staged_unknown();
	test_parts_refused();
	return check_done();
}
