#include "queue/copy_i.h"
#include "queue/worker_i.h"
#include "tests/unit/queue_fixture.h"

static struct queue_fixture f;

struct notes {
	char upload[64];
	enum mpu_sum sum;
	unsigned parts, forgotten;
	bool stop;
};

static int on_upload(void *arg, const char *id, enum mpu_sum sum)
{
	struct notes *n = arg;

	n->sum = sum;
	n->forgotten += id == NULL;
	snprintf(n->upload, sizeof(n->upload), "%s", id ? id : "");
	return 0;
}

static int on_part(void *arg, const struct mpu_part *p)
{
	(void)p;
	((struct notes *)arg)->parts++;
	return 0;
}

static bool stopping(void *arg)
{
	return ((struct notes *)arg)->stop;
}

struct run {
	struct notes notes;
	struct copy_report report;
	struct s3_error error;
	char version[256];
	const struct mpu_part *parts;
	size_t parts_n;
	const char *replica_version;
	struct s3_caps *caps;
};

static int run(const struct job *j, struct run *r)
{
	struct dest *d;
	char why[300];
	struct copy_conf conf = {
		.source = f.source,
		.source_bucket = "src",
		.staging_dir = f.staging,
		.on_upload = on_upload,
		.on_part = on_part,
		.parts = r->parts,
		.parts_n = r->parts_n,
		.arg = &r->notes,
		.stopping = stopping,
		.replica_version = r->replica_version,
		.caps = r->caps,
		.report = &r->report,
	};

	must(dest_get(f.dests, COPY, &d, why, sizeof(why)));
	conf.dest = dest_client(d);
	r->version[0] = '\0';
	return copy_run(j, &conf, r->version, &r->error);
}

static struct job job_of(enum job_kind kind, const char *key, const char *version)
{
	return (struct job){ .id = 1,
			     .kind = kind,
			     .key = fake_dup(key),
			     .version = fake_dup(version),
			     .dest = fake_dup(COPY),
			     .created_ms = clock_wall_ms() };
}

static void check_replica(const char *key, const char *body, size_t n, const char *token,
			  const char *source_version)
{
	const struct fake_version *v = fake_find(&f.s3, "copy", key, NULL);

	if (!CHECK(v != NULL) || !CHECK_INT(v->len, n))
		return;
	CHECK_MEM(v->body, body, n);
	CHECK_STR(kv_get(&v->headers, "x-amz-meta-colour"), "red");
	CHECK_STR(kv_get(&v->headers, "x-amz-meta-crrfs-replica-of"), "src");
	CHECK_STR(kv_get(&v->headers, "x-amz-meta-crrfs-id"), token);
	CHECK_STR(kv_get(&v->headers, "x-amz-meta-crrfs-source-version"), source_version);
	CHECK_STR(kv_get(&v->tags, "class"), "x");
}

static void tag_source(const char *key)
{
	must(kv_set(&fake_find(&f.s3, "src", key, NULL)->tags, "class", "x"));
}

/* From the staged file: one PUT, nothing else. */
static void test_single_staged(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	stage(&f, "s", "hello", 5);
	j.staged = fake_dup("s");
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(r.version, fake_find(&f.s3, "copy", "a", NULL)->id);
	CHECK_INT(r.report.bytes, 5);
	check_replica("a", "hello", 5, "tok", j.version);
	CHECK_INT(fake_logged(&f.s3, ""), 1);
	job_free(&j);
	fixture_free(&f);
}

/* Nothing known, nothing staged, not written by us. */
static void test_single_foreign(void)
{
	size_t n = (size_t)(9 * MIB);
	char *body = pattern(n);
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a b/ü", source_put(&f, "a b/ü", NULL, body, n));
	tag_source("a b/ü");
	j.staged = fake_dup("gone");
	CHECK_INT(run(&j, &r), 0);
	check_replica("a b/ü", body, n, NULL, j.version);
	CHECK_INT(fake_logged(&f.s3, "POST"), 0);
	job_free(&j);
	fixture_free(&f);
	free(body);
}

