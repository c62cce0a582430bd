/* test_fault.c - statuses and codes to errno and class, and what answers mean (s3/answer). */
#include "s3/fault.h"

#include <errno.h>

#include "s3/answer.h"
#include "tests/unit/check.h"

static const struct {
	int status;
	const char *code;
	int error;
	enum fault_class class;
} rows[] = {
	{ 200, "", 0, FAULT_NONE },
	{ 200, "InternalError", -EIO, FAULT_RETRY },
	{ 200, "SomethingNew", -EIO, FAULT_RETRY },
	{ 200, "AccessDenied", -EACCES, FAULT_AUTH },
	{ 0, "Transport", -EIO, FAULT_RETRY },
	{ 301, "PermanentRedirect", -EIO, FAULT_BAD },
	{ 400, "ExpiredToken", -EACCES, FAULT_AUTH },
	{ 400, "AuthorizationHeaderMalformed", -EACCES, FAULT_AUTH },
	{ 400, "InvalidArgument", -EIO, FAULT_BAD },
	{ 400, "RequestTimeout", -EIO, FAULT_RETRY },
	{ 400, "BadDigest", -EIO, FAULT_RETRY },
	{ 400, "XAmzContentSHA256Mismatch", -EIO, FAULT_RETRY },
	{ 403, "", -EACCES, FAULT_AUTH },
	{ 403, "AccessDenied", -EACCES, FAULT_AUTH },
	{ 403, "QuotaExceeded", -ENOSPC, FAULT_AUTH },
	{ 403, "InvalidObjectState", -EACCES, FAULT_BAD },
	{ 404, "NoSuchKey", -ENOENT, FAULT_GONE },
	{ 404, "NoSuchUpload", -ENOENT, FAULT_GONE },
	{ 404, "HTTP404", -ENOENT, FAULT_GONE },
	{ 405, "MethodNotAllowed", -EIO, FAULT_BAD },
	{ 408, "", -EIO, FAULT_RETRY },
	{ 409, "OperationAborted", -EIO, FAULT_RETRY },
	{ 409, "ConditionalRequestConflict", -ESTALE, FAULT_CONFLICT },
	{ 409, "BucketAlreadyExists", -EIO, FAULT_CONFLICT },
	{ 412, "PreconditionFailed", -ESTALE, FAULT_CONFLICT },
	{ 412, "", -ESTALE, FAULT_CONFLICT },
	{ 416, "InvalidRange", -ERANGE, FAULT_BAD },
	{ 429, "", -EIO, FAULT_RETRY },
	{ 500, "InternalError", -EIO, FAULT_RETRY },
	{ 501, "NotImplemented", -EIO, FAULT_BAD },
	{ 503, "SlowDown", -EIO, FAULT_RETRY },
	{ 504, "", -EIO, FAULT_RETRY },
	{ 507, "", -ENOSPC, FAULT_AUTH },
};

static void test_classify(void)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		struct s3_error e = { .status = rows[i].status };
		char name[80];

		snprintf(e.code, sizeof(e.code), "%s", rows[i].code);
		snprintf(name, sizeof(name), "%d %s", rows[i].status, rows[i].code);
		CHECK_CASE(name);
		CHECK_INT(fault_classify(&e), rows[i].error);
		CHECK_INT(e.class, rows[i].class);
	}
	CHECK_CASE(NULL);
}

static const struct answer_row {
	const char *name, *method, *key;
	int status;
	const char *body, *header, *value;
	int error;
	const char *code;
	bool unclear;
	int64_t retry_after_ms;
	const char *region;
} answers[] = {
	{ "document", "GET", "k", 404,
	  "<?xml version=\"1.0\"?><Error><Code>NoSuchVersion</Code></Error>", NULL, NULL, -ENOENT,
	  "NoSuchVersion", false, -1, "" },
	{ "HEAD of no key", "HEAD", "k", 404, "", NULL, NULL, -ENOENT, "NoSuchKey", false, -1, "" },
	{ "HEAD of no bucket", "HEAD", NULL, 404, "", NULL, NULL, -EIO, "NoSuchBucket", false,
	  -1, "" },
	{ "HTML of a proxy", "PUT", "k", 502, "<html><body>Bad Gateway", NULL, NULL, -EIO,
	  "HTTP502", true, -1, "" },
	{ "a read is never unclear", "GET", "k", 500, "", NULL, NULL, -EIO, "HTTP500", false, -1,
	  "" },
	{ "throttled", "PUT", "k", 503, "<Error><Code>SlowDown</Code></Error>", "retry-after", "7",
	  -EIO, "SlowDown", false, 7000, "" },
	{ "429", "PUT", "k", 429, "", "retry-after", "Thu, 01 Jan 1970 00:00:09 GMT", -EIO,
	  "HTTP429", false, 8000, "" },
	{ "Retry-After of nonsense", "PUT", "k", 503,
	  "<Error><Code>ServiceUnavailable</Code></Error>", "retry-after", "-5", -EIO,
	  "ServiceUnavailable", false, -1, "" },
	{ "503 of who knows", "PUT", "k", 503, "upstream reset", NULL, NULL, -EIO, "HTTP503", true,
	  -1, "" },
	{ "500", "PUT", "k", 500, "<Error><Code>InternalError</Code></Error>", NULL, NULL, -EIO,
	  "InternalError", true, -1, "" },
	{ "504", "POST", "k", 504, "", NULL, NULL, -EIO, "HTTP504", true, -1, "" },
	{ "501 is clear", "PUT", "k", 501, "", NULL, NULL, -EIO, "HTTP501", false, -1, "" },
	{ "region in the body", "GET", NULL, 400,
	  "<Error><Code>AuthorizationHeaderMalformed</Code>"
	  "<Region>eu-west-1</Region></Error>",
	  NULL, NULL, -EACCES, "AuthorizationHeaderMalformed", false, -1, "eu-west-1" },
	{ "region in the head", "HEAD", NULL, 301, "", "x-amz-bucket-region", "eu-north-1", -EIO,
	  "HTTP301", false, -1, "eu-north-1" },
	{ "region that would be another host", "HEAD", NULL, 301, "", "x-amz-bucket-region",
	  "evil.example/x", -EIO, "HTTP301", false, -1, "" },
	{ "2xx code stays an error", "POST", "k", 200, "<Error><Code>InternalError</Code></Error>",
	  NULL, NULL, -EIO, "InternalError", true, -1, "" },
};

