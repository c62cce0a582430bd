/* test_verbs.c - the verbs of object.h, tagging.h, list.h, bucket.h against scripted answers: what
 * goes out, what is made of what comes back. */
#include "tests/unit/script_s3.h"

#include "s3/acl.h"
#include "s3/bucket.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/tagging.h"

#define ETAG  "d41d8cd98f00b204e9800998ecf8427e"
#define OTHER "fba9dede5f27731c9771645a39863328"
#define VERSIONS(entries)                                                                          \
	"<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>false</"                 \
	"IsTruncated>" entries "</ListVersionsResult>"
#define VERSION(key, id)                                                                           \
	"<Version><Key>" key "</Key><VersionId>" id                                                \
	"</VersionId><IsLatest>true</IsLatest><Size>3</Size>"                                      \
	"<LastModified>2099-01-01T00:00:00.000Z</LastModified></Version>"
#define MARKER(key, id)                                                                            \
	"<DeleteMarker><Key>" key "</Key><VersionId>" id "</VersionId><IsLatest>true</IsLatest>"   \
	"<LastModified>2099-01-01T00:00:00.000Z</LastModified></DeleteMarker>"

static int read_abc(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	memcpy(dst, &"abc"[off], n);
	return 0;
}

static void test_head(void)
{
	static const struct script_step full[] = {
		{ "HEAD", "/b/dir/a%20b%2B?versionId=v1", .status = 200,
		  .answer = { "content-length", "5497558138880", "etag",
			      "\"D41D8CD98F00B204E9800998ECF8427E\"", "x-amz-version-id", "v1",
			      "x-amz-meta-mode", "33188", "x-amz-tagging-count", "3",
			      "content-type", "text/plain" } }
	};
	static const struct script_step second[] = {
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "0", "last-modified",
			      "Mon, 12 Oct 2009 17:50:30 GMT", "x-amz-storage-class", "STANDARD_IA",
			      "x-amz-replication-status", "PENDING", "x-amz-mp-parts-count", "7" } }
	};
	struct s3_info i = { 0 };

	SCRIPT_RUN(full, c, CHECK_INT(object_head(c, "dir/a b+", "v1", &i, NULL), 0));
	CHECK_INT(i.size, 5497558138880);
	CHECK_STR(i.etag, ETAG);
	CHECK_STR(i.version_id, "v1");
	CHECK_STR(kv_get(&i.meta, "mode"), "33188");
	CHECK_STR(kv_get(&i.sys, "content-type"), "text/plain");
	CHECK_INT(i.tag_count, 3);
	CHECK_STR(i.storage_class, NULL);
	s3_info_free(&i);

	SCRIPT_RUN(second, c, CHECK_INT(object_head(c, "k", NULL, &i, NULL), 0));
	CHECK_INT(i.mtime_ms, 1255369830000);
	CHECK_STR(i.storage_class, "STANDARD_IA");
	CHECK_STR(i.replication_status, "PENDING");
	CHECK_INT(i.parts_count, 7);
	CHECK_INT(i.tag_count, -1);
	CHECK_STR(i.version_id, NULL);
	s3_info_free(&i);
}

static void test_head_fails(void)
{
	static const struct {
		struct script_step step[1];
		const char *version;
		int rc;
		enum fault_class class;
	} rows[] = {
		{ { { "HEAD", "/b/k", .status = 404 } }, NULL, -ENOENT, FAULT_GONE },
		{ { { "HEAD", "/b/k", .status = 404,
		      .answer = { "x-amz-delete-marker", "true" } } },
		  NULL,
		  -ENOENT,
		  FAULT_GONE },
		{ { { "HEAD", "versionId=m", .status = 405,
		      .answer = { "x-amz-delete-marker", "true" } } },
		  "m",
		  -ENOENT,
		  FAULT_GONE },
		{ { { "HEAD", "/b/k", .status = 403 } }, NULL, -EACCES, FAULT_AUTH },
		{ { { "HEAD", "/b/k", .status = 200, .answer = { "etag", "x" } } },
		  NULL,
		  -EIO,
		  FAULT_RETRY },
		{ { { "HEAD", "/b/k", .status = 200, .answer = { "content-length", "-3" } } },
		  NULL,
		  -EIO,
		  FAULT_RETRY },
		{ { { "HEAD", "/b/k", .status = 200,
		      .answer = { "content-length", "3", "x-amz-version-id", "v\xc2\x9b" } } },
		  NULL,
		  -EIO,
		  FAULT_RETRY },
		{ { { "HEAD", "/b/k", .status = 200, .answer = { "content-length", "12x" } } },
		  NULL,
		  -EIO,
		  FAULT_RETRY },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct s3_info i = { 0 };
		struct s3_error e = { 0 };

		SCRIPT_RUN(rows[k].step, c,
			   CHECK_INT(object_head(c, "k", rows[k].version, &i, &e), rows[k].rc));
		CHECK_INT(e.class, rows[k].class);
		CHECK(!i.etag && i.size == 0);
	}
}