static void test_gone_and_replica(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", "v1");
	CHECK_INT(run(&j, &r), -ENODATA);
	job_free(&j);
	/* Known, so that only the GET finds out. */
	j = job_of(JOB_OBJECT, "a", "v1");
	j.spec = (struct job_spec){ .known = true, .size = 5 };
	CHECK_INT(run(&j, &r), -ENODATA);
	job_free(&j);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", NULL, "x", 1));
	must(kv_set(&fake_find(&f.s3, "src", "a", NULL)->headers, "x-amz-meta-crrfs-replica-of",
		    "y"));
	CHECK_INT(run(&j, &r), -ENODATA);
	CHECK_INT(fake_count(&f.s3, "copy", NULL), 0);
	job_free(&j);
	fixture_free(&f);
}

static void test_whose_fault(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	fake_set_fault(&f.s3, "src", "GET", 503, "SlowDown", -1);
	CHECK(run(&j, &r) < 0);
	CHECK(r.report.at_source);
	CHECK_STR(r.error.code, "SlowDown");
	fake_set_fault(&f.s3, "copy", "PUT", 403, "AccessDenied", -1);
	CHECK_INT(run(&j, &r), -EACCES);
	CHECK(!r.report.at_source && !r.report.uncertain);
	CHECK_STR(r.error.code, "AccessDenied");
	job_free(&j);
	fixture_free(&f);
}

/* The answer was lost, in this process or in one before it. */
static void test_uncertain(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	fake_set_fault(&f.s3, "copy", "PUT", -1, NULL, 1);
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 1);
	j.uncertain = true;
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(r.version, fake_find(&f.s3, "copy", "a", NULL)->id);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 1);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/a?tagging"), 1);
	/* Not there: it is sent. While nobody answers it stays uncertain. */
	free(j.token);
	j.token = fake_dup("other");
	fake_set_fault(&f.s3, "copy", "HEAD", 0, NULL, 1);
	CHECK(run(&j, &r) < 0);
	CHECK(r.report.uncertain);
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 2);
	job_free(&j);
	fixture_free(&f);
}

static void test_parts(void)
{
	size_t n = (size_t)(12 * MIB);
	char *body = pattern(n);
	struct mpu_part done[2] = { 0 };
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	f.s3.keep_no_tags = true;
	j = job_of(JOB_OBJECT, "big", source_put(&f, "big", "tok", body, n));
	tag_source("big");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "big", "tok");
	/* The second part fails: what was sent is recorded. */
	fake_set_fault(&f.s3, "copy", "partNumber=2", 503, "SlowDown", -1);
	CHECK(run(&j, &r) < 0);
	CHECK(!r.report.uncertain && !r.report.at_source);
	CHECK_INT(r.notes.parts, 1);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	j.upload_id = fake_dup(r.notes.upload);
	done[0] = (struct mpu_part){ .number = 1, .size = 5 * MIB };
	fake_etag(body, (size_t)(5 * MIB), done[0].etag);
	/* a row of other parts than ours are now */
	done[1] = (struct mpu_part){ .number = 9, .size = 5 * MIB };
	fake_forget_log(&f.s3);
	r = (struct run){ .parts = done, .parts_n = 2 };
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(r.notes.parts, 2);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/big?partNumber=1"), 0);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/big?tagging"), 1);
	check_replica("big", body, n, "tok", j.version);
	/* The upload is gone: from the beginning. */
	r = (struct run){ .parts = done, .parts_n = 1 };
	free(j.token);
	j.token = fake_dup("tok2");
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(r.notes.forgotten, 1);
	CHECK_INT(r.notes.parts, 3);
	check_replica("big", body, n, "tok2", j.version);
	/* Stopped between parts. */
	free(j.upload_id);
	j.upload_id = NULL;
	r = (struct run){ .notes = { .stop = true } };
	CHECK_INT(run(&j, &r), -ECANCELED);
	job_free(&j);
	fixture_free(&f);
	free(body);
}

