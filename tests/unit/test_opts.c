/* test_opts.c - what a new version shall carry, as headers; what the answers tell of it; an
 * upload's own copy of it. */
#include "tests/unit/script_s3.h"

#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/upload_i.h"

#define MD5_ABC	 "kAFQmDzST7DWlj99KOF/cg=="
#define ETAG_ABC "\"900150983cd24fb0d6963f7d28e17f72\""
#define UUID	 "0a34ae3f-2b6c-44ef-8a5c-4bb0d1e2f3a4"
#define SSE	 "x-amz-server-side-encryption"
#define LOCK	 "x-amz-object-lock-"
#define UNTIL_MS 1767225600123 /* 2026-01-01T00:00:00.123Z */
#define CREATE_ANSWER                                                                              \
	"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>"

static const struct s3_origin origin = { .version_id = UUID, .mtime_ms = UNTIL_MS, .etag = "e-2" };

static const struct s3_put_opts all = {
	.storage_class = "STANDARD_IA",
	.acl = "public-read",
	.sse = "aws:kms",
	.sse_key = "arn:aws:kms:x:1:key/k",
	.lock_mode = "GOVERNANCE",
	.retain_until_ms = UNTIL_MS,
	.legal_hold = true,
	.owner = "111122223333",
	.origin = &origin,
};

static int read_abc(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, &"abc"[off], n);
	return 0;
}

#define ALL_HEADERS                                                                                \
	"x-amz-storage-class", "STANDARD_IA", "x-amz-acl", "public-read", SSE, "aws:kms",          \
		SSE "-aws-kms-key-id", "arn:aws:kms:x:1:key/k", LOCK "mode", "GOVERNANCE",         \
		LOCK "retain-until-date", "2026-01-01T00:00:00.123Z", LOCK "legal-hold", "ON",     \
		"x-amz-expected-bucket-owner", "111122223333", "x-minio-source-mtime",             \
		"2026-01-01T00:00:00.123Z", "x-minio-source-etag", "e-2",                          \
		"x-amz-replication-status", "REPLICA", "x-minio-source-replication-request",       \
		"true"

static void test_sent(void)
{
	static const struct script_step put[] = {
		{ "PUT",
		  "/b/k?versionId=" UUID,
		  { ALL_HEADERS, "content-md5", MD5_ABC },
		  .status = 200,
		  .answer = { "etag", ETAG_ABC, "x-amz-version-id", UUID, SSE, "aws:kms",
			      SSE "-aws-kms-key-id", "K" } }
	};
	static const struct script_step create[] = { { "POST",
						       "/b/k?uploads&versionId=" UUID,
						       { ALL_HEADERS },
						       .status = 200,
						       .body = CREATE_ANSWER } };
	static const struct script_step copy[] = {
		{ "PUT",
		  "/b/k?versionId=" UUID,
		  { ALL_HEADERS, "content-md5", NULL, "x-amz-metadata-directive", "REPLACE" },
		  .status = 200,
		  .answer = { SSE, "AES256", "x-amz-version-id", UUID },
		  .body = "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>" },
		{ "HEAD", "/b/k?versionId=" UUID, .status = 200,
		  .answer = { "content-length", "3" } },
		{ "PUT", "?retention&versionId=" UUID, .status = 200 }, /* it was dropped */
		{ "PUT", "?legal-hold&versionId=" UUID, .status = 200 },
	};
	static const struct kv no_tags = KV_EMPTY;
	struct s3_put_opts opts = all;
	struct s3_info i = { 0 };
	enum mpu_sum sum = MPU_SUM_NONE;
	char *id = NULL;

	SCRIPT_RUN(put, c, CHECK_INT(object_put(c, "k", &all, read_abc, NULL, 3, &i, NULL), 0));
	CHECK_STR(i.sse, "aws:kms");
	CHECK_STR(i.sse_key, "K");
	s3_info_free(&i);
	SCRIPT_RUN(create, c, CHECK_INT(mpu_create(c, "k", &all, &id, &sum, NULL), 0));
	free(id);
	opts.tags = &no_tags;
	SCRIPT_RUN(copy, c, CHECK_INT(object_copy(c, "s", NULL, NULL, 3, "k", &opts, &i, NULL), 0));
	CHECK_STR(i.sse, "AES256");
	s3_info_free(&i);
}

