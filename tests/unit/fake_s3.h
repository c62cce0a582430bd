/*
 * fake_s3.h - an S3 in memory behind an http_attempt_fn: any number of buckets, all with
 * versioning; objects, delete markers, tags, multipart uploads, ListObjectVersions. Faults on
 * command. Like Ceph it wants every uploaded part in a Complete; a DELETE by version id, and what
 * it does not know, is a failed check.
 *
 * What is served is thread-safe. fake_add, fake_find and the fields are the test's: with l held, or
 * while nobody asks. Versions stay where they are until fake_free.
 */
#ifndef TESTS_UNIT_FAKE_S3_H
#define TESTS_UNIT_FAKE_S3_H

#include "tests/unit/check.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/lock.h"
#include "base/xml.h"
#include "s3/client.h"

#define FAKE_UPLOADS 32
#define FAKE_PARTS   40
#define FAKE_PIECE   ((size_t)65536) /* as bodies come and go */

struct fake_part {
	char *body; /* NULL = no such part */
	char *etag;
	size_t len;
};

/* Begun and not over; all zero when it is. */
struct fake_upload {
	char *bucket, *key, *id;
	struct kv headers, tags;
	int64_t started_ms;			/* 0 = not known */
	struct fake_part parts[FAKE_PARTS + 1]; /* part n at n */
};

struct fake_version {
	char *bucket, *key;
	char id[24], etag[80]; /* the ETag without quotes; "" for a marker */
	char *body;
	size_t len;
	int64_t mtime_ms;
	bool marker;
	struct kv headers; /* what a HEAD tells beside the above: x-amz-meta-*, content-type, ... */
	struct kv tags;
};

struct fake_fault {
	char bucket[64], what[64], code[64];
	int status, times;
};

struct fake_s3 {
	struct lock l;
	struct fake_version **versions; /* oldest first */
	size_t versions_n;
	struct fake_upload uploads[FAKE_UPLOADS];
	unsigned uploads_n; /* slots used so far */
	char **log;	    /* "PUT bucket/key?query", the key as it is in the URL */
	size_t log_n;
	struct fake_fault fault;
	bool keep_no_tags; /* CreateMultipartUpload drops them, as some servers do */
};

/* --- for tests and the fixture ---------------------------------------------------------------- */

/* What has to go well for the test to make sense. */
#define must(expr) fake_must((expr), #expr, __FILE__, __LINE__)

static inline void fake_must(int err, const char *expr, const char *file, int line)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s:%d: %s: error %d\n", file, line, expr, err);
	abort();
}

static inline void *fake_memory(void *p)
{
	if (!p)
		abort();
	return p;
}

/* New string; NULL gives NULL. */
static inline char *fake_dup(const char *s)
{
	return s ? fake_memory(strdup(s)) : NULL;
}

static inline void fake_init(struct fake_s3 *f)
{
	memset(f, 0, sizeof(*f));
	lock_init(&f->l);
}

static inline void fake_upload_free(struct fake_upload *u)
{
	for (unsigned n = 0; n <= FAKE_PARTS; n++) {
		free(u->parts[n].body);
		free(u->parts[n].etag);
	}
	kv_free(&u->headers);
	kv_free(&u->tags);
	free(u->bucket);
	free(u->key);
	free(u->id);
	memset(u, 0, sizeof(*u));
}

static inline void fake_forget_log(struct fake_s3 *f)
{
	scoped_lock(&f->l);
	for (size_t k = 0; k < f->log_n; k++)
		free(f->log[k]);
	free(f->log);
	f->log = NULL;
	f->log_n = 0;
}

static inline void fake_free(struct fake_s3 *f)
{
	fake_forget_log(f);
	for (unsigned k = 0; k < FAKE_UPLOADS; k++)
		fake_upload_free(&f->uploads[k]);
	for (size_t k = 0; k < f->versions_n; k++) {
		kv_free(&f->versions[k]->headers);
		kv_free(&f->versions[k]->tags);
		free(f->versions[k]->bucket);
		free(f->versions[k]->key);
		free(f->versions[k]->body);
		free(f->versions[k]);
	}
	free(f->versions);
	lock_free(&f->l);
}