/* Parts that the server has are not the recorded ones. */
static void test_invalid_part(void)
{
	size_t n = (size_t)(8 * MIB);
	char *body = pattern(n);
	struct mpu_part lies[2] = {
		{ .number = 1, .etag = "00000000000000000000000000000000", .size = 5 * MIB },
		{ .number = 2, .etag = "00000000000000000000000000000000", .size = 3 * MIB }
	};
	struct run r = { .parts = lies, .parts_n = 2 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "big", source_put(&f, "big", "tok", body, n));
	tag_source("big");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "big", "tok");
	lock_take(&f.s3.l);
	f.s3.uploads[0] = (struct fake_upload){ .bucket = fake_dup("copy"),
						.key = fake_dup("big"),
						.id = fake_dup("u1") };
	f.s3.uploads[0].parts[1] = (struct fake_part){ fake_dup("x"), fake_dup("1111"), 1 };
	f.s3.uploads_n = 1;
	lock_drop(&f.s3.l);
	j.upload_id = fake_dup("u1");
	CHECK_INT(run(&j, &r), 0);
	check_replica("big", body, n, "tok", j.version);
	job_free(&j);
	fixture_free(&f);
	free(body);
}

/* The staged bytes are not those of the source: said so, and the next try reads the source. */
static void test_differs(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	stage(&f, "s", "jello", 5);
	j.staged = fake_dup("s");
	CHECK_INT(run(&j, &r), -EIO);
	CHECK_STR(r.error.code, COPY_DIFFERS);
	CHECK(!r.report.uncertain);
	j.code = fake_dup(r.error.code);
	CHECK_INT(run(&j, &r), 0);
	check_replica("a", "hello", 5, "tok", j.version);
	/* With KMS at the source its ETag is no MD5; what was read there counts. */
	free(j.spec.etag);
	j.spec.etag = fake_dup("0123456789abcdef0123456789abcdef");
	CHECK_INT(run(&j, &r), 0);
	job_free(&j);
	fixture_free(&f);
}

/* The replica of a file in parts has other bytes, though as many: the ETags of the same parts say
 * so. Of other parts they say nothing. */
static void test_differs_in_parts(void)
{
	size_t n = (size_t)(9 * MIB);
	char *body = pattern(n);
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "big", source_put(&f, "big", "tok", body, n));
	tag_source("big");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "big", "tok");
	free(j.spec.etag);
	j.spec.etag = fake_dup("0123456789abcdef0123456789abcdef-2");
	stage(&f, "s", body, n);
	j.staged = fake_dup("s");
	CHECK_INT(run(&j, &r), -EIO);
	CHECK_STR(r.error.code, COPY_DIFFERS);
	CHECK(r.report.at_source && !r.report.uncertain);
	free(j.spec.etag);
	j.spec.etag = fake_dup("0123456789abcdef0123456789abcdef-3");
	CHECK_INT(run(&j, &r), 0);
	job_free(&j);
	fixture_free(&f);
	free(body);
}

/* The destination says that what arrived is not what was sent. */
static void test_stored_others(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	fake_set_fault(&f.s3, "copy", "PUT", 400, "ETagMismatch", 1);
	CHECK(run(&j, &r) < 0);
	CHECK_STR(r.error.code, COPY_DIFFERS);
	CHECK(strstr(r.error.message, "ETagMismatch") != NULL);
	CHECK_INT(run(&j, &r), 0);
	check_replica("a", "hello", 5, "tok", j.version);
	job_free(&j);
	fixture_free(&f);
}

