/*
 * upload_fake.h - a tiny S3 in memory behind an http_attempt_fn: one key's versions, multipart
 * uploads, tags, Object Lock put on a version. Thread-safe. Faults on command. Like Ceph it wants every uploaded part in a
 * Complete; it says when something is asked that S3 would refuse.
 */
#ifndef TESTS_UNIT_UPLOAD_FAKE_H
#define TESTS_UNIT_UPLOAD_FAKE_H

#include "tests/unit/check.h"

#include <errno.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/lock.h"
#include "s3/client.h"

#define FAKE_UPLOADS  16
#define FAKE_PARTS    40
#define FAKE_VERSIONS 32

enum fake_op {
	FAKE_PUT,
	FAKE_CREATE,
	FAKE_PART,
	FAKE_PART_COPY,
	FAKE_COMPLETE,
	FAKE_ABORT,
	FAKE_HEAD,
	FAKE_VERSIONS_LIST,
	FAKE_PARTS_LIST,
	FAKE_TAGS_GET,
	FAKE_TAGS_PUT,
	FAKE_LOCK_PUT,
	FAKE_OPS
};

struct fake_part {
	char *data;
	size_t size;
};

struct fake_upload {
	struct fake_part parts[FAKE_PARTS + 1];
	char token[32];
	bool over;
};

struct fake_version {
	char *data;
	size_t size;
	char token[32], tags[200], lock[400];
};

struct fake_s3 {
	struct lock lock;
	struct cond changed;
	struct fake_upload uploads[FAKE_UPLOADS];
	unsigned n_uploads;
	struct fake_version versions[FAKE_VERSIONS];
	unsigned n_versions;
	unsigned calls[FAKE_OPS];
	unsigned in_flight, most_in_flight; /* parts */
	/* Faults: for this op, after so many calls of it, so many times. */
	enum fake_op fault_op;
	unsigned fault_skip, fault_times;
	int fault_status;    /* refused with it; 0 = the connection breaks, */
	bool fault_after;    /* after it was carried out */
	bool gate[FAKE_OPS]; /* calls of it wait while set */
	unsigned at_gate;
	bool deaf; /* HEAD breaks the connection; set while nothing is asked */
};

static inline void fake_init(struct fake_s3 *f)
{
	memset(f, 0, sizeof(*f));
	lock_init(&f->lock);
	cond_init(&f->changed);
}

static inline void fake_free(struct fake_s3 *f)
{
	for (unsigned u = 0; u < f->n_uploads; u++)
		for (unsigned p = 0; p <= FAKE_PARTS; p++)
			free(f->uploads[u].parts[p].data);
	for (unsigned v = 0; v < f->n_versions; v++)
		free(f->versions[v].data);
	cond_free(&f->changed);
	lock_free(&f->lock);
}

static inline void fake_fault(struct fake_s3 *f, enum fake_op op, unsigned skip, unsigned times,
			      int status, bool after)
{
	scoped_lock(&f->lock);
	f->fault_op = op;
	f->fault_skip = skip;
	f->fault_times = times;
	f->fault_status = status;
	f->fault_after = after;
}

static inline void fake_gate(struct fake_s3 *f, enum fake_op op, bool closed)
{
	scoped_lock(&f->lock);
	f->gate[op] = closed;
	cond_broadcast(&f->changed);
}

/* Until n calls wait at a gate. */
static inline void fake_wait_at_gate(struct fake_s3 *f, unsigned n)
{
	int64_t deadline = clock_deadline(10000);

	scoped_lock(&f->lock);
	while (f->at_gate < n && cond_wait_until(&f->changed, &f->lock, deadline))
		;
	CHECK(f->at_gate >= n);
}

static inline unsigned fake_calls(struct fake_s3 *f, enum fake_op op)
{
	scoped_lock(&f->lock);
	return f->calls[op];
}

/* Until there were n calls of op. */
static inline void fake_wait_calls(struct fake_s3 *f, enum fake_op op, unsigned n)
{
	int64_t deadline = clock_deadline(10000);

	scoped_lock(&f->lock);
	while (f->calls[op] < n && cond_wait_until(&f->changed, &f->lock, deadline))
		;
	CHECK(f->calls[op] >= n);
}