static void test_get_range(void)
{
	/* Asked for is [2, 6) of a version with ETAG, unless the row says 0. */
	static const struct {
		const char *name;
		uint64_t start;
		struct script_step step[1];
		int rc;
		size_t got;
	} rows[] = {
		{ "exact",
		  2,
		  { { "GET",
		      "/b/k",
		      { "range", "bytes=2-5", "if-match", "\"" ETAG "\"" },
		      .status = 206,
		      .answer = { "content-range", "bytes 2-5/20" },
		      .body = "cdef" } },
		  0,
		  4 },
		{ "end of object",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 2-3/4" },
		      .body = "cd" } },
		  0,
		  2 },
		{ "unknown whole",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 2-5/*" },
		      .body = "cdef" } },
		  0,
		  4 },
		{ "beyond the end",
		  2,
		  { { "GET", "/b/k", .status = 416,
		      .body = "<Error><Code>InvalidRange</Code></Error>" } },
		  0,
		  0 },
		{ "whole instead, from 0",
		  0,
		  { { "GET", "/b/k", .status = 200, .body = "abcd" } },
		  0,
		  4 },
		{ "whole instead, from 2",
		  2,
		  { { "GET", "/b/k", .status = 200, .body = "abcd" } },
		  -EIO,
		  0 },
		{ "too much",
		  0,
		  { { "GET", "/b/k", .status = 200, .body = "abcdefgh" } },
		  -EIO,
		  0 },
		{ "206 without a range",
		  2,
		  { { "GET", "/b/k", .status = 206, .body = "cdef" } },
		  -EIO,
		  0 },
		{ "other range",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 0-3/20" },
		      .body = "abcd" } },
		  -EIO,
		  0 },
		{ "short range",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 2-4/20" },
		      .body = "cde" } },
		  -EIO,
		  0 },
		{ "short body",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 2-5/20" },
		      .body = "cd" } },
		  -EIO,
		  0 },
		{ "nonsense range",
		  2,
		  { { "GET", "/b/k", .status = 206, .answer = { "content-range", "bytes 2-5/20 " },
		      .body = "cdef" } },
		  -EIO,
		  0 },
		{ "huge range",
		  2,
		  { { "GET", "/b/k", .status = 206,
		      .answer = { "content-range", "bytes 2-18446744073709551615/20" },
		      .body = "cdef" } },
		  -EIO,
		  0 },
		{ "changed",
		  2,
		  { { "GET", "/b/k", .status = 412,
		      .body = "<Error><Code>PreconditionFailed</Code></Error>" } },
		  -ESTALE,
		  0 },
		{ "changed, If-Match not heeded",
		  2,
		  { { "GET", "/b/k", .status = 206,
		      .answer = { "content-range", "bytes 2-5/20", "etag", "\"" OTHER "\"" },
		      .body = "cdef" } },
		  -ESTALE,
		  0 },
		{ "unquoted, upper case",
		  2,
		  { { "GET", "/b/k", .status = 206,
		      .answer = { "content-range", "bytes 2-5/20", "etag",
				  "D41D8CD98F00B204E9800998ECF8427E" },
		      .body = "cdef" } },
		  0,
		  4 },
		{ "error",
		  2,
		  { { "GET", "/b/k", .status = 404,
		      .body = "<Error><Code>NoSuchKey</Code></Error>" } },
		  -ENOENT,
		  0 },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		struct s3_range range = { rows[k].start, 6 };
		char dst[8] = "#######";
		size_t got = 0;

		CHECK_CASE(rows[k].name);
		SCRIPT_RUN(rows[k].step, c,
			   CHECK_INT(object_get_range(c, "k", NULL, ETAG, range, dst, &got, NULL),
				     rows[k].rc));
		CHECK_INT(got, rows[k].got);
		if (rows[k].rc == 0)
			CHECK_MEM(dst, rows[k].step[0].body, got);
		if (rows[k].step[0].status >= 300)
			CHECK_STR(dst, "#######"); /* an error body is never data */
		CHECK_INT(dst[6], '#');
	}
	CHECK_CASE("");
}