static void test_tags(void)
{
	struct run r = { 0 };
	struct job j;
	char first[32];

	fixture_init(&f, RULES_TWO);
	snprintf(first, sizeof(first), "%s", fake_add(&f.s3, "copy", "a", fake_dup("1"), 1)->id);
	fake_add(&f.s3, "copy", "a", fake_dup("2"), 1);
	j = job_of(JOB_TAGS, "a", "v9");
	must(kv_set(&j.spec.tags, "class", "x"));
	r.replica_version = first;
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(kv_get(&fake_find(&f.s3, "copy", "a", first)->tags, "class"), "x");
	CHECK_INT(fake_logged(&f.s3, ""), 1);
	/* Not in the ledger: the marks tell; the current version of somebody else is left alone. */
	r.replica_version = NULL;
	CHECK_INT(run(&j, &r), -ENODATA);
	CHECK_INT(fake_find(&f.s3, "copy", "a", NULL)->tags.n, 0);
	must(kv_set(&fake_find(&f.s3, "copy", "a", first)->headers,
		    "x-amz-meta-crrfs-source-version", "v9"));
	kv_free(&fake_find(&f.s3, "copy", "a", first)->tags);
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(kv_get(&fake_find(&f.s3, "copy", "a", first)->tags, "class"), "x");
	CHECK_STR(r.version, first);
	/* A server without tags has them in the metadata of its current version; of an older one
	 * nobody changes them. */
	r.caps = &(struct s3_caps){ .tags = CAP_NO };
	CHECK_INT(run(&j, &r), -ENODATA);
	job_free(&j);
	/* The source's trouble, and what is gone there. */
	r = (struct run){ .replica_version = first };
	j = job_of(JOB_ACL, "a", "v9");
	fake_set_fault(&f.s3, "src", "GET", 500, "InternalError", -1);
	CHECK(run(&j, &r) < 0);
	CHECK(r.report.at_source);
	fake_set_fault(&f.s3, "src", "GET", 404, "NoSuchVersion", -1);
	CHECK_INT(run(&j, &r), -ENODATA);
	job_free(&j);
	fixture_free(&f);
}

static void test_delete(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	fake_add(&f.s3, "copy", "a", fake_dup("1"), 1);
	j = job_of(JOB_DELETE, "a", "v9");
	CHECK_INT(run(&j, &r), 0);
	CHECK(fake_find(&f.s3, "copy", "a", NULL)->marker);
	CHECK_STR(r.version, fake_find(&f.s3, "copy", "a", NULL)->id);
	j.uncertain = true;
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 2);
	fake_add(&f.s3, "copy", "a", fake_dup("2"), 1);
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 4);
	job_free(&j);
	fixture_free(&f);
}

static void test_etag_form(void)
{
	unsigned n = 9;

	CHECK(copy_etag_form("0123456789abcdef0123456789abcdef", &n) && n == 0);
	CHECK(copy_etag_form("0123456789abcdef0123456789abcdef-12", &n) && n == 12);
	CHECK(!copy_etag_form(NULL, &n));
	CHECK(!copy_etag_form("0123456789abcdef0123456789abcdeg", &n));
	CHECK(!copy_etag_form("0123456789abcdef0123456789abcdef-", &n));
	CHECK(!copy_etag_form("0123456789abcdef0123456789abcdef-10001", &n));
	CHECK(!copy_etag_form("0123456789abcdef0123456789abcdef0", &n));
}

/* "Bucket owner enforced": without the ACL then, and from the first answer on. */
static void test_acl_refused(void)
{
	struct s3_caps caps = { 0 };
	struct run r = { .caps = &caps };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	j.spec.acl = fake_dup("public-read");
	fake_set_fault(&f.s3, "copy", "PUT", 400, "AccessControlListNotSupported", 1);
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(caps.acl, CAP_NO);
	check_replica("a", "hello", 5, "tok", j.version);
	CHECK_STR(kv_get(&fake_find(&f.s3, "copy", "a", NULL)->headers, "x-amz-meta-crrfs-acl"),
		  "public-read");
	CHECK_INT(fake_logged(&f.s3, "PUT copy/a"), 2);
	/* Known by now: a refusal is something else. */
	fake_set_fault(&f.s3, "copy", "PUT", 400, "AccessControlListNotSupported", 1);
	CHECK(run(&j, &r) < 0);
	job_free(&j);
	fixture_free(&f);
}