/* The answer is lost: the version is found though its time is long past. */
static void test_lost(void)
{
	static const struct script_step steps[] = {
		{ "PUT", "/b/k?versionId=" UUID, .rc = -ECONNRESET },
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", "x-amz-version-id", "newer" } },
		{ "GET", "/b?", .status = 200,
		  .body = "<ListVersionsResult><IsTruncated>false</IsTruncated><Version>"
			  "<Key>k</Key><VersionId>" UUID "</VersionId><Size>3</Size>"
			  "<LastModified>2001-01-01T00:00:00Z</LastModified></Version>"
			  "</ListVersionsResult>" },
		{ "HEAD", "/b/k?versionId=" UUID, .status = 200,
		  .answer = { "content-length", "3", "x-amz-meta-token", "t", "x-amz-version-id",
			      UUID } },
	};
	struct kv meta = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta, .token_name = "token", .origin = &origin };
	struct s3_info i = { 0 };

	CHECK_INT(kv_set(&meta, "token", "t"), 0);
	SCRIPT_RUN(steps, c, CHECK_INT(object_put(c, "k", &opts, read_abc, NULL, 3, &i, NULL), 0));
	CHECK_STR(i.version_id, UUID);
	s3_info_free(&i);
	kv_free(&meta);
}

static void test_not_sent(void)
{
	static const struct script_step plain[] = { { "PUT",
						      "/b/k",
						      { "x-amz-acl",
							NULL,
							SSE,
							NULL,
							SSE "-aws-kms-key-id",
							NULL,
							LOCK "mode",
							NULL,
							LOCK "retain-until-date",
							NULL,
							LOCK "legal-hold",
							NULL,
							"x-amz-expected-bucket-owner",
							NULL,
							"x-minio-source-mtime",
							NULL,
							"x-amz-replication-status",
							NULL,
							"content-md5",
							NULL },
						      .status = 200,
						      .answer = { "etag", ETAG_ABC } } };
	static const struct s3_put_opts none = { 0 };
	struct s3_put_opts bad = { .acl = "private\r\nx-amz-meta-a: b" };
	struct script nothing = { 0 };
	struct s3_client *idle = script_client(&nothing);
	struct s3_error e = { 0 };
	struct s3_info i = { 0 };

	SCRIPT_RUN(plain, c, CHECK_INT(object_put(c, "k", &none, read_abc, NULL, 3, &i, NULL), 0));
	s3_info_free(&i);
	CHECK_INT(object_put(idle, "k", &bad, read_abc, NULL, 3, &i, &e), -EINVAL);
	CHECK_STR(e.op, "");
	s3_client_free(idle);
}

/* UTF-8 goes as it is; what could break a header does not. */
static void test_meta_values(void)
{
	static const struct {
		const char *value;
		int rc;
	} rows[] = {
		{ "Gr\xc3\xb6\xc3\x9f"
		  "e \xe2\x82\xac \xf0\x9f\x98\x80",
		  0 },
		{ "plain", 0 },
		{ "a\nb", -EINVAL },
		{ "a\x7f"
		  "b",
		  -EINVAL },
		{ "a\tb", -EINVAL },
		{ "latin-1 \xf6", -EINVAL },
		{ "\xc0\xaf", -EINVAL },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script_step step[1] = { { "PUT",
						 "/b/k",
						 { "x-amz-meta-name", rows[k].value },
						 .status = 200,
						 .answer = { "etag", ETAG_ABC } } };
		struct script script = { .steps = step, .n = 1 };
		struct s3_client *c = script_client(&script);
		struct kv meta = KV_EMPTY;
		struct s3_put_opts opts = { .meta = &meta };
		struct s3_info i = { 0 };

		CHECK_INT(kv_set(&meta, "name", rows[k].value), 0);
		CHECK_INT(object_put(c, "k", &opts, read_abc, NULL, 3, &i, NULL), rows[k].rc);
		CHECK_INT(script.at, rows[k].rc == 0);
		s3_info_free(&i);
		kv_free(&meta);
		s3_client_free(c);
	}
}