/* The MD5 in hex; dst holds 33 bytes. */
static inline void fake_etag(const void *p, size_t n, char *dst)
{
	uint8_t sum[MD5_SIZE];

	must(md5(n > 0 ? p : "", n, sum));
	hex_encode(sum, sizeof(sum), dst);
}

/* A new current version. Takes body; with NULL it is for a delete marker, which the caller says. */
static inline struct fake_version *fake_add(struct fake_s3 *f, const char *bucket, const char *key,
					    char *body, size_t len)
{
	struct fake_version *v = fake_memory(calloc(1, sizeof(*v)));

	f->versions = fake_memory(
		realloc(f->versions, (f->versions_n + 1) * sizeof(struct fake_version *)));
	f->versions[f->versions_n++] = v;
	v->bucket = fake_dup(bucket);
	v->key = fake_dup(key);
	snprintf(v->id, sizeof(v->id), "v%zu", f->versions_n);
	if (body)
		fake_etag(body, len, v->etag);
	v->body = body;
	v->len = len;
	v->mtime_ms = clock_wall_ms();
	return v;
}

/* id NULL = the current one, which may be a delete marker. NULL = there is none. Borrowed. */
static inline struct fake_version *fake_find(struct fake_s3 *f, const char *bucket, const char *key,
					     const char *id)
{
	for (size_t k = f->versions_n; k > 0; k--) {
		struct fake_version *v = f->versions[k - 1];

		if (strcmp(v->bucket, bucket) == 0 && strcmp(v->key, key) == 0 &&
		    (!id || strcmp(v->id, id) == 0))
			return v;
	}
	return NULL;
}

/* Versions, delete markers too; key NULL = of all keys. */
static inline unsigned fake_count(struct fake_s3 *f, const char *bucket, const char *key)
{
	unsigned n = 0;

	scoped_lock(&f->l);
	for (size_t k = 0; k < f->versions_n; k++)
		n += strcmp(f->versions[k]->bucket, bucket) == 0 &&
		     (!key || strcmp(f->versions[k]->key, key) == 0);
	return n;
}

/* How many lines of the log have this in them. */
static inline unsigned fake_logged(struct fake_s3 *f, const char *what)
{
	unsigned n = 0;

	scoped_lock(&f->l);
	for (size_t k = 0; k < f->log_n; k++)
		n += strstr(f->log[k], what) != NULL;
	return n;
}

/*
 * The next requests to bucket ("" = any) whose line in the log has what in it go wrong, so many
 * times (-1 = always). Instead of the fault set before. status > 0: refused with it and code; 0:
 * the connection breaks, and nothing was done; -1: it breaks after all was done.
 */
static inline void fake_set_fault(struct fake_s3 *f, const char *bucket, const char *what,
				  int status, const char *code, int times)
{
	scoped_lock(&f->l);
	f->fault = (struct fake_fault){ .status = status, .times = times };
	snprintf(f->fault.bucket, sizeof(f->fault.bucket), "%s", bucket);
	snprintf(f->fault.what, sizeof(f->fault.what), "%s", what);
	snprintf(f->fault.code, sizeof(f->fault.code), "%s", code ? code : "");
}

/* --- a request -------------------------------------------------------------------------------- */

struct fake_req {
	const struct http_req *q;
	char *line; /* for the log */
	char *bucket, *key;
	struct kv query;
	const char *version; /* borrowed; NULL = the current one */
	char *body;
	size_t body_len;
	char md5[2 * MD5_SIZE + 1];
	/* Goes out without the lock held: a version's body stays. NULL = res->body has it. */
	const char *send;
	size_t send_len;
};

static inline char *fake_decode(const char *s, size_t n)
{
	struct buf b;
	char *text = NULL;

	buf_init(&b, BUF_LIMIT_SMALL);
	must(uri_decode(s, n, false, &b));
	must(buf_take(&b, &text, NULL));
	return text;
}

static inline void fake_req_init(struct fake_req *r, const struct http_req *q)
{
	const char *start = strstr(q->url, "://"), *path = start ? strchr(start + 3, '/') : NULL;
	size_t n = path ? strcspn(++path, "?") : 0, slash = path ? strcspn(path, "/?") : 0;

	memset(r, 0, sizeof(*r));
	if (!path)
		abort();
	r->q = q;
	must(str_format(&r->line, "%s %s", q->method, path));
	r->bucket = fake_decode(path, slash);
	if (slash < n)
		r->key = fake_decode(path + slash + 1, n - slash - 1);
	must(kv_from_query(path[n] ? path + n + 1 : "", &r->query));
	r->version = kv_get(&r->query, "versionId");
	CHECK(kv_get(q->headers, "authorization"));
}

