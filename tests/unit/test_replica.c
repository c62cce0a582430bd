#include "queue/replica.h"
#include "tests/unit/check.h"

#define NOW 1000000

static struct job_spec spec;
static struct job_how how;
static struct s3_caps caps;
static struct replica_in in;

static void reset(void)
{
	job_spec_free(&spec);
	how = (struct job_how){ 0 };
	caps = (struct s3_caps){ 0 };
	in = (struct replica_in){ .source_bucket = "src",
				  .spec = &spec,
				  .how = &how,
				  .caps = &caps,
				  .token = "tok",
				  .version = "v1",
				  .now_ms = NOW };
}

static char *text(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

static struct replica make(void)
{
	struct replica r = { 0 };

	CHECK_INT(replica_make(&in, &r), 0);
	return r;
}

static void test_meta(void)
{
	struct replica r;

	reset();
	spec.mtime_ms = 1700000000000;
	CHECK_INT(kv_set(&spec.meta, "colour", "red"), 0);
	/* The marks of a replica that was written again are not the next replica's. */
	CHECK_INT(kv_set(&spec.meta, REPL_META_SOURCE_VERSION, "old"), 0);
	CHECK_INT(kv_set(&spec.meta, REPL_META_TAGS, "old"), 0);
	CHECK_INT(kv_set(&spec.meta, REPL_META_ACL, "old"), 0);
	r = make();
	CHECK_STR(kv_get(&r.meta, "colour"), "red");
	CHECK_STR(kv_get(&r.meta, REPL_META_REPLICA), "src");
	CHECK_STR(kv_get(&r.meta, REPL_META_ID), "tok");
	CHECK_STR(kv_get(&r.meta, REPL_META_SOURCE_VERSION), "v1");
	CHECK_STR(kv_get(&r.meta, REPL_META_SOURCE_TIME), "2023-11-14T22:13:20.000Z");
	CHECK_STR(kv_get(&r.meta, REPL_META_TAGS), NULL);
	CHECK_STR(kv_get(&r.meta, REPL_META_ACL), NULL);
	CHECK_STR(r.opts.token_name, REPL_META_ID);
	replica_free(&r);
	/* Early: no version yet. Foreign: no token. */
	in.version = NULL;
	r = make();
	CHECK_STR(kv_get(&r.meta, REPL_META_SOURCE_VERSION), NULL);
	CHECK_STR(kv_get(&r.meta, REPL_META_SOURCE_TIME), NULL);
	replica_free(&r);
	in.version = "v1";
	in.token = NULL;
	r = make();
	CHECK_STR(r.opts.token_name, REPL_META_SOURCE_VERSION);
	replica_free(&r);
}

static void test_without(void)
{
	struct replica r;

	reset();
	CHECK_INT(kv_set(&spec.tags, "class", "a b"), 0);
	spec.acl = text("public-read");
	r = make();
	CHECK(r.opts.tags == &spec.tags);
	CHECK_STR(r.opts.acl, "public-read");
	replica_free(&r);
	/* A server that has neither: in the metadata, to be read by people and tools. */
	caps.tags = caps.acl = CAP_NO;
	r = make();
	CHECK(!r.opts.tags);
	CHECK_STR(r.opts.acl, NULL);
	CHECK_STR(kv_get(&r.meta, REPL_META_TAGS), "class=a%20b");
	CHECK_STR(kv_get(&r.meta, REPL_META_ACL), "public-read");
	replica_free(&r);
	/* No more than S3's 2 KiB for it. */
	{
		auto_free char *much = calloc(1, 2041);

		if (!much)
			abort();
		memset(much, 'x', 2040);
		CHECK_INT(kv_set(&spec.meta, "much", much), 0);
	}
	r = make();
	CHECK_STR(kv_get(&r.meta, REPL_META_TAGS), NULL);
	replica_free(&r);
}

static void test_owner(void)
{
	struct replica r;

	reset();
	spec.acl = text("public-read");
	how.owner_override = true;
	how.account = text("444455556666");
	r = make();
	CHECK_STR(r.opts.acl, "bucket-owner-full-control");
	CHECK_STR(r.opts.owner, "444455556666");
	replica_free(&r);
	caps.acl = CAP_NO;
	r = make();
	CHECK_STR(r.opts.acl, NULL);
	CHECK_STR(kv_get(&r.meta, REPL_META_ACL), NULL);
	replica_free(&r);
	free(how.account);
}

static void test_class(void)
{
	static const struct {
		const char *source, *rule, *want;
	} rows[] = {
		{ NULL, NULL, NULL },
		{ "STANDARD_IA", NULL, "STANDARD_IA" },
		{ "STANDARD_IA", "ONEZONE_IA", "ONEZONE_IA" },
		{ NULL, "ONEZONE_IA", "ONEZONE_IA" },
		{ "STANDARD_IA", "", NULL }, /* it is not there: the default */
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct replica r;

		reset();
		spec.storage_class = rows[i].source ? text(rows[i].source) : NULL;
		in.storage_class = rows[i].rule;
		r = make();
		CHECK_STR(r.opts.storage_class, rows[i].want);
		replica_free(&r);
	}
}

static void test_sse(void)
{
	static const struct {
		const char *source, *key; /* of the rule */
		enum cap sse;
		const char *want, *want_key;
	} rows[] = {
		{ NULL, NULL, CAP_YES, NULL, NULL },
		{ "AES256", NULL, CAP_YES, "AES256", NULL },
		{ "AES256", NULL, CAP_NO, NULL, NULL },
		{ "AES256", "k", CAP_YES, "AES256", NULL },
		{ "aws:kms", "k", CAP_NO, "aws:kms", "k" },
		{ "aws:kms:dsse", "k", CAP_YES, "aws:kms:dsse", "k" },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct replica r;

		reset();
		caps.sse = rows[i].sse;
		spec.sse = rows[i].source ? text(rows[i].source) : NULL;
		spec.sse_key = text("the source's own");
		how.kms_key = rows[i].key ? text(rows[i].key) : NULL;
		r = make();
		CHECK_STR(r.opts.sse, rows[i].want);
		CHECK_STR(r.opts.sse_key, rows[i].want_key);
		replica_free(&r);
		free(how.kms_key);
	}
	CHECK(replica_is_kms("aws:kms") && replica_is_kms("aws:kms:dsse"));
	CHECK(!replica_is_kms("AES256") && !replica_is_kms(NULL));
}

static void test_lock(void)
{
	struct replica r;

	reset();
	spec.lock_mode = text("GOVERNANCE");
	spec.retain_until_ms = NOW + 1;
	spec.legal_hold = true;
	r = make();
	CHECK_STR(r.opts.lock_mode, "GOVERNANCE");
	CHECK_INT(r.opts.retain_until_ms, NOW + 1);
	CHECK(r.opts.legal_hold);
	replica_free(&r);
	/* It is over: no server takes one of the past. */
	spec.retain_until_ms = NOW;
	r = make();
	CHECK_STR(r.opts.lock_mode, NULL);
	CHECK_INT(r.opts.retain_until_ms, 0);
	CHECK(r.opts.legal_hold);
	replica_free(&r);
}

static void test_minio(void)
{
	struct replica r;

	reset();
	spec.mtime_ms = 5;
	r = make();
	CHECK(!r.opts.origin);
	replica_free(&r);
	caps.minio = CAP_YES;
	CHECK_INT(replica_make(&in, &r), 0);
	CHECK(r.opts.origin && !r.opts.origin->version_id); /* no UUID */
	replica_free(&r);
	in.version = "01234567-89ab-cdef-0123-456789abcdef";
	CHECK_INT(replica_make(&in, &r), 0);
	CHECK_STR(r.opts.origin->version_id, in.version);
	CHECK_INT(r.opts.origin->mtime_ms, 5);
	replica_free(&r);
}

/* What an early upload was begun with, and what its version turned out to be. */
static void test_equal(void)
{
	struct replica a;
	struct replica b;

	reset();
	CHECK_INT(kv_set(&spec.meta, "colour", "red"), 0);
	a = make();
	b = make();
	CHECK(replica_equal(&a, &b));
	replica_free(&b);
	in.storage_class = "GLACIER";
	b = make();
	CHECK(!replica_equal(&a, &b));
	replica_free(&b);
	in.storage_class = NULL;
	how.owner_override = true;
	b = make();
	CHECK(!replica_equal(&a, &b));
	replica_free(&b);
	how.owner_override = false;
	in.token = "other";
	b = make();
	CHECK(!replica_equal(&a, &b));
	replica_free(&b);
	replica_free(&a);
}

int main(void)
{
	test_meta();
	test_without();
	test_owner();
	test_class();
	test_sse();
	test_lock();
	test_minio();
	test_equal();
	reset();
	return check_done();
}