/* A server that wants Content-MD5 (a default retention) gets it, later without being asked. */
static void test_md5_wanted(void)
{
	static const char refusal[] =
		"<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP "
		"header is required for Put Part requests with Object Lock parameters</Message>"
		"</Error>";
	static const struct script_step steps[] = {
		{ "PUT", "partNumber=1", { "content-md5", NULL }, .status = 400, .body = refusal },
		{ "PUT",
		  "partNumber=1",
		  { "content-md5", MD5_ABC },
		  .status = 200,
		  .answer = { "etag", ETAG_ABC } },
		{ "PUT",
		  "partNumber=2",
		  { "content-md5", MD5_ABC },
		  .status = 200,
		  .answer = { "etag", ETAG_ABC } },
		{ "PUT",
		  "partNumber=3",
		  { "content-md5", MD5_ABC },
		  .status = 400,
		  .body = refusal },
	};
	struct script script = { .steps = steps, .n = array_size(steps) };
	struct s3_client *c = script_client(&script);
	struct s3_error e = { 0 };
	struct mpu_part part;

	for (unsigned n = 1; n <= 2; n++)
		CHECK_INT(mpu_part_put(c, "k", "U", MPU_SUM_NONE, n, read_abc, NULL, 3, &part,
				       NULL),
			  0);
	CHECK_INT(mpu_part_put(c, "k", "U", MPU_SUM_NONE, 3, read_abc, NULL, 3, &part, &e), -EIO);
	CHECK_STR(e.op, "UploadPart");
	CHECK_INT(script.at, script.n);
	s3_client_free(c);
}

static void test_complete_as(void)
{
	static const struct script_step steps[] = {
		{ "POST",
		  "uploadId=U",
		  { "x-minio-source-mtime", "2026-01-01T00:00:00.123Z", "x-minio-source-etag",
		    "e-2", "x-minio-source-replication-request", "true",
		    "x-minio-replication-actual-object-size", "7" },
		  .status = 200,
		  .answer = { SSE, "aws:kms", SSE "-aws-kms-key-id", "K" },
		  .body = "<CompleteMultipartUploadResult><ETag>e</ETag>"
			  "</CompleteMultipartUploadResult>" }
	};
	struct mpu_part parts[2] = { { .number = 1, .etag = "a", .size = 5 },
				     { .number = 2, .etag = "b", .size = 2 } };
	struct s3_info i = { 0 };

	SCRIPT_RUN(steps, c,
		   CHECK_INT(mpu_complete_as(c, "k", "U", parts, 2, NULL, NULL, &origin, &i, NULL),
			     0));
	CHECK_STR(i.sse, "aws:kms");
	CHECK_STR(i.sse_key, "K");
	CHECK_INT(i.size, 7);
	s3_info_free(&i);
}

static void test_info(void)
{
	static const struct script_step step[] = {
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", SSE, "aws:kms", SSE "-aws-kms-key-id", "K",
			      LOCK "mode", "COMPLIANCE", LOCK "retain-until-date",
			      "2026-01-01T00:00:00.123Z", LOCK "legal-hold", "ON" } }
	};
	static const struct script_step customer[] = {
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", SSE "-customer-algorithm", "AES256",
			      LOCK "legal-hold", "OFF" } }
	};
	static const struct script_step odd[] = {
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", LOCK "retain-until-date", "tomorrow" } }
	};
	struct s3_info i = { 0 }, copy = { 0 };

	SCRIPT_RUN(step, c, CHECK_INT(object_head(c, "k", NULL, &i, NULL), 0));
	CHECK_INT(s3_info_copy(&copy, &i), 0);
	s3_info_free(&i);
	CHECK_STR(copy.sse, "aws:kms");
	CHECK_STR(copy.sse_key, "K");
	CHECK(!copy.sse_customer);
	CHECK_STR(copy.lock_mode, "COMPLIANCE");
	CHECK_INT(copy.retain_until_ms, UNTIL_MS);
	CHECK_INT(copy.legal_hold, 1);
	s3_info_free(&copy);

	SCRIPT_RUN(customer, c, CHECK_INT(object_head(c, "k", NULL, &i, NULL), 0));
	CHECK(i.sse_customer && !i.sse && !i.lock_mode);
	CHECK_INT(i.retain_until_ms, 0);
	CHECK_INT(i.legal_hold, 0);
	CHECK_INT(s3_info_copy(&copy, &i), 0);
	CHECK(copy.sse_customer);
	s3_info_free(&i);
	s3_info_free(&copy);
	SCRIPT_RUN(odd, c, CHECK_INT(object_head(c, "k", NULL, &i, NULL), -EIO));
}