static void test_get_version(void)
{
	static const struct script_step other[] = { { "GET",
						      "/b/k?versionId=v1",
						      { "if-match", NULL },
						      .status = 206,
						      .answer = { "content-range", "bytes 0-1/2",
								  "x-amz-version-id", "v2" },
						      .body = "ab" } };
	static const struct script_step small[] = { { "GET", "/b/k", .status = 200,
						      .body = "abcdef" } };
	struct s3_range range = { 0, 2 };
	struct buf b = { 0 };
	size_t got = 0;
	char dst[2];

	SCRIPT_RUN(other, c,
		   CHECK_INT(object_get_range(c, "k", "v1", ETAG, range, dst, &got, NULL), -EIO));
	SCRIPT_RUN(small, c, CHECK_INT(object_get_small(c, "k", NULL, 5, &b, NULL), -EFBIG));
	SCRIPT_RUN(small, c, CHECK_INT(object_get_small(c, "k", NULL, 6, &b, NULL), 0));
	CHECK_STR(buf_str(&b), "abcdef");
	buf_free(&b);
}

/* The options of a write; kv are the caller's to free. */
static struct s3_put_opts make_opts(struct kv *meta, struct kv *tags)
{
	CHECK_INT(kv_set(meta, "token", "t1"), 0);
	CHECK_INT(kv_set(tags, "a b", "c&d"), 0);
	return (struct s3_put_opts){
		.meta = meta, .tags = tags, .storage_class = "STANDARD_IA", .token_name = "token"
	};
}

static void test_put(void)
{
	static const struct script_step ok[] = {
		{ "PUT",
		  "/b/k",
		  { "x-amz-meta-token", "t1", "x-amz-tagging", "a%20b=c%26d", "x-amz-storage-class",
		    "STANDARD_IA" },
		  .sends = "abc",
		  .status = 200,
		  .answer = { "etag", "\"900150983cd24fb0d6963f7d28e17f72\"", "x-amz-version-id",
			      "v9" } }
	};
	/* The answer is lost, but the version is there. */
	static const struct script_step lost[] = {
		{ "PUT", "/b/k", .rc = -ECONNRESET },
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", "x-amz-meta-token", "t1", "x-amz-version-id",
			      "v9" } },
	};
	/* Somebody else was faster: ours is below. */
	static const struct script_step below[] = {
		{ "PUT", "/b/k", .status = 500,
		  .body = "<Error><Code>InternalError</Code></Error>" },
		{ "HEAD", "/b/k", .status = 200,
		  .answer = { "content-length", "3", "x-amz-meta-token", "t2", "x-amz-version-id",
			      "v10" } },
		{ "GET", "/b?encoding-type=url&max-keys=250&prefix=k&versions", .status = 200,
		  .body = VERSIONS(VERSION("k", "v10") MARKER("k", "m") VERSION("k", "v9")
					   VERSION("kk", "v11")) },
		{ "HEAD", "/b/k?versionId=v9", .status = 200,
		  .answer = { "content-length", "3", "x-amz-meta-token", "t1", "x-amz-version-id",
			      "v9" } },
	};
	/* It was not carried out: once more. */
	static const struct script_step again[] = {
		{ "PUT", "/b/k", .rc = -ETIMEDOUT },
		{ "HEAD", "/b/k", .status = 404 },
		{ "GET", "versions", .status = 200, .body = VERSIONS("") },
		{ "PUT", "/b/k", .sends = "abc", .status = 200,
		  .answer = { "etag", "900150983cd24fb0d6963f7d28e17f72", "x-amz-version-id",
			      "v9" } },
	};
	static const struct {
		const char *name;
		const struct script_step *steps;
		size_t n;
	} rows[] = {
		{ "ok", ok, array_size(ok) },
		{ "lost", lost, array_size(lost) },
		{ "below", below, array_size(below) },
		{ "again", again, array_size(again) },
	};
	auto_with(kv_free) struct kv meta = KV_EMPTY, tags = KV_EMPTY;
	struct s3_put_opts opts = make_opts(&meta, &tags);

	for (size_t k = 0; k < array_size(rows); k++) {
		struct script script = { .steps = rows[k].steps, .n = rows[k].n };
		struct s3_client *c = script_client(&script);
		struct s3_info i = { 0 };
		struct s3_error e = { 0 };

		CHECK_CASE(rows[k].name);
		CHECK_INT(object_put(c, "k", &opts, read_abc, NULL, 3, &i, &e), 0);
		CHECK_STR(i.version_id, "v9");
		CHECK_INT(i.size, 3);
		CHECK_INT(script.at, script.n);
		s3_info_free(&i);
		s3_client_free(c);
	}
	CHECK_CASE("");
}