/* Uploads that still hold parts on the server. */
static inline unsigned fake_open_uploads(struct fake_s3 *f)
{
	unsigned n = 0;

	scoped_lock(&f->lock);
	for (unsigned u = 0; u < f->n_uploads; u++)
		n += !f->uploads[u].over;
	return n;
}

static inline int fake_error(struct http_res *res, int status, const char *code)
{
	res->status = status;
	return buf_addf(&res->body, "<Error><Code>%s</Code></Error>", code);
}

static inline void fake_version_header(struct http_res *res, unsigned v)
{
	char text[16];

	snprintf(text, sizeof(text), "v%u", v + 1);
	CHECK_INT(kv_set(&res->headers, "x-amz-version-id", text), 0);
}

static inline void fake_etag(struct http_res *res, const char *data, size_t n)
{
	uint8_t sum[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];

	CHECK_INT(md5(data, n, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	CHECK_INT(kv_set(&res->headers, "etag", hex), 0);
}

static inline const char *fake_or_empty(const char *s)
{
	return s ? s : "";
}

/* Takes data. */
static inline unsigned fake_new_version(struct fake_s3 *f, char *data, size_t n, const char *token,
					const char *tags)
{
	struct fake_version *v = &f->versions[f->n_versions];

	if (!CHECK(f->n_versions < FAKE_VERSIONS))
		abort();
	v->data = data;
	v->size = n;
	snprintf(v->token, sizeof(v->token), "%s", token);
	snprintf(v->tags, sizeof(v->tags), "%s", tags);
	return f->n_versions++;
}

static inline int fake_complete(struct fake_s3 *f, struct fake_upload *u, const char *list,
				struct http_res *res)
{
	char *data = NULL, item[40], token[sizeof(u->token)];
	size_t n = 0;

	for (unsigned p = 1; p <= FAKE_PARTS; p++) {
		snprintf(item, sizeof(item), "<PartNumber>%u</PartNumber>", p);
		if (!u->parts[p].data != !strstr(list, item)) {
			free(data);
			return fake_error(res, 400, "InvalidPart");
		}
		if (!u->parts[p].data)
			continue;
		data = realloc(data, n + u->parts[p].size + 1);
		memcpy(data + n, u->parts[p].data, u->parts[p].size);
		n += u->parts[p].size;
	}
	u->over = true;
	memcpy(token, u->token, sizeof(token));
	fake_version_header(res, fake_new_version(f, data, n, token, ""));
	res->status = 200;
	return buf_adds(
		&res->body,
		"<CompleteMultipartUploadResult><ETag>x-1</ETag></CompleteMultipartUploadResult>");
}

/* Of a version of the same key, named by its id and pinned by an ETag. */
static inline int fake_copy_part(struct fake_s3 *f, const struct http_req *q,
				 struct fake_part *part, struct http_res *res)
{
	const char *from = kv_get(q->headers, "x-amz-copy-source"),
		   *range = kv_get(q->headers, "x-amz-copy-source-range");
	const char *asked = strstr(from, "/b/k?versionId=v");
	unsigned v = asked ? (unsigned)strtoul(asked + 16, NULL, 10) : 0;
	unsigned long long first = 0, last = 0;
	uint8_t sum[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];

	if (v == 0 || v > f->n_versions)
		return fake_error(res, 404, "NoSuchVersion");
	CHECK(kv_get(q->headers, "x-amz-copy-source-if-match"));
	CHECK(range && sscanf(range, "bytes=%llu-%llu", &first, &last) == 2);
	if (last >= f->versions[v - 1].size)
		return fake_error(res, 400, "InvalidArgument");
	free(part->data);
	part->size = (size_t)(last - first + 1);
	part->data = malloc(part->size);
	memcpy(part->data, f->versions[v - 1].data + first, part->size);
	CHECK_INT(md5(part->data, part->size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	return buf_addf(&res->body,
			"<CopyPartResult><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
			"<ETag>%s</ETag></CopyPartResult>",
			hex);
}

static inline int fake_multipart(struct fake_s3 *f, enum fake_op op, const struct http_req *q,
				 char **body, struct http_res *res)
{
	const char *id = strstr(q->url, "uploadId=id"), *number = strstr(q->url, "partNumber=");
	unsigned n = id ? (unsigned)strtoul(id + 11, NULL, 10) : 0,
		 p = number ? (unsigned)strtoul(number + 11, NULL, 10) : 0;
	struct fake_upload *u = &f->uploads[n];

	if (n >= f->n_uploads || u->over)
		return fake_error(res, 404, "NoSuchUpload");
	res->status = 200;
	if (op == FAKE_ABORT) {
		u->over = true;
		res->status = 204;
		return 0;
	}
	if (op == FAKE_COMPLETE)
		return fake_complete(f, u, *body, res);
	if (op == FAKE_PARTS_LIST)
		return buf_adds(&res->body, "<ListPartsResult></ListPartsResult>");
	if (!CHECK(p >= 1 && p <= FAKE_PARTS))
		abort();
	if (op == FAKE_PART_COPY)
		return fake_copy_part(f, q, &u->parts[p], res);
	free(u->parts[p].data);
	u->parts[p].data = take_ptr(body);
	u->parts[p].size = (size_t)q->body_size;
	fake_etag(res, u->parts[p].data, u->parts[p].size);
	return 0;
}

static inline int fake_versions_list(struct fake_s3 *f, struct http_res *res)
{
	res->status = 200;
	buf_adds(&res->body, "<ListVersionsResult>");
	for (unsigned v = f->n_versions; v > 0; v--)
		buf_addf(
			&res->body,
			"<Version><Key>k</Key><VersionId>v%u</VersionId><Size>%zu</Size></Version>",
			v, f->versions[v - 1].size);
	return buf_adds(&res->body, "</ListVersionsResult>");
}

static inline int fake_head(struct fake_s3 *f, const struct http_req *q, struct http_res *res)
{
	const char *asked = strstr(q->url, "versionId=v");
	unsigned v = asked ? (unsigned)strtoul(asked + 11, NULL, 10) : f->n_versions;
	char text[24];

	if (v == 0 || v > f->n_versions)
		return fake_error(res, 404, "NoSuchKey");
	res->status = 200;
	snprintf(text, sizeof(text), "%zu", f->versions[v - 1].size);
	CHECK_INT(kv_set(&res->headers, "content-length", text), 0);
	CHECK_INT(kv_set(&res->headers, "x-amz-meta-token", f->versions[v - 1].token), 0);
	fake_version_header(res, v - 1);
	return 0;
}

static inline int fake_tags(struct fake_s3 *f, enum fake_op op, const struct http_req *q,
			    const char *body, struct http_res *res)
{
	const char *asked = strstr(q->url, "versionId=v");
	struct fake_version *v = &f->versions[asked ? strtoul(asked + 11, NULL, 10) - 1 : 0];

	CHECK(asked);
	res->status = 200;
	if (op == FAKE_TAGS_PUT) {
		snprintf(v->tags, sizeof(v->tags), "%s", body);
		return 0;
	}
	return buf_adds(&res->body, v->tags);
}

static inline int fake_lock(struct fake_s3 *f, const struct http_req *q, const char *body,
			    struct http_res *res)
{
	const char *asked = strstr(q->url, "versionId=v");
	struct fake_version *v = &f->versions[asked ? strtoul(asked + 11, NULL, 10) - 1 : 0];
	size_t n = strlen(v->lock);

	CHECK(asked);
	res->status = 200;
	snprintf(v->lock + n, sizeof(v->lock) - n, "%s", body);
	return 0;
}

static inline int fake_serve(struct fake_s3 *f, enum fake_op op, const struct http_req *q,
			     char **body, struct http_res *res)
{
	const char *token = fake_or_empty(kv_get(q->headers, "x-amz-meta-token"));

	switch (op) {
	case FAKE_PUT:
		fake_etag(res, *body, (size_t)q->body_size);
		fake_version_header(res, fake_new_version(f, take_ptr(body), (size_t)q->body_size,
							  token, ""));
		res->status = 200;
		return 0;
	case FAKE_CREATE:
		if (!CHECK(f->n_uploads < FAKE_UPLOADS))
			abort();
		snprintf(f->uploads[f->n_uploads].token, sizeof(f->uploads[0].token), "%s", token);
		res->status = 200;
		return buf_addf(&res->body,
				"<InitiateMultipartUploadResult><UploadId>id%u</UploadId></"
				"InitiateMultipartUploadResult>",
				f->n_uploads++);
	case FAKE_HEAD: return fake_head(f, q, res);
	case FAKE_VERSIONS_LIST: return fake_versions_list(f, res);
	case FAKE_TAGS_GET:
	case FAKE_TAGS_PUT: return fake_tags(f, op, q, *body, res);
	case FAKE_LOCK_PUT: return fake_lock(f, q, *body, res);
	default: return fake_multipart(f, op, q, body, res);
	}
}

static inline enum fake_op fake_op_of(const struct http_req *q)
{
	bool id = strstr(q->url, "uploadId="), tags = strstr(q->url, "?tagging");

	if (strstr(q->url, "?retention") || strstr(q->url, "?legal-hold"))
		return FAKE_LOCK_PUT;
	if (kv_get(q->headers, "x-amz-copy-source"))
		return FAKE_PART_COPY;
	if (strcmp(q->method, "PUT") == 0)
		return id ? FAKE_PART : tags ? FAKE_TAGS_PUT : FAKE_PUT;
	if (strcmp(q->method, "POST") == 0)
		return id ? FAKE_COMPLETE : FAKE_CREATE;
	if (strcmp(q->method, "DELETE") == 0)
		return FAKE_ABORT;
	if (strcmp(q->method, "HEAD") == 0)
		return FAKE_HEAD;
	return id ? FAKE_PARTS_LIST : tags ? FAKE_TAGS_GET : FAKE_VERSIONS_LIST;
}

/* Reads what the request sends, as libcurl would: in pieces. Also its MD5, so that an ETag of other
 * bytes is found out. */
static inline int fake_receive(const struct http_req *q, char *body, struct http_res *res)
{
	for (uint64_t off = 0; q->read && off < q->body_size; off += 65536) {
		int rc = q->read(q->read_arg, body + off,
				 (size_t)min_of(q->body_size - off, (uint64_t)65536), off);

		if (rc != 0)
			return rc;
	}
	if (!q->read && q->body_size > 0)
		memcpy(body, q->body_data, (size_t)q->body_size);
	res->body_md5_valid =
		q->body_size > 0 && md5(body, (size_t)q->body_size, res->body_md5) == 0;
	return 0;
}

/* 1 = break the connection, 2 = break it afterwards, 3 = refuse; 0 = go on. */
static inline int fake_fate_locked(struct fake_s3 *f, enum fake_op op)
{
	lock_assert_held(&f->lock);
	if (f->deaf && op == FAKE_HEAD)
		return 1;
	if (op != f->fault_op || f->fault_times == 0)
		return 0;
	if (f->fault_skip > 0) {
		f->fault_skip--;
		return 0;
	}
	f->fault_times--;
	return f->fault_status != 0 ? 3 : f->fault_after ? 2 : 1;
}

static int fake_attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	struct fake_s3 *f = arg;
	enum fake_op op = fake_op_of(q);
	auto_free char *body = calloc(1, (size_t)q->body_size + 1);
	int fate, rc;

	res->sent = true;
	rc = fake_receive(q, body, res);
	if (rc != 0)
		return rc;
	lock_take(&f->lock);
	f->calls[op]++;
	f->in_flight += op == FAKE_PART;
	f->most_in_flight = max_of(f->most_in_flight, f->in_flight);
	f->at_gate++;
	cond_broadcast(&f->changed);
	while (f->gate[op])
		cond_wait(&f->changed, &f->lock);
	f->at_gate--;
	fate = fake_fate_locked(f, op);
	if (fate == 3)
		rc = fake_error(res, f->fault_status, "Refused");
	else if (fate != 1)
		rc = fake_serve(f, op, q, &body, res);
	f->in_flight -= op == FAKE_PART;
	cond_broadcast(&f->changed);
	lock_drop(&f->lock);
	if (fate == 1 || fate == 2) {
		res->status = 0;
		rc = -ECONNRESET;
	}
	return rc;
}

static inline struct s3_client *fake_client(struct fake_s3 *f)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1:9",
				       .region = "us-east-1",
				       .bucket = "b",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = fake_attempt,
				       .attempt_arg = f };
	struct s3_client *c = NULL;
	char why[200];

	CHECK_INT(cred_source_static("ID", "SECRET", NULL, &conf.cred), 0);
	CHECK_INT(s3_client_new(&conf, &c, why, sizeof(why)), 0);
	return c;
}

#endif