static void test_lock_missing(void)
{
	struct s3_caps caps = { .lock = CAP_NO };
	struct run r = { .caps = &caps };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	j.token = fake_dup("tok");
	j.spec = spec_of(&f, "a", "tok");
	j.spec.legal_hold = true;
	/* Known before: nothing is asked. */
	CHECK_INT(run(&j, &r), -EINVAL);
	CHECK_STR(r.error.code, COPY_LOCK_MISSING);
	CHECK_INT(fake_logged(&f.s3, ""), 0);
	/* Not known: the server's refusal tells, unless it has Object Lock. */
	caps.lock = CAP_UNKNOWN;
	fake_set_fault(&f.s3, "copy", "PUT", 400, "InvalidRequest", 2);
	CHECK(run(&j, &r) < 0);
	CHECK_STR(r.error.code, COPY_LOCK_MISSING);
	caps.lock = CAP_YES;
	CHECK(run(&j, &r) < 0);
	CHECK_STR(r.error.code, "InvalidRequest");
	/* A retention that is over asks for nothing. */
	caps.lock = CAP_NO;
	j.spec.legal_hold = false;
	j.spec.lock_mode = fake_dup("GOVERNANCE");
	j.spec.retain_until_ms = clock_wall_ms() - 1000;
	CHECK_INT(run(&j, &r), 0);
	job_free(&j);
	fixture_free(&f);
}

/* A version that was copied within the source has the token of the one it was made of. */
static void test_same_token(void)
{
	struct run r = { 0 };
	struct job j;
	char first[256];

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	CHECK_INT(run(&j, &r), 0);
	snprintf(first, sizeof(first), "%s", r.version);
	job_free(&j);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	tag_source("a");
	j.uncertain = true;
	CHECK_INT(run(&j, &r), 0);
	CHECK(strcmp(r.version, first) != 0);
	check_replica("a", "hello", 5, "tok", j.version);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 2);
	/* Both are there now: each is found. */
	CHECK_INT(run(&j, &r), 0);
	free(j.version);
	j.version = fake_dup("v1");
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(r.version, first);
	/* And which is current is told as well. */
	j.repair = true;
	CHECK_INT(run(&j, &r), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "a"), 3);
	job_free(&j);
	fixture_free(&f);
}

/* Made by an upload of one part: so is the replica, however small. */
static void test_one_part(void)
{
	struct fake_version *v;
	char md5_hex[2 * MD5_SIZE + 1];
	uint8_t sum[MD5_SIZE];
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", NULL, "hello", 5));
	v = fake_find(&f.s3, "src", "a", NULL);
	must(md5("hello", 5, sum));
	fake_etag(sum, sizeof(sum), md5_hex);
	snprintf(v->etag, sizeof(v->etag), "%s-1", md5_hex);
	CHECK_INT(run(&j, &r), 0);
	CHECK_STR(fake_find(&f.s3, "copy", "a", NULL)->etag, v->etag);
	CHECK_INT(fake_logged(&f.s3, "PUT copy/a?partNumber=1"), 1);
	job_free(&j);
	fixture_free(&f);
}

static void test_not_eligible(void)
{
	struct run r = { 0 };
	struct job j;

	fixture_init(&f, RULES_TWO);
	j = job_of(JOB_OBJECT, "a", source_put(&f, "a", "tok", "hello", 5));
	/* SSE-KMS, and no key in the rule: it does not select it. */
	j.spec = spec_of(&f, "a", "tok");
	j.spec.sse = fake_dup("aws:kms");
	CHECK_INT(run(&j, &r), -ENODATA);
	/* SSE-C: S3 answers 400 to a HEAD without the key. */
	job_spec_free(&j.spec);
	fake_set_fault(&f.s3, "src", "HEAD", 400, "", 1);
	CHECK_INT(run(&j, &r), -EIO);
	CHECK_STR(r.error.code, COPY_NOT_ELIGIBLE);
	CHECK(r.report.at_source);
	CHECK_INT(fake_count(&f.s3, "copy", NULL), 0);
	job_free(&j);
	fixture_free(&f);
}

int main(void)
{
	test_single_staged();
	test_single_foreign();
	test_gone_and_replica();
	test_whose_fault();
	test_uncertain();
	test_parts();
	test_invalid_part();
	test_differs();
	test_differs_in_parts();
	test_stored_others();
	test_tags();
	test_delete();
	test_acl_refused();
	test_lock_missing();
	test_same_token();
	test_one_part();
	test_not_eligible();
	test_etag_form();
	return check_done();
}