static void test_put_fails(void)
{
	static const struct script_step denied[] = {
		{ "PUT", "/b/k", .status = 403, .body = "<Error><Code>AccessDenied</Code></Error>" }
	};
	static const struct script_step lost[] = { { "PUT", "/b/k", .rc = -ECONNRESET } };
	static const struct {
		const char *name, *value;
	} bad[] = { { "m", "\xe4" }, { "m", "a\nb" }, { "m", "\x7f" }, { "a b", "v" },
		    { "\xc3\xa4", "v" }, { "", "v" },	  { "Upper", "v" } };
	struct s3_put_opts no_token = { .token_name = "token" };
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	SCRIPT_RUN(denied, c,
		   CHECK_INT(object_put(c, "k", NULL, read_abc, NULL, 3, &i, &e), -EACCES));
	CHECK_STR(e.code, "AccessDenied");
	/* Without a token nothing can be looked for, and nothing is done twice. */
	SCRIPT_RUN(lost, c, CHECK_INT(object_put(c, "k", NULL, read_abc, NULL, 3, &i, &e), -EIO));
	CHECK(e.unclear);
	for (size_t k = 0; k < array_size(bad); k++) {
		auto_with(kv_free) struct kv meta = KV_EMPTY;
		struct s3_put_opts opts = { .meta = &meta };
		struct script none = { 0 };
		struct s3_client *c = script_client(&none);

		CHECK_CASE(bad[k].value);
		CHECK_INT(kv_set(&meta, bad[k].name, bad[k].value), 0);
		CHECK_INT(object_put(c, "k", &opts, read_abc, NULL, 3, &i, &e), -EINVAL);
		CHECK_INT(e.class, FAULT_BAD);
		CHECK_INT(object_put(c, "k", &no_token, read_abc, NULL, 3, &i, &e), -EINVAL);
		CHECK_INT(object_put(c, "k", NULL, read_abc, NULL, S3_SINGLE_MAX + 1, &i, &e),
			  -EFBIG);
		s3_client_free(c);
	}
	CHECK_CASE("");
}

static void test_copy(void)
{
#define COPIED                                                                                     \
	"<CopyObjectResult><LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>" ETAG       \
	"</ETag></CopyObjectResult>"
	/* As Ceph: no version id in the answer, and the tags are lost. */
	static const struct script_step replace[] = {
		{ "PUT",
		  "/b/dst",
		  { "x-amz-copy-source", "/b/dir/%C3%A4%20%25?versionId=v%2F1",
		    "x-amz-metadata-directive", "REPLACE", "x-amz-tagging-directive", "REPLACE" },
		  .status = 200,
		  .body = COPIED },
		{ "HEAD", "/b/dst", .status = 200,
		  .answer = { "content-length", "3", "x-amz-meta-token", "t1", "x-amz-version-id",
			      "v2", "etag", ETAG } },
		{ "GET", "/b/dst?tagging&versionId=v2", .status = 200, .body = "" },
		{ "PUT", "/b/dst?tagging&versionId=v2", .sends = "<Key>a b</Key><Value>c_d</Value>",
		  .status = 200 },
	};
	/* No options: the class is kept too, which S3 would not do. */
	static const struct script_step as_is[] = {
		{ "HEAD", "/b/src", .status = 200,
		  .answer = { "content-length", "3", "x-amz-storage-class", "GLACIER_IR", "etag",
			      "\"" ETAG "\"", "x-amz-meta-m", "v" } },
		{ "PUT",
		  "/b/dst",
		  { "x-amz-copy-source-if-match", "\"" ETAG "\"", "x-amz-storage-class",
		    "GLACIER_IR", "x-amz-meta-m", NULL },
		  .status = 200,
		  .answer = { "x-amz-version-id", "v2", "content-type", "application/xml" },
		  .body = COPIED },
	};
	static const struct script_step error_in_200[] = {
		{ "GET", "/b/src?tagging", .status = 200, .body = "<Tagging><TagSet/></Tagging>" },
		{ "PUT", "/b/dst", .status = 200, .body = "<Error><Code>NoSuchKey</Code></Error>" },
	};
	auto_with(kv_free) struct kv meta = KV_EMPTY, tags = KV_EMPTY;
	struct s3_put_opts opts = make_opts(&meta, &tags);
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	CHECK_INT(kv_set(&tags, "a b", "c_d"), 0);
	SCRIPT_RUN(replace, c,
		   CHECK_INT(object_copy(c, "dir/\xc3\xa4 %", "v/1", NULL, 3, "dst", &opts, &i, &e),
			     0));
	CHECK_STR(i.version_id, "v2");
	CHECK_STR(i.etag, ETAG);
	CHECK_INT(i.mtime_ms, 1255369830000);
	s3_info_free(&i);
	SCRIPT_RUN(as_is, c,
		   CHECK_INT(object_copy(c, "src", NULL, NULL, 3, "dst", NULL, &i, &e), 0));
	CHECK_STR(i.version_id, "v2");
	CHECK_INT(i.sys.n, 0);
	s3_info_free(&i);
	opts.tags = NULL;
	opts.token_name = NULL;
	SCRIPT_RUN(error_in_200, c,
		   CHECK_INT(object_copy(c, "src", NULL, NULL, 3, "dst", &opts, &i, &e), -ENOENT));
}