/* The part of a version; a server that does not heed partNumber tells nothing. */
static void test_head_part(void)
{
	static const struct {
		const char *name;
		struct script_step steps[2];
		size_t n;
		int rc;
		uint64_t size;
		unsigned parts;
	} rows[] = {
		{ "by its range",
		  { { "HEAD", "/b/k?partNumber=2&versionId=v", .status = 206,
		      .answer = { "content-length", "5", "content-range", "bytes 5-9/12",
				  "x-amz-mp-parts-count", "3" } } },
		  1,
		  0,
		  5,
		  3 },
		{ "without a range",
		  { { "HEAD", "partNumber=2", .status = 200,
		      .answer = { "content-length", "5", "x-amz-mp-parts-count", "3" } },
		    { "HEAD", "/b/k?versionId=v", .status = 200,
		      .answer = { "content-length", "12" } } },
		  2,
		  0,
		  5,
		  3 },
		{ "not heeded, but counted",
		  { { "HEAD", "partNumber=2", .status = 200,
		      .answer = { "content-length", "12", "x-amz-mp-parts-count", "3" } },
		    { "HEAD", "/b/k?versionId=v", .status = 200,
		      .answer = { "content-length", "12" } } },
		  2,
		  0,
		  12,
		  0 },
		{ "unknown",
		  { { "HEAD", "partNumber=2", .status = 200,
		      .answer = { "content-length", "12" } } },
		  1,
		  0,
		  12,
		  0 },
		{ "no such part", { { "HEAD", "partNumber=2", .status = 416 } }, 1, -ERANGE, 0, 0 },
		{ "no length", { { "HEAD", "partNumber=2", .status = 200 } }, 1, -EIO, 0, 0 },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script script = { .steps = rows[k].steps, .n = rows[k].n };
		struct s3_client *c = script_client(&script);
		uint64_t size = 0;
		unsigned parts = 0;

		CHECK_CASE(rows[k].name);
		CHECK_INT(object_head_part(c, "k", "v", 2, &size, &parts, NULL), rows[k].rc);
		CHECK_INT(size, rows[k].size);
		CHECK_INT(parts, rows[k].parts);
		CHECK_INT(script.at, script.n);
		s3_client_free(c);
	}
	CHECK_CASE("");
}

static void test_delete(void)
{
	static const struct script_step as[] = {
		{ "DELETE",
		  "/b/k?versionId=" UUID,
		  { "x-minio-source-deletemarker", "true", "x-minio-source-mtime",
		    "2026-01-01T00:00:00.123Z", "x-amz-replication-status", "REPLICA",
		    "x-minio-source-replication-request", "true" },
		  .status = 204,
		  .answer = { "x-amz-version-id", UUID } }
	};
	static const struct script_step plain[] = {
		{ "DELETE", "/b/k", { "x-minio-source-deletemarker", NULL }, .status = 204 }
	};
	static const struct script_step version[] = { { "DELETE", "/b/k?versionId=v1",
							.status = 204 } };
	char *made = NULL;

	SCRIPT_RUN(as, c, CHECK_INT(object_delete_as(c, "k", &origin, &made, NULL), 0));
	CHECK_STR(made, UUID);
	free(take_ptr(&made));
	SCRIPT_RUN(plain, c, CHECK_INT(object_delete_as(c, "k", NULL, &made, NULL), 0));
	CHECK_STR(made, NULL);
	SCRIPT_RUN(version, c, CHECK_INT(object_delete_version(c, "k", "v1", NULL), 0));
}

static void test_upload_copy(void)
{
	struct upload_opts own = { 0 }, none = { 0 };
	struct s3_put_opts view;

	CHECK_INT(upload_opts_copy(&own, &all), 0);
	view = upload_opts_view(&own);
	CHECK_STR(view.acl, all.acl);
	CHECK(view.acl != all.acl);
	CHECK_STR(view.sse, all.sse);
	CHECK_STR(view.sse_key, all.sse_key);
	CHECK_STR(view.lock_mode, all.lock_mode);
	CHECK_INT(view.retain_until_ms, UNTIL_MS);
	CHECK(view.legal_hold);
	CHECK_STR(view.owner, all.owner);
	CHECK(view.origin != &origin);
	CHECK_STR(view.origin->version_id, UUID);
	CHECK_INT(view.origin->mtime_ms, UNTIL_MS);
	CHECK_STR(view.origin->etag, "e-2");
	upload_opts_free(&own);
	CHECK_INT(upload_opts_copy(&none, NULL), 0);
	CHECK(!upload_opts_view(&none).origin);
}

int main(void)
{
	test_sent();
	test_lost();
	test_not_sent();
	test_meta_values();
	test_md5_wanted();
	test_complete_as();
	test_info();
	test_head_part();
	test_delete();
	test_upload_copy();
	return check_done();
}