static inline void fake_req_free(struct fake_req *r)
{
	kv_free(&r->query);
	free(r->line);
	free(r->bucket);
	free(r->key);
	free(r->body);
}

/* Reads what the request sends, as libcurl would: in pieces. */
static inline int fake_receive(struct fake_req *r, struct http_res *res)
{
	const struct http_req *q = r->q;
	size_t n;

	r->body_len = (size_t)q->body_size;
	r->body = fake_memory(calloc(1, r->body_len + 1));
	for (size_t off = 0; q->read && off < r->body_len; off += n) {
		int rc;

		n = min_of(r->body_len - off, FAKE_PIECE);
		rc = q->read(q->read_arg, r->body + off, n, off);
		if (rc != 0)
			return rc;
	}
	if (!q->read && r->body_len > 0)
		memcpy(r->body, q->body_data, r->body_len);
	fake_etag(r->body, r->body_len, r->md5);
	must(hex_decode(r->md5, res->body_md5, MD5_SIZE));
	res->body_md5_valid = r->body_len > 0;
	return 0;
}

static inline int fake_send(const struct fake_req *r, struct http_res *res)
{
	const struct http_req *q = r->q;
	auto_with(buf_free) struct buf body;
	const char *p = r->send;
	size_t len = r->send_len, n;

	buf_init(&body, BUF_LIMIT_DOC);
	if (strcmp(q->method, "HEAD") == 0) {
		buf_reset(&res->body);
		return 0;
	}
	if (!q->write || res->status / 100 != 2) {
		res->received = p ? len : res->body.len;
		return p ? buf_add(&res->body, p, len) : 0;
	}
	if (!p) {
		body = res->body;
		buf_init(&res->body, BUF_LIMIT_DOC);
		p = buf_str(&body);
		len = body.len;
	}
	for (size_t off = 0; off < len; off += n) {
		int rc;

		n = min_of(len - off, FAKE_PIECE);
		rc = q->write(q->write_arg, p + off, n);
		if (rc != 0)
			return rc;
		res->received += n;
	}
	return 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

static inline void fake_set(struct http_res *res, const char *name, const char *value)
{
	must(kv_set(&res->headers, name, value));
}

static inline void fake_error(struct http_res *res, int status, const char *code)
{
	res->status = status;
	must(buf_addf(&res->body, "<Error><Code>%s</Code><Message>as told</Message></Error>",
		      code));
}

static inline void fake_set_quoted(struct http_res *res, const char *etag)
{
	char text[90];

	snprintf(text, sizeof(text), "\"%s\"", etag);
	fake_set(res, "etag", text);
}

/* NULL, and the answer filled in, when there is none or it is a delete marker. */
static inline struct fake_version *fake_asked_for(struct fake_s3 *f, const struct fake_req *r,
						  struct http_res *res)
{
	struct fake_version *v = fake_find(f, r->bucket, r->key, r->version);

	if (v && !v->marker)
		return v;
	if (v) {
		fake_set(res, "x-amz-delete-marker", "true");
		fake_set(res, "x-amz-version-id", v->id);
	}
	if (v && r->version)
		fake_error(res, 405, "MethodNotAllowed");
	else
		fake_error(res, 404, !v && r->version ? "NoSuchVersion" : "NoSuchKey");
	return NULL;
}

static inline void fake_describe(const struct fake_version *v, struct http_res *res)
{
	time_t seconds = (time_t)(v->mtime_ms / 1000);
	struct tm tm;
	char text[64];

	must(kv_merge(&res->headers, &v->headers));
	fake_set(res, "x-amz-version-id", v->id);
	fake_set_quoted(res, v->etag);
	if (!gmtime_r(&seconds, &tm) ||
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		abort();
	fake_set(res, "last-modified", text);
	snprintf(text, sizeof(text), "%zu", v->tags.n);
	if (v->tags.n > 0)
		fake_set(res, "x-amz-tagging-count", text);
}

/* "bytes=5-9" */
static inline bool fake_range(const char *s, size_t *ret_first, size_t *ret_last)
{
	return sscanf(s, "bytes=%zu-%zu", ret_first, ret_last) == 2 && *ret_first <= *ret_last;
}

static inline void fake_get(struct fake_s3 *f, struct fake_req *r, struct http_res *res)
{
	const struct fake_version *v = fake_asked_for(f, r, res);
	const char *range = kv_get(r->q->headers, "range"),
		   *match = kv_get(r->q->headers, "if-match");
	size_t first = 0, last = 0;
	char text[80];

	if (!v)
		return;
	if (match && (strlen(match) < 2 || strlen(v->etag) != strlen(match) - 2 ||
		      strncmp(match + 1, v->etag, strlen(v->etag)) != 0)) {
		fake_error(res, 412, "PreconditionFailed");
		return;
	}
	res->status = 200;
	r->send = v->body;
	r->send_len = v->len;
	if (range && CHECK(fake_range(range, &first, &last))) {
		if (first >= v->len) {
			r->send = NULL;
			fake_error(res, 416, "InvalidRange");
			return;
		}
		last = min_of(last, v->len - 1);
		res->status = 206;
		r->send += first;
		r->send_len = last - first + 1;
		snprintf(text, sizeof(text), "bytes %zu-%zu/%zu", first, last, v->len);
		fake_set(res, "content-range", text);
	}
	fake_describe(v, res);
	snprintf(text, sizeof(text), "%zu", r->send_len);
	fake_set(res, "content-length", text);
}

/* What of a request's headers belongs to the version it makes. */
static inline void fake_keep(const struct fake_req *r, struct kv *ret_headers, struct kv *ret_tags)
{
	static const char *const kept[] = {
		"x-amz-meta-",
		"x-amz-storage-class",
		"cache-control",
		"content-disposition",
		"content-encoding",
		"content-language",
		"content-type",
		"expires",
		"x-amz-website-redirect-location",
	};
	const struct kv *h = r->q->headers;
	const char *tags = kv_get(h, "x-amz-tagging");

	for (size_t k = 0; k < h->n; k++)
		for (size_t i = 0; i < array_size(kept); i++)
			if (strncmp(h->items[k].name, kept[i], strlen(kept[i])) == 0)
				must(kv_set(ret_headers, h->items[k].name, h->items[k].value));
	if (tags)
		must(kv_from_query(tags, ret_tags));
}

static inline void fake_put(struct fake_s3 *f, struct fake_req *r, struct http_res *res)
{
	struct fake_version *v = fake_add(f, r->bucket, r->key, take_ptr(&r->body), r->body_len);

	fake_keep(r, &v->headers, &v->tags);
	res->status = 200;
	fake_set(res, "x-amz-version-id", v->id);
	fake_set_quoted(res, v->etag);
}

static inline void fake_delete(struct fake_s3 *f, const struct fake_req *r, struct http_res *res)
{
	struct fake_version *v;

	if (!CHECK(!r->version)) { /* nobody may remove a version for good */
		fake_error(res, 403, "AccessDenied");
		return;
	}
	v = fake_add(f, r->bucket, r->key, NULL, 0);
	v->marker = true;
	res->status = 204;
	fake_set(res, "x-amz-delete-marker", "true");
	fake_set(res, "x-amz-version-id", v->id);
}

/* --- tags ------------------------------------------------------------------------------------- */

static inline void fake_tags_get(struct fake_s3 *f, const struct fake_req *r, struct http_res *res)
{
	const struct fake_version *v = fake_asked_for(f, r, res);

	if (!v)
		return;
	res->status = 200;
	fake_set(res, "x-amz-version-id", v->id);
	buf_adds(&res->body, "<Tagging><TagSet>");
	for (size_t k = 0; k < v->tags.n; k++) {
		buf_adds(&res->body, "<Tag>");
		xml_elem(&res->body, "Key", v->tags.items[k].name);
		xml_elem(&res->body, "Value", v->tags.items[k].value);
		buf_adds(&res->body, "</Tag>");
	}
	must(buf_adds(&res->body, "</TagSet></Tagging>"));
}

static inline void fake_tags_put(struct fake_s3 *f, const struct fake_req *r, struct http_res *res)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	struct fake_version *v = fake_asked_for(f, r, res);
	const struct doc_node *tag;

	if (!v)
		return;
	if (!CHECK_INT(xml_read(r->body, r->body_len, &root, NULL), 0)) {
		fake_error(res, 400, "MalformedXML");
		return;
	}
	kv_free(&v->tags);
	for (tag = doc_child(doc_child(root, "TagSet"), "Tag"); tag; tag = doc_next_same(tag))
		must(kv_set(&v->tags, doc_text(tag, "Key"), doc_text(tag, "Value")));
	res->status = 200;
	fake_set(res, "x-amz-version-id", v->id);
}

/* --- ListObjectVersions ----------------------------------------------------------------------- */

static inline int fake_compare(const void *a, const void *b)
{
	const struct fake_version *x = *(struct fake_version *const *)a,
				  *y = *(struct fake_version *const *)b;
	int by_key = strcmp(x->key, y->key);

	if (by_key != 0)
		return by_key;
	/* Newest first; the number in the id counts up. */
	return strtoul(x->id + 1, NULL, 10) < strtoul(y->id + 1, NULL, 10) ? 1 : -1;
}

/* New array of those of the bucket and prefix, in the listing's order. */
static inline struct fake_version **fake_listed(const struct fake_s3 *f, const char *bucket,
						const char *prefix, size_t *ret_n)
{
	struct fake_version **list =
		fake_memory(calloc(f->versions_n + 1, sizeof(struct fake_version *)));
	size_t n = 0;

	for (size_t k = 0; k < f->versions_n; k++)
		if (strcmp(f->versions[k]->bucket, bucket) == 0 &&
		    strncmp(f->versions[k]->key, prefix, strlen(prefix)) == 0)
			list[n++] = f->versions[k];
	qsort(list, n, sizeof(*list), fake_compare);
	*ret_n = n;
	return list;
}

static inline void fake_add_key(struct buf *b, const char *name, const char *key)
{
	buf_addf(b, "<%s>", name);
	uri_encode(key, true, b);
	buf_addf(b, "</%s>", name);
}

static inline void fake_add_line(const struct fake_version *v, bool latest, struct buf *b)
{
	char text[40];

	time_format_iso(v->mtime_ms, text);
	buf_adds(b, v->marker ? "<DeleteMarker>" : "<Version>");
	fake_add_key(b, "Key", v->key);
	buf_addf(b, "<VersionId>%s</VersionId><IsLatest>%s</IsLatest>", v->id,
		 latest ? "true" : "false");
	buf_addf(b, "<LastModified>%s</LastModified>", text);
	if (!v->marker)
		buf_addf(b, "<ETag>&quot;%s&quot;</ETag><Size>%zu</Size>", v->etag, v->len);
	buf_adds(b, v->marker ? "</DeleteMarker>" : "</Version>");
}

/* Does v come after the marker? Without a version id the marker stands for its whole key. */
static inline bool fake_is_after(struct fake_s3 *f, const struct fake_req *r,
				 const struct fake_version *v)
{
	const char *key = kv_get(&r->query, "key-marker"),
		   *id = kv_get(&r->query, "version-id-marker");
	const struct fake_version *last = key && id ? fake_find(f, r->bucket, key, id) : NULL;

	return last ? fake_compare(&v, &last) > 0 : !key || strcmp(v->key, key) > 0;
}

static inline void fake_list(struct fake_s3 *f, const struct fake_req *r, struct http_res *res)
{
	const char *prefix = kv_get(&r->query, "prefix"), *max = kv_get(&r->query, "max-keys");
	size_t n = 0, left = max ? strtoul(max, NULL, 10) : 1000, at = 0;
	auto_free struct fake_version **list = fake_listed(f, r->bucket, prefix ? prefix : "", &n);
	struct buf *b = &res->body;

	res->status = 200;
	buf_adds(b, "<ListVersionsResult><EncodingType>url</EncodingType>");
	while (at < n && !fake_is_after(f, r, list[at]))
		at++;
	for (; at < n && left > 0; at++, left--)
		fake_add_line(list[at], at == 0 || strcmp(list[at - 1]->key, list[at]->key) != 0,
			      b);
	if (at > 0 && at < n) {
		fake_add_key(b, "NextKeyMarker", list[at - 1]->key);
		buf_addf(b, "<NextVersionIdMarker>%s</NextVersionIdMarker>", list[at - 1]->id);
	}
	must(buf_addf(b, "<IsTruncated>%s</IsTruncated></ListVersionsResult>",
		      at < n ? "true" : "false"));
}

/* --- multipart uploads ------------------------------------------------------------------------ */

static inline void fake_create(struct fake_s3 *f, const struct fake_req *r, struct http_res *res)
{
	struct fake_upload *u = &f->uploads[f->uploads_n];
	char id[32];

	if (!CHECK(f->uploads_n < FAKE_UPLOADS))
		abort();
	snprintf(id, sizeof(id), "upload%u", f->uploads_n++);
	u->bucket = fake_dup(r->bucket);
	u->key = fake_dup(r->key);
	u->id = fake_dup(id);
	u->started_ms = clock_wall_ms();
	fake_keep(r, &u->headers, &u->tags);
	if (f->keep_no_tags)
		kv_free(&u->tags);
	res->status = 200;
	must(buf_addf(&res->body,
		      "<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
		      "</InitiateMultipartUploadResult>",
		      id));
}

static inline void fake_part_put(struct fake_upload *u, struct fake_req *r, struct http_res *res)
{
	const char *number = kv_get(&r->query, "partNumber");
	unsigned long n = number ? strtoul(number, NULL, 10) : 0;

	if (!CHECK(n >= 1 && n <= FAKE_PARTS))
		abort();
	free(u->parts[n].body);
	free(u->parts[n].etag);
	u->parts[n] = (struct fake_part){ take_ptr(&r->body), fake_dup(r->md5), r->body_len };
	res->status = 200;
	fake_set_quoted(res, r->md5);
}

static inline void fake_parts_list(const struct fake_upload *u, struct http_res *res)
{
	res->status = 200;
	buf_adds(&res->body, "<ListPartsResult>");
	for (unsigned n = 1; n <= FAKE_PARTS; n++)
		if (u->parts[n].body)
			buf_addf(&res->body,
				 "<Part><PartNumber>%u</PartNumber><ETag>&quot;%s&quot;</ETag>"
				 "<Size>%zu</Size></Part>",
				 n, u->parts[n].etag, u->parts[n].len);
	must(buf_adds(&res->body, "<IsTruncated>false</IsTruncated></ListPartsResult>"));
}

/* NULL, or S3's word for what is wrong with the list. */
static inline const char *fake_check_list(const struct fake_upload *u, const struct doc_node *list)
{
	unsigned long listed = 0, last = 0, there = 0;

	for (unsigned n = 1; n <= FAKE_PARTS; n++)
		there += u->parts[n].body != NULL;
	for (const struct doc_node *p = doc_child(list, "Part"); p; p = doc_next_same(p)) {
		const char *number = doc_text(p, "PartNumber"), *etag = doc_text(p, "ETag");
		unsigned long n = number ? strtoul(number, NULL, 10) : 0;
		char quoted[90];

		if (n <= last)
			return "InvalidPartOrder";
		if (n > FAKE_PARTS || !u->parts[n].body || !etag)
			return "InvalidPart";
		snprintf(quoted, sizeof(quoted), "\"%s\"", u->parts[n].etag);
		if (strcmp(etag, quoted) != 0)
			return "InvalidPart";
		if (last > 0 && u->parts[last].len < 5 * MIB)
			return "EntityTooSmall";
		last = n;
		listed++;
	}
	return listed == 0 ? "MalformedXML" : listed < there ? "InvalidPart" : NULL;
}

/* The parts in one, new; ret_etag: the MD5 of their MD5s, and how many. */
static inline char *fake_join(const struct fake_upload *u, size_t *ret_len, char ret_etag[80])
{
	uint8_t sums[FAKE_PARTS * MD5_SIZE];
	size_t len = 0, count = 0;
	char *body;

	for (unsigned n = 1; n <= FAKE_PARTS; n++)
		len += u->parts[n].len;
	body = fake_memory(malloc(len + 1));
	len = 0;
	for (unsigned n = 1; n <= FAKE_PARTS; n++) {
		const struct fake_part *p = &u->parts[n];

		if (!p->body)
			continue;
		memcpy(body + len, p->body, p->len);
		must(md5(p->body, p->len, sums + count * MD5_SIZE));
		len += p->len;
		count++;
	}
	body[len] = '\0';
	fake_etag(sums, count * MD5_SIZE, ret_etag);
	snprintf(ret_etag + 2 * MD5_SIZE, 80 - 2 * MD5_SIZE, "-%zu", count);
	*ret_len = len;
	return body;
}

static inline void fake_complete(struct fake_s3 *f, struct fake_upload *u, const struct fake_req *r,
				 struct http_res *res)
{
	auto_with(doc_free_ptr) struct doc_node *list = NULL;
	struct fake_version *v;
	const char *wrong;
	char etag[80], *body;
	size_t len = 0;

	if (CHECK_INT(xml_read(r->body, r->body_len, &list, NULL), 0))
		wrong = fake_check_list(u, list);
	else
		wrong = "MalformedXML";
	if (wrong) {
		fake_error(res, 400, wrong);
		return;
	}
	body = fake_join(u, &len, etag);
	v = fake_add(f, u->bucket, u->key, body, len);
	memcpy(v->etag, etag, sizeof(v->etag));
	v->mtime_ms = u->started_ms ? u->started_ms : v->mtime_ms;
	kv_move(&v->headers, &u->headers);
	kv_move(&v->tags, &u->tags);
	fake_upload_free(u);
	res->status = 200;
	fake_set(res, "x-amz-version-id", v->id);
	must(buf_addf(&res->body,
		      "<CompleteMultipartUploadResult><ETag>&quot;%s&quot;</ETag>"
		      "</CompleteMultipartUploadResult>",
		      v->etag));
}

static inline struct fake_upload *fake_upload_find(struct fake_s3 *f, const struct fake_req *r,
						   const char *id)
{
	for (unsigned k = 0; k < f->uploads_n; k++) {
		struct fake_upload *u = &f->uploads[k];

		if (u->id && strcmp(u->id, id) == 0 && strcmp(u->bucket, r->bucket) == 0 &&
		    strcmp(u->key, r->key) == 0)
			return u;
	}
	return NULL;
}

/* --- all of it -------------------------------------------------------------------------------- */

static inline void fake_unknown(const struct fake_req *r, struct http_res *res)
{
	CHECK_STR(r->line, "a request that this S3 knows");
	fake_error(res, 501, "NotImplemented");
}

/* The version that x-amz-copy-source names, if it still is what it is said to be. */
static inline const struct fake_version *fake_copy_source(struct fake_s3 *f,
							  const struct fake_req *r)
{
	const char *from = kv_get(r->q->headers, "x-amz-copy-source"),
		   *match = kv_get(r->q->headers, "x-amz-copy-source-if-match"),
		   *slash = strchr(from + 1, '/'), *query = strchr(from, '?');
	auto_free char *bucket = fake_decode(from + 1, (size_t)(slash - from - 1));
	auto_free char *key = fake_decode(slash + 1, query ? (size_t)(query - slash - 1)
							   : strlen(slash + 1));
	const struct fake_version *v =
		fake_find(f, bucket, key, query ? query + strlen("?versionId=") : NULL);

	if (v && match && (strlen(match) < 2 || strncmp(match + 1, v->etag, strlen(v->etag)) != 0))
		return NULL;
	return v && !v->marker ? v : NULL;
}

/* CopyObject with REPLACE, UploadPartCopy: as if the bytes had come with the request. */
static inline void fake_serve_copy(struct fake_s3 *f, struct fake_req *r, struct http_res *res)
{
	const struct fake_version *v = fake_copy_source(f, r);
	const char *range = kv_get(r->q->headers, "x-amz-copy-source-range"),
		   *id = kv_get(&r->query, "uploadId");
	struct fake_upload *u = id ? fake_upload_find(f, r, id) : NULL;
	unsigned long long first = 0, last = v ? v->len - 1 : 0;

	if (!v || (id && !u)) {
		fake_error(res, v ? 404 : 412, v ? "NoSuchUpload" : "PreconditionFailed");
		return;
	}
	CHECK(u || kv_get(r->q->headers, "x-amz-metadata-directive"));
	CHECK(!range || sscanf(range, "bytes=%llu-%llu", &first, &last) == 2);
	if (!CHECK(first <= last && last < v->len))
		abort();
	free(r->body);
	r->body_len = (size_t)(last - first + 1);
	r->body = fake_memory(calloc(1, r->body_len + 1));
	memcpy(r->body, v->body + first, r->body_len);
	fake_etag(r->body, r->body_len, r->md5);
	if (u)
		fake_part_put(u, r, res);
	else
		fake_put(f, r, res);
	must(buf_addf(&res->body,
		      "<CopyObjectResult><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
		      "<ETag>%s</ETag></CopyObjectResult>",
		      r->md5));
}

/* With an uploadId. */
static inline void fake_serve_upload(struct fake_s3 *f, struct fake_req *r, struct http_res *res)
{
	struct fake_upload *u = fake_upload_find(f, r, kv_get(&r->query, "uploadId"));

	if (!u) {
		fake_error(res, 404, "NoSuchUpload");
	} else if (strcmp(r->q->method, "PUT") == 0) {
		fake_part_put(u, r, res);
	} else if (strcmp(r->q->method, "POST") == 0) {
		fake_complete(f, u, r, res);
	} else if (strcmp(r->q->method, "DELETE") == 0) {
		fake_upload_free(u);
		res->status = 204;
	} else if (strcmp(r->q->method, "GET") == 0) {
		fake_parts_list(u, res);
	} else {
		fake_unknown(r, res);
	}
}

static inline void fake_serve_locked(struct fake_s3 *f, struct fake_req *r, struct http_res *res)
{
	const char *method = r->q->method;
	bool is_put = strcmp(method, "PUT") == 0, is_get = strcmp(method, "GET") == 0;

	lock_assert_held(&f->l);
	if (!r->key && is_get && kv_get(&r->query, "versions"))
		fake_list(f, r, res);
	else if (!r->key)
		fake_unknown(r, res);
	else if (is_put && kv_get(r->q->headers, "x-amz-copy-source"))
		fake_serve_copy(f, r, res);
	else if (kv_get(&r->query, "acl")) /* a server without ACLs */
		fake_error(res, 501, "NotImplemented");
	else if (kv_get(&r->query, "uploadId"))
		fake_serve_upload(f, r, res);
	else if (strcmp(method, "POST") == 0 && kv_get(&r->query, "uploads"))
		fake_create(f, r, res);
	else if (is_put && kv_get(&r->query, "tagging"))
		fake_tags_put(f, r, res);
	else if (is_get && kv_get(&r->query, "tagging"))
		fake_tags_get(f, r, res);
	else if (is_get || strcmp(method, "HEAD") == 0)
		fake_get(f, r, res);
	else if (is_put)
		fake_put(f, r, res);
	else if (strcmp(method, "DELETE") == 0)
		fake_delete(f, r, res);
	else
		fake_unknown(r, res);
}

/* Writes the request down. True: it shall go wrong, as *ret_fault says. */
static inline bool fake_note(struct fake_s3 *f, const struct fake_req *r,
			     struct fake_fault *ret_fault)
{
	scoped_lock(&f->l);
	f->log = fake_memory(realloc(f->log, (f->log_n + 1) * sizeof(char *)));
	f->log[f->log_n++] = fake_dup(r->line);
	if (f->fault.times == 0 || !strstr(r->line, f->fault.what) ||
	    (f->fault.bucket[0] && strcmp(f->fault.bucket, r->bucket) != 0))
		return false;
	if (f->fault.times > 0)
		f->fault.times--;
	*ret_fault = f->fault;
	return true;
}

static inline int fake_broken(struct http_res *res)
{
	http_res_free(res);
	http_res_init(res);
	res->sent = true;
	snprintf(res->why, sizeof(res->why), "connection reset");
	return -ECONNRESET;
}

/* Matches http_attempt_fn. The lock is not held while bodies move: reading one may be a request of
 * its own. */
static inline int fake_attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	auto_with(fake_req_free) struct fake_req r;
	struct fake_s3 *f = arg;
	struct fake_fault fault = { 0 };
	bool faulty;
	int rc;

	fake_req_init(&r, q);
	res->sent = true;
	faulty = fake_note(f, &r, &fault);
	if (faulty && fault.status == 0)
		return fake_broken(res);
	rc = fake_receive(&r, res);
	if (rc != 0)
		return rc;
	if (faulty && fault.status > 0) {
		fake_error(res, fault.status, fault.code);
		return fake_send(&r, res);
	}
	lock_take(&f->l);
	fake_serve_locked(f, &r, res);
	lock_drop(&f->l);
	return faulty ? fake_broken(res) : fake_send(&r, res);
}

#endif