static void test_copy_large(void)
{
#define PART(n, range)                                                                             \
	{                                                                                          \
		"PUT", "/b/dst?partNumber=" n "&uploadId=U",                                       \
			{ "x-amz-copy-source-range", range, "x-amz-copy-source-if-match",          \
			  "\"" ETAG "\"" },                                                        \
			.status = 200,                                                             \
			.body = "<CopyPartResult><ETag>" ETAG "</ETag></CopyPartResult>"           \
	}
	static const struct script_step steps[] = {
		{ "HEAD", "/b/src", .status = 200,
		  .answer = { "content-length", "5368709121", "x-amz-storage-class", "STANDARD_IA",
			      "etag", "\"" ETAG "\"", "x-amz-meta-m", "v", "content-type",
			      "text/plain" } },
		{ "GET", "/b/src?tagging", .status = 200,
		  .body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></"
			  "Tagging>" },
		{ "POST",
		  "/b/dst?uploads",
		  { "x-amz-meta-m", "v", "x-amz-storage-class", "STANDARD_IA", "x-amz-tagging",
		    "k=v" },
		  .status = 200,
		  .body = "<InitiateMultipartUploadResult><UploadId>U</UploadId></"
			  "InitiateMultipartUploadResult>" },
		PART("1", "bytes=0-1073741823"),
		PART("2", "bytes=1073741824-2147483647"),
		PART("3", "bytes=2147483648-3221225471"),
		PART("4", "bytes=3221225472-4294967295"),
		PART("5", "bytes=4294967296-5368709119"),
		PART("6", "bytes=5368709120-5368709120"),
		{ "POST", "/b/dst?uploadId=U", .sends = "<PartNumber>6</PartNumber>", .status = 200,
		  .answer = { "x-amz-version-id", "v2" },
		  .body = "<CompleteMultipartUploadResult><ETag>\"x-6\"</ETag></"
			  "CompleteMultipartUploadResult>" },
		{ "GET", "/b/dst?tagging&versionId=v2", .status = 200,
		  .body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></"
			  "Tagging>" },
	};
	/* A part fails: nothing is left behind. */
	static const struct script_step fails[] = {
		{ "GET", "/b/src?tagging", .status = 403,
		  .body = "<Error><Code>AccessDenied</Code></Error>" },
		{ "POST", "/b/dst?uploads", .status = 200,
		  .body = "<InitiateMultipartUploadResult><UploadId>U</UploadId></"
			  "InitiateMultipartUploadResult>" },
		{ "PUT", "/b/dst?partNumber=1", .status = 412,
		  .body = "<Error><Code>PreconditionFailed</Code></Error>" },
		{ "DELETE", "/b/dst?uploadId=U", .status = 204 },
	};
	/* A rename: all that belongs to the old name is said again, as no part carries it. */
	static const struct script_step rename[] = {
		{ "POST",
		  "/b/dst?uploads",
		  { "x-amz-meta-m", "v", "x-amz-storage-class", "STANDARD_IA", "x-amz-tagging",
		    "k=v", "x-amz-acl", "public-read", "content-type", "text/plain" },
		  .status = 200,
		  .body = "<InitiateMultipartUploadResult><UploadId>U</UploadId></"
			  "InitiateMultipartUploadResult>" },
		PART("1", "bytes=0-1073741823"),
		PART("2", "bytes=1073741824-2147483647"),
		PART("3", "bytes=2147483648-3221225471"),
		PART("4", "bytes=3221225472-4294967295"),
		PART("5", "bytes=4294967296-5368709119"),
		PART("6", "bytes=5368709120-5368709120"),
		{ "POST", "/b/dst?uploadId=U", .sends = "<PartNumber>6</PartNumber>", .status = 200,
		  .answer = { "x-amz-version-id", "v2" },
		  .body = "<CompleteMultipartUploadResult><ETag>\"x-6\"</ETag></"
			  "CompleteMultipartUploadResult>" },
		{ "GET", "/b/dst?tagging&versionId=v2", .status = 200,
		  .body = "<Tagging><TagSet></TagSet></Tagging>" },
		{ "PUT", "/b/dst?tagging&versionId=v2", .sends = "<Key>k</Key>", .status = 200 },
	};
	auto_with(kv_free) struct kv meta = KV_EMPTY, sys = KV_EMPTY, tags = KV_EMPTY;
	struct s3_put_opts opts = { 0 }, full = { .meta = &meta,
						  .sys = &sys,
						  .tags = &tags,
						  .storage_class = "STANDARD_IA",
						  .acl = "public-read" };
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	CHECK_INT(kv_set(&meta, "m", "v"), 0);
	CHECK_INT(kv_set(&sys, "content-type", "text/plain"), 0);
	CHECK_INT(kv_set(&tags, "k", "v"), 0);
	SCRIPT_RUN(rename, c,
		   CHECK_INT(object_copy(c, "src", NULL, ETAG, 5 * GIB + 1, "dst", &full, &i, &e),
			     0));
	CHECK_STR(i.version_id, "v2");
	s3_info_free(&i);
	SCRIPT_RUN(steps, c,
		   CHECK_INT(object_copy(c, "src", NULL, NULL, 5 * GIB + 1, "dst", NULL, &i, &e),
			     0));
	CHECK_STR(i.version_id, "v2");
	CHECK_STR(i.etag, "x-6");
	CHECK_INT(i.size, 5 * GIB + 1);
	s3_info_free(&i);
	SCRIPT_RUN(fails, c,
		   CHECK_INT(object_copy(c, "src", NULL, ETAG, 5 * GIB + 1, "dst", &opts, &i, &e),
			     -ESTALE));
	CHECK_STR(e.code, "PreconditionFailed");
}

