/* answer.c - see answer.h. */
#include "s3/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/xml.h"
#include "s3/endpoint.h"

#define DOC_ROOT "Error"

static void text_set(char *dst, size_t n, const char *s)
{
	if (s)
		printable(s, dst, n);
}

static int64_t retry_after_read(const struct kv *headers, int64_t wall_ms)
{
	const char *v = kv_get(headers, "retry-after");
	uint64_t seconds;
	int64_t at;

	if (!v)
		return -1;
	if (parse_u64(v, &seconds) == 0)
		return (int64_t)min_of(seconds, (uint64_t)86400) * 1000;
	if (time_parse_http(v, &at) == 0)
		return max_of(at - wall_ms, (int64_t)0);
	return -1;
}

/* Where no document says it: answers to HEAD, and gateways. */
static void code_from_status(const struct s3_req *req, struct s3_error *e)
{
	static const struct {
		int status;
		const char *code;
	} codes[] = {
		{ 304, "NotModified" },	       { 403, "AccessDenied" }, { 405, "MethodNotAllowed" },
		{ 412, "PreconditionFailed" }, { 416, "InvalidRange" },
	};

	snprintf(e->code, sizeof(e->code), "HTTP%d", e->status);
	if (strcmp(req->method, "HEAD") != 0)
		return;
	if (e->status == 404)
		snprintf(e->code, sizeof(e->code), "%s", req->key ? "NoSuchKey" : "NoSuchBucket");
	for (size_t i = 0; i < array_size(codes); i++) {
		if (codes[i].status == e->status)
			snprintf(e->code, sizeof(e->code), "%s", codes[i].code);
	}
}

static void document_read(const struct doc_node *doc, struct s3_error *e)
{
	const char *region = doc_text(doc, "Region");

	text_set(e->code, sizeof(e->code), doc_text(doc, "Code"));
	text_set(e->message, sizeof(e->message), doc_text(doc, "Message"));
	text_set(e->request_id, sizeof(e->request_id), doc_text(doc, "RequestId"));
	if (region && region_is_valid(region))
		snprintf(e->region, sizeof(e->region), "%s", region);
}

static void headers_read(const struct kv *headers, int64_t wall_ms, struct s3_error *e)
{
	const char *region = kv_get(headers, "x-amz-bucket-region");

	if (!e->request_id[0])
		text_set(e->request_id, sizeof(e->request_id), kv_get(headers, "x-amz-request-id"));
	if (region && region_is_valid(region))
		snprintf(e->region, sizeof(e->region), "%s", region);
	e->retry_after_ms = retry_after_read(headers, wall_ms);
}

bool answer_is_refusal(const struct s3_error *e)
{
	static const char *const refusals[] = {
		"BandwidthLimitExceeded",
		"RequestLimitExceeded",
		"RequestThrottled",
		"ServiceUnavailable",
		"SlowDown",
		"SlowDownRead",
		"SlowDownWrite",
		"Throttling",
		"ThrottlingException",
		"TooManyRequests",
		"XMinioServerNotInitialized",
	};

	for (size_t i = 0; i < array_size(refusals); i++) {
		if (strcmp(e->code, refusals[i]) == 0)
			return true;
	}
	return false;
}

/* Refusals before any work are clear. A 5xx without one of S3's own words may come from a proxy
 * that lost the server's answer. */
static bool answer_is_unclear(const struct s3_error *e)
{
	if (e->class != FAULT_RETRY || (e->status >= 300 && e->status < 500))
		return false;
	return !answer_is_refusal(e);
}

static bool request_is_read(const struct s3_req *req)
{
	return strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
}

static int error_from_doc(const struct s3_req *req, int status, const struct kv *headers,
			  const struct doc_node *doc, int64_t wall_ms, struct s3_error *e)
{
	int rc;

	*e = (struct s3_error){ .status = status, .retry_after_ms = -1 };
	if (doc && strcmp(doc->name, DOC_ROOT) == 0)
		document_read(doc, e);
	headers_read(headers, wall_ms, e);
	if (!e->code[0])
		code_from_status(req, e);
	rc = fault_classify(e);
	e->unclear = !request_is_read(req) && answer_is_unclear(e);
	return rc ? rc : -EIO;
}

int answer_error(const struct s3_req *req, int status, const struct kv *headers,
		 const struct buf *body, int64_t wall_ms, struct s3_error *e)
{
	auto_with(doc_free_ptr) struct doc_node *doc = NULL;

	if (body->len && xml_read(body->data, body->len, &doc, NULL) != 0)
		doc = NULL;
	return error_from_doc(req, status, headers, doc, wall_ms, e);
}

static void blanks_remove(struct buf *body)
{
	size_t n = body->len ? strspn(body->data, " \t\r\n") : 0;

	if (!n)
		return;
	memmove(body->data, body->data + n, body->len - n + 1);
	body->len -= n;
}

int answer_check_200(const struct s3_req *req, const struct kv *headers, struct buf *body,
		     int64_t wall_ms, struct s3_error *e)
{
	auto_with(doc_free_ptr) struct doc_node *doc = NULL;
	int rc = -EINVAL;

	blanks_remove(body);
	if (body->len)
		rc = xml_read(body->data, body->len, &doc, NULL);
	if (rc == -ENOMEM)
		answer_none("Local", FAULT_RETRY, "out of memory", e);
	else if (rc)
		answer_none("MalformedAnswer", FAULT_RETRY, "the answer is no whole XML document",
			    e);
	else if (strcmp(doc->name, DOC_ROOT) == 0)
		return error_from_doc(req, 200, headers, doc, wall_ms, e);
	else
		return 0;
	e->status = 200;
	e->unclear = true;
	return rc == -ENOMEM ? rc : -EIO;
}

bool answer_md5(const struct kv *headers, uint8_t ret_md5[16])
{
	const char *etag = kv_get(headers, "etag"),
		   *sse = kv_get(headers, "x-amz-server-side-encryption");
	char hex[33];
	size_t n;

	if (!etag || (sse && strncmp(sse, "aws:kms", 7) == 0) ||
	    kv_get(headers, "x-amz-server-side-encryption-customer-algorithm"))
		return false;
	n = strlen(etag);
	if (n == 34 && etag[0] == '"' && etag[33] == '"')
		etag++;
	else if (n != 32)
		return false;
	memcpy(hex, etag, 32);
	hex[32] = '\0';
	return hex_decode(hex, ret_md5, 16) == 0;
}

bool answer_md5_differs(const struct kv *headers, const uint8_t md5[16])
{
	uint8_t told[16];

	return answer_md5(headers, told) && memcmp(told, md5, sizeof(told)) != 0;
}

void answer_none(const char *code, enum fault_class class, const char *why, struct s3_error *e)
{
	*e = (struct s3_error){ .class = class, .retry_after_ms = -1 };
	snprintf(e->code, sizeof(e->code), "%s", code);
	printable(why, e->message, sizeof(e->message));
}

int answer_other_bytes(const char *code, int status, struct s3_error *e)
{
	answer_none(code, FAULT_RETRY, "the server stored other bytes than were sent", e);
	e->status = status;
	return -EIO;
}

const char *s3_error_text(const struct s3_error *e, char *dst, size_t n)
{
	char status[16] = "", id[100] = "";

	if (e->status)
		snprintf(status, sizeof(status), "%d ", e->status);
	if (e->request_id[0])
		snprintf(id, sizeof(id), " (request id %s)", e->request_id);
	snprintf(dst, n, "%s%s%s%s%s", status, e->code, e->message[0] ? ": " : "", e->message, id);
	return dst;
}