static void test_answers(void)
{
	for (size_t i = 0; i < array_size(answers); i++) {
		const struct answer_row *r = &answers[i];
		struct s3_req q = { .method = r->method, .key = r->key };
		struct kv headers = KV_EMPTY;
		struct s3_error e;
		struct buf b;

		CHECK_CASE(r->name);
		buf_init(&b, BUF_LIMIT_SMALL);
		CHECK_INT(buf_adds(&b, r->body), 0);
		if (r->header)
			CHECK_INT(kv_set(&headers, r->header, r->value), 0);
		CHECK_INT(answer_error(&q, r->status, &headers, &b, 1000, &e), r->error);
		CHECK_STR(e.code, r->code);
		CHECK_INT(e.unclear, r->unclear);
		CHECK_INT(e.retry_after_ms, r->retry_after_ms);
		CHECK_STR(e.region, r->region);
		buf_free(&b);
		kv_free(&headers);
	}
	CHECK_CASE(NULL);
}

static void test_text(void)
{
	struct s3_error e = { .status = 403 };
	struct kv headers = KV_EMPTY;
	struct s3_req q = { .method = "GET", .key = "k" };
	char text[400];
	struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(buf_adds(&b, "<Error><Code>AccessDenied</Code><Message>Access\nDenied</Message>"
			       "<RequestId>R1</RequestId></Error>"),
		  0);
	CHECK_INT(answer_error(&q, 403, &headers, &b, 0, &e), -EACCES);
	CHECK_STR(s3_error_text(&e, text, sizeof(text)),
		  "403 AccessDenied: Access\\x0aDenied (request id R1)");
	answer_none("Transport", FAULT_RETRY, "no way", &e);
	CHECK_STR(s3_error_text(&e, text, sizeof(text)), "Transport: no way");
	CHECK_STR(s3_error_text(&e, text, 8), "Transpo");
	buf_free(&b);
}

static void test_md5(void)
{
	static const uint8_t sum[16] = { 0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76,
					 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92 };
	static const struct {
		const char *etag, *name, *value;
		bool differs;
	} cases[] = {
		{ "\"5d41402abc4b2a76b9719d911017c592\"", "a", "b", false },
		{ "5D41402ABC4B2A76B9719D911017C592", "a", "b", false },
		{ "\"0041402abc4b2a76b9719d911017c592\"", "a", "b", true },
		{ "\"0041402abc4b2a76b9719d911017c592-2\"", "a", "b", false },
		{ "\"zz41402abc4b2a76b9719d911017c592\"", "a", "b", false },
		{ "", "a", "b", false },
		{ "\"0041402abc4b2a76b9719d911017c592\"", "x-amz-server-side-encryption", "AES256",
		  true },
		{ "\"0041402abc4b2a76b9719d911017c592\"", "x-amz-server-side-encryption", "aws:kms",
		  false },
		{ "\"0041402abc4b2a76b9719d911017c592\"",
		  "x-amz-server-side-encryption-customer-algorithm", "AES256", false },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct kv h = KV_EMPTY;

		CHECK_CASE(cases[i].etag);
		CHECK_INT(kv_set(&h, "etag", cases[i].etag), 0);
		CHECK_INT(kv_set(&h, cases[i].name, cases[i].value), 0);
		CHECK_INT(answer_md5_differs(&h, sum), cases[i].differs);
		kv_free(&h);
	}
	CHECK_CASE(NULL);
}

int main(void)
{
	test_classify();
	test_answers();
	test_text();
	test_md5();
	return check_done();
}