static void test_delete(void)
{
	static const struct script_step ok[] = { { "DELETE", "/b/k", .status = 204,
						   .answer = { "x-amz-version-id", "m1",
							       "x-amz-delete-marker", "true" } } };
	static const struct script_step plain[] = { { "DELETE", "/b/k", .status = 204 } };
	static const struct script_step lost[] = {
		{ "DELETE", "/b/k", .rc = -ECONNRESET },
		{ "GET", "versions", .status = 200,
		  .body = VERSIONS(MARKER("k", "m1") VERSION("k", "v1")) },
	};
	static const struct script_step again[] = {
		{ "DELETE", "/b/k", .rc = -ECONNRESET },
		{ "GET", "versions", .status = 200, .body = VERSIONS(VERSION("k", "v1")) },
		{ "DELETE", "/b/k", .status = 204, .answer = { "x-amz-version-id", "m1" } },
	};
	char *version = NULL;

	SCRIPT_RUN(ok, c, CHECK_INT(object_delete(c, "k", &version, NULL), 0));
	CHECK_STR(version, "m1");
	free(take_ptr(&version));
	SCRIPT_RUN(plain, c, CHECK_INT(object_delete(c, "k", &version, NULL), 0));
	CHECK_STR(version, NULL);
	SCRIPT_RUN(lost, c, CHECK_INT(object_delete(c, "k", &version, NULL), 0));
	CHECK_STR(version, "m1");
	free(take_ptr(&version));
	SCRIPT_RUN(again, c, CHECK_INT(object_delete(c, "k", &version, NULL), 0));
	CHECK_STR(version, "m1");
	free(version);
}

static int count_entries(void *arg, const struct s3_entry *e)
{
	CHECK_STR(e->key, "k");
	return ++*(int *)arg == 3 ? 77 : 0;
}

static void test_list(void)
{
	static const struct script_step page[] = {
		{ "GET",
		  "/b?continuation-token=T%2B%2F&delimiter=%2F&encoding-type=url&list-type=2&max-"
		  "keys=7&prefix=a%20b%2F",
		  .status = 200,
		  .body = "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b/c</"
			  "Key><Size>1</Size></Contents></ListBucketResult>" }
	};
	static const struct script_step outside[] = {
		{ "GET", "/b", .status = 200,
		  .body = "<ListBucketResult><Contents><Key>z/../a</Key><Size>1</Size></Contents></"
			  "ListBucketResult>" }
	};
	static const struct script_step odd_prefix[] = {
		{ "GET", "/b", .status = 200,
		  .body = "<ListBucketResult><CommonPrefixes><Prefix>a "
			  "b/c</Prefix></CommonPrefixes></ListBucketResult>" }
	};
	static const struct script_step loop[] = {
		{ "GET", "/b", .status = 200,
		  .body = "<ListBucketResult><IsTruncated>true</IsTruncated>"
			  "<NextContinuationToken>T+/</NextContinuationToken></"
			  "ListBucketResult>" }
	};
	static const struct script_step of_one[] = {
		{ "GET", "prefix=k&versions", .status = 200,
		  .body = "<ListVersionsResult><IsTruncated>true</IsTruncated>"
			  "<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v2</"
			  "NextVersionIdMarker>" VERSION("k", "v1")
				  VERSION("k", "v2") "</ListVersionsResult>" },
		{ "GET", "key-marker=k&max-keys=250&prefix=k&version-id-marker=v2&versions",
		  .status = 200, .body = VERSIONS(VERSION("k", "v3") VERSION("k/", "v4")) },
	};
	static const struct script_step versions_loop[] = {
		{ "GET", "versions", .status = 200,
		  .body = "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</"
			  "NextKeyMarker></ListVersionsResult>" }
	};
	/* as Ceph writes it: the marker is not encoded, common prefixes come first */
	static const struct script_step versions_of_a_folder[] = {
		{ "GET",
		  "delimiter=%2F&encoding-type=url&key-marker=d%2Fa&max-keys=7&prefix=d%2F&"
		  "version-id-marker=v1&versions",
		  .status = 200,
		  .body = "<ListVersionsResult><EncodingType>url</EncodingType>"
			  "<IsTruncated>true</IsTruncated><NextKeyMarker>d/b%2f/</NextKeyMarker>"
			  "<NextVersionIdMarker>null</NextVersionIdMarker>"
			  "<CommonPrefixes><Prefix>d/b%252f/</Prefix></CommonPrefixes>" VERSION(
				  "d/a", "v0") "<DeleteMarker><Key>d/b</Key><VersionId>v2"
					       "</VersionId></DeleteMarker></ListVersionsResult>" }
	};
	struct s3_page p = { 0 };
	int n = 0;

	SCRIPT_RUN(page, c, CHECK_INT(list_keys(c, "a b/", "/", "T+/", 7, &p, NULL), 0));
	CHECK_INT(p.n, 1);
	s3_page_free(&p);
	SCRIPT_RUN(outside, c, CHECK_INT(list_keys(c, "a b/", "/", NULL, 7, &p, NULL), -EIO));
	SCRIPT_RUN(odd_prefix, c, CHECK_INT(list_keys(c, "a b/", "/", NULL, 7, &p, NULL), -EIO));
	SCRIPT_RUN(loop, c, CHECK_INT(list_keys(c, "", NULL, "T+/", 7, &p, NULL), -EIO));
	SCRIPT_RUN(of_one, c, CHECK_INT(list_versions_of(c, "k", count_entries, &n, NULL), 77));
	CHECK_INT(n, 3);
	SCRIPT_RUN(versions_loop, c,
		   CHECK_INT(list_versions(c, "", NULL, "a", NULL, 7, &p, NULL), -EIO));
	SCRIPT_RUN(versions_of_a_folder, c,
		   CHECK_INT(list_versions(c, "d/", "/", "d/a", "v1", 7, &p, NULL), 0));
	CHECK_INT(p.n, 3);
	CHECK(p.n == 3 && p.entries[1].delete_marker && p.entries[2].is_prefix);
	CHECK_STR(p.next_key, "d/b%2f/");
	s3_page_free(&p);
	CHECK_INT(p.n, 0);
}

static void test_tagging(void)
{
	static const struct {
		const char *key, *value;
		int rc;
	} rows[] = {
		{ "k", "", 0 },
		{ "", "v", -EINVAL },
		{ "aws:x", "v", -EINVAL },
		{ "AWS:x", "v", -EINVAL },
		{ "awsome", "v", 0 },
		{ "k", "\xff", -EINVAL },
		{ "k\n", "v", -EINVAL },
		{ "\xf0\x9f\x98\x80", "\xc3\xa4", 0 },
	};
	static const struct script_step put[] = { { "PUT",
						    "/b/k?tagging",
						    { "content-md5", "WLP1D+SVXa/6vT6Cg2jskA==" },
						    .sends = "<TagSet></TagSet>",
						    .status = 200 } };
	static const struct script_step no_set[] = {
		{ "GET", "tagging", .status = 404,
		  .body = "<Error><Code>NoSuchTagSet</Code></Error>" }
	};
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	char why[160], name[200];

	for (size_t k = 0; k < array_size(rows); k++) {
		CHECK_CASE(rows[k].key);
		kv_free(&tags);
		CHECK_INT(kv_set(&tags, rows[k].key, rows[k].value), 0);
		CHECK_INT(tagging_check(&tags, why, sizeof(why)), rows[k].rc);
	}
	CHECK_CASE("limits");
	for (int length = 128; length <= 129; length++) {
		kv_free(&tags);
		snprintf(name, sizeof(name), "%0*d", length, 7);
		CHECK_INT(kv_set(&tags, name, "v"), 0);
		CHECK_INT(tagging_check(&tags, why, sizeof(why)), length == 128 ? 0 : -EINVAL);
	}
	kv_free(&tags);
	for (int k = 1; k <= 11; k++) {
		snprintf(name, sizeof(name), "k%d", k);
		CHECK_INT(kv_set(&tags, name, "v"), 0);
		CHECK_INT(tagging_check(&tags, why, sizeof(why)), k <= 10 ? 0 : -ENOSPC);
	}
	CHECK_CASE("");
	SCRIPT_RUN(no_set, c, CHECK_INT(tagging_get(c, "k", NULL, &tags, NULL), 0));
	CHECK_INT(tags.n, 0);
	SCRIPT_RUN(put, c, CHECK_INT(tagging_put(c, "k", NULL, &tags, NULL), 0));
}

static void test_bucket(void)
{
	static const struct script_step versioning[] = {
		{ "PUT", "/b?versioning", .sends = "<Status>Enabled</Status>", .status = 200 }
	};
	static const struct script_step empty[] = { { "GET", "/b?replication", .status = 200,
						      .body = "<ReplicationConfiguration/>" } };
	static const struct script_step none[] = {
		{ "GET", "/b?replication", .status = 404,
		  .body = "<Error><Code>ReplicationConfigurationNotFoundError</Code></Error>" }
	};
	static const struct script_step some[] = {
		{ "GET", "/b?replication", .status = 200,
		  .body = "<ReplicationConfiguration><Rule/></ReplicationConfiguration>" }
	};
	struct buf b = { 0 };
	struct script nothing = { 0 };
	struct s3_client *idle = script_client(&nothing);

	SCRIPT_RUN(versioning, c, CHECK_INT(bucket_versioning_put(c, VERSIONING_ENABLED, NULL), 0));
	CHECK_INT(bucket_versioning_put(idle, VERSIONING_OFF, NULL), -EINVAL);
	SCRIPT_RUN(empty, c, CHECK_INT(bucket_replication_get(c, &b, NULL), -ENOENT));
	SCRIPT_RUN(none, c, CHECK_INT(bucket_replication_get(c, &b, NULL), -ENOENT));
	SCRIPT_RUN(some, c, CHECK_INT(bucket_replication_get(c, &b, NULL), 0));
	CHECK(strstr(buf_str(&b), "<Rule/>"));
	buf_free(&b);
	s3_client_free(idle);
}

int main(void)
{
	test_head();
	test_head_fails();
	test_get_range();
	test_get_version();
	test_put();
	test_put_fails();
	test_copy();
	test_copy_large();
	test_delete();
	test_list();
	test_tagging();
	test_bucket();
	return check_done();
}
