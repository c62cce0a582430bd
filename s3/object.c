/* object.c - head, get, put, delete. The copy is in copy.c, object_find in find.c. */
#include "s3/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"

#include "s3/answer.h"
#include "s3/checksum.h"
#include "s3/list.h"
#include "s3/verb_i.h"

int object_head(struct s3_client *c, const char *key, const char *version, struct s3_info *ret_i,
		struct s3_error *err)
{
	auto_with(
		s3_req_free) struct s3_req q = { .op = "HeadObject", .method = "HEAD", .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	const char *marker;
	int rc;

	if ((rc = verb_query_version(&q, version)) != 0)
		return rc;
	rc = verb_call(c, &q, &res, err);
	if (rc == 0 && !kv_get(&res.headers, "content-length"))
		return verb_bad_answer(&res, "HEAD without Content-Length", err);
	if (rc == 0) {
		rc = verb_info(&res, ret_i);
		if (rc == -EIO)
			verb_bad_answer(&res, "HEAD with headers that make no sense", err);
		return rc;
	}
	/* The version is a delete marker: 405 at AWS (S3 API Reference, HeadObject), 404 elsewhere.
	 */
	marker = kv_get(&res.headers, "x-amz-delete-marker");
	if (rc != 0 && res.error.status == 405 && version && marker) {
		if (err)
			err->class = FAULT_GONE;
		rc = -ENOENT;
	}
	return rc;
}

/* "bytes 5-9/20"; the whole may be unknown ("*"), then *ret_whole is UINT64_MAX. */
static int parse_content_range(const char *s, struct s3_range *ret_range, uint64_t *ret_whole)
{
	char start[24], end[24], whole[24];
	uint64_t last;
	int used = 0;

	if (sscanf(s, "bytes %20[0-9]-%20[0-9]/%20[0-9*]%n", start, end, whole, &used) != 3 ||
	    s[used] != '\0' || parse_u64(start, &ret_range->start) != 0 ||
	    parse_u64(end, &last) != 0 || last == UINT64_MAX)
		return -EINVAL;
	ret_range->end = last + 1;
	if (strcmp(whole, "*") == 0)
		*ret_whole = UINT64_MAX;
	else if (parse_u64(whole, ret_whole) != 0)
		return -EINVAL;
	return 0;
}

/* The size of all of the version that a HEAD of a part was about. */
static int whole_size(struct s3_client *c, const char *key, const char *version,
		      const struct s3_res *res, uint64_t *ret_size, struct s3_error *err)
{
	const char *header = kv_get(&res->headers, "content-range");
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_range range;
	int rc;

	if (header && parse_content_range(header, &range, ret_size) == 0)
		return 0;
	if ((rc = object_head(c, key, version, &i, err)) == 0)
		*ret_size = i.size;
	return rc;
}

int object_head_part(struct s3_client *c, const char *key, const char *version, unsigned n,
		     uint64_t *ret_size, unsigned *ret_parts, struct s3_error *err)
{
	auto_with(
		s3_req_free) struct s3_req q = { .op = "HeadObject", .method = "HEAD", .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_with(s3_info_free) struct s3_info i = { 0 };
	uint64_t whole = 0;
	char text[16];
	int rc;

	snprintf(text, sizeof(text), "%u", n);
	if ((rc = kv_set(&q.query, "partNumber", text)) != 0 ||
	    (rc = verb_query_version(&q, version)) != 0 || (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	rc = verb_info(&res, &i);
	if (rc == -EIO || (rc == 0 && !kv_get(&res.headers, "content-length")))
		return verb_bad_answer(&res, "HEAD with headers that make no sense", err);
	if (rc == 0 && i.parts_count > 0)
		rc = whole_size(c, key, version, &res, &whole, err);
	if (rc != 0)
		return rc;
	/* The whole is not one of several parts: the part number was not heeded. */
	if (i.parts_count > 1 && i.size >= whole)
		i.parts_count = 0;
	*ret_size = i.size;
	*ret_parts = (unsigned)i.parts_count;
	return 0;
}

struct sink {
	char *dst;
	size_t size, got;
};

static int sink_write(void *arg, const void *p, size_t n)
{
	struct sink *s = arg;

	if (n > s->size - s->got)
		return -EIO;
	memcpy(s->dst + s->got, p, n);
	s->got += n;
	return 0;
}

static int sink_restart(void *arg)
{
	struct sink *s = arg;

	s->got = 0;
	return 0;
}

/* Is the answer what was asked? NULL and how many bytes it says it has (UINT64_MAX: it does not),
 * or words of what is wrong. */
static const char *check_head(int status, const struct kv *headers, struct s3_range asked,
			      uint64_t *ret_bytes)
{
	const char *header = kv_get(headers, "content-range");
	struct s3_range range;
	uint64_t whole;

	*ret_bytes = UINT64_MAX;
	/* The range was not heeded: fine when it was the whole. */
	if (status == 200)
		return asked.start == 0 ? NULL : "the whole object instead of a range";
	if (status != 206 || !header || parse_content_range(header, &range, &whole) != 0)
		return "not an answer with a proper range";
	if (range.start != asked.start || range.end > asked.end || range.end <= range.start)
		return "another range than was asked for";
	if (range.end != asked.end && range.end != whole)
		return "a shorter range than was asked for";
	if (range.end > whole)
		return "a range beyond the end";
	*ret_bytes = range.end - range.start;
	return NULL;
}

static const char *check_range(const struct s3_res *res, struct s3_range asked, uint64_t got)
{
	uint64_t bytes;
	const char *wrong = check_head(res->status, &res->headers, asked, &bytes);

	if (!wrong && bytes != UINT64_MAX && bytes != got)
		wrong = "a range of another length than it says";
	return wrong;
}

/* NULL: it is of that version and content. Either may be NULL: any. */
static const char *identity_differs(const struct kv *headers, const char *version, const char *etag,
				    int *ret_errno)
{
	const char *got_version = kv_get(headers, "x-amz-version-id"),
		   *got_etag = kv_get(headers, "etag");

	if (version && got_version && strcmp(version, got_version) != 0) {
		*ret_errno = -EIO;
		return "another version than was asked for";
	}
	if (!etag || !got_etag || etag_equal(etag, got_etag))
		return NULL;
	*ret_errno = -ESTALE;
	return "the object has changed";
}

/* 0, -ESTALE when the answer is of another content, -EIO when it is of another version. */
static int check_identity(const struct s3_res *res, const char *version, const char *etag,
			  struct s3_error *err)
{
	int rc = 0;
	const char *wrong = identity_differs(&res->headers, version, etag, &rc);

	if (!wrong)
		return 0;
	verb_bad_answer(res, wrong, err);
	if (err && rc == -ESTALE)
		err->class = FAULT_CONFLICT;
	return rc;
}

/* range NULL: all of it, and its checksum. */
static int get_headers(struct s3_req *q, const char *version, const char *etag,
		       const struct s3_range *range)
{
	auto_free char *bytes = NULL, *quoted = NULL;
	int rc;

	if ((rc = verb_query_version(q, version)) != 0)
		return rc;
	if (range)
		rc = str_format(&bytes, "bytes=%llu-%llu", (unsigned long long)range->start,
				(unsigned long long)range->end - 1);
	if (rc == 0)
		rc = range ? kv_set(&q->headers, "range", bytes)
			   : kv_set(&q->headers, "x-amz-checksum-mode", "ENABLED");
	if (rc != 0)
		return rc;
	if (!etag || (version && strcmp(version, "null") != 0))
		return 0;
	if ((rc = etag_quote(etag, &quoted)) != 0)
		return rc;
	return kv_set(&q->headers, "if-match", quoted);
}

int object_get_range(struct s3_client *c, const char *key, const char *version, const char *etag,
		     struct s3_range range, void *dst, size_t *ret_got, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	struct sink sink = { .dst = dst, .size = (size_t)(range.end - range.start) };
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObject",
						   .method = "GET",
						   .key = key,
						   .data = true,
						   .write = sink_write,
						   .write_arg = &sink,
						   .restart = sink_restart };
	const char *wrong;
	int rc;

	if (range.end < range.start)
		return verb_refuse(-EINVAL, "the range ends before it starts", err);
	if (range.end == range.start) {
		*ret_got = 0;
		return 0;
	}
	if ((rc = get_headers(&q, version, etag, &range)) != 0)
		return rc;
	rc = verb_call(c, &q, &res, err);
	if (rc == -ERANGE) { /* 416: starts at or beyond the end */
		*ret_got = 0;
		return 0;
	}
	if (rc != 0)
		return rc;
	wrong = check_range(&res, range, sink.got);
	if (wrong)
		return verb_bad_answer(&res, wrong, err);
	if ((rc = check_identity(&res, version, etag, err)) != 0)
		return rc;
	*ret_got = sink.got;
	return 0;
}

struct stream {
	const char *version, *etag;
	struct s3_range range;
	http_write_fn *write;
	void *arg;
	struct object_sums *sums; /* NULL: not wanted */
	uint64_t given;		  /* to write, all attempts together */
	uint64_t at;		  /* of this attempt */
	const char *wrong;	  /* with the answer's head */
	int wrong_errno;
};

static int stream_head(void *arg, int status, const struct kv *headers)
{
	struct stream *s = arg;
	uint64_t bytes;

	s->wrong_errno = -EIO;
	s->wrong = check_head(status, headers, s->range, &bytes);
	if (!s->wrong)
		s->wrong = identity_differs(headers, s->version, s->etag, &s->wrong_errno);
	if (!s->wrong && s->sums) {
		s->sums->md5_known = answer_md5(headers, s->sums->md5);
		s->sums->crc = checksum_read_whole(headers);
	}
	return s->wrong ? s->wrong_errno : 0;
}

static int stream_write(void *arg, const void *p, size_t n)
{
	struct stream *s = arg;
	size_t old = (size_t)min_of(s->given - s->at, (uint64_t)n);
	int rc = 0;

	if (n > s->range.end - s->range.start - s->at)
		return -EIO;
	s->at += n;
	if (n > old)
		rc = s->write(s->arg, (const char *)p + old, n - old);
	if (rc == 0)
		s->given += n - old;
	return rc;
}

static int stream_restart(void *arg)
{
	struct stream *s = arg;

	s->at = 0;
	return 0;
}

int object_get_stream(struct s3_client *c, const char *key, const char *version, const char *etag,
		      struct s3_range range, bool whole, http_write_fn *write, void *arg,
		      struct object_sums *ret_sums, uint64_t *ret_got, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	struct stream s = { version, etag, range, write, arg, ret_sums, .given = 0 };
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObject",
						   .method = "GET",
						   .key = key,
						   .data = true,
						   .head = stream_head,
						   .write = stream_write,
						   .write_arg = &s,
						   .restart = stream_restart };
	const char *wrong;
	int rc;

	whole = whole && checksum_state(c) == CHECKSUMS_YES;
	if ((rc = get_headers(&q, version, etag, whole ? NULL : &range)) != 0)
		return rc;
	rc = verb_call(c, &q, &res, err);
	if (s.wrong) {
		verb_bad_answer(&res, s.wrong, err);
		if (err && s.wrong_errno == -ESTALE)
			err->class = FAULT_CONFLICT;
		return s.wrong_errno;
	}
	if (rc != 0 && rc != -ERANGE) /* 416: starts at or beyond the end */
		return rc;
	wrong = rc == 0 ? check_range(&res, range, s.at) : NULL;
	if (wrong)
		return verb_bad_answer(&res, wrong, err);
	*ret_got = s.given;
	return rc == 0 ? check_identity(&res, version, etag, err) : 0;
}

static int small_write(void *arg, const void *p, size_t n)
{
	return buf_add(arg, p, n);
}

static int small_restart(void *arg)
{
	buf_reset(arg);
	return 0;
}

int object_get_small(struct s3_client *c, const char *key, const char *version, size_t limit,
		     struct buf *ret_b, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_with(buf_free) struct buf b;
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObject",
						   .method = "GET",
						   .key = key,
						   .write = small_write,
						   .write_arg = &b,
						   .restart = small_restart };
	int rc;

	buf_init(&b, limit);
	if ((rc = verb_query_version(&q, version)) != 0)
		return rc;
	rc = verb_call(c, &q, &res, err);
	if (b.error == -E2BIG)
		return verb_refuse(-EFBIG, "the object is larger than the limit", err);
	if (rc != 0 || (rc = check_identity(&res, version, NULL, err)) != 0)
		return rc;
	if (res.status != 200)
		return verb_bad_answer(&res, "not the whole object", err);
	buf_free(ret_b);
	*ret_b = b;
	buf_init(&b, limit);
	return 0;
}

/* What a PUT's answer tells, into ret_i. */
static int read_put(const struct s3_res *res, uint64_t size, struct s3_info *ret_i,
		    struct s3_error *err)
{
	int rc = verb_info(res, ret_i);

	if (rc == -ENOMEM)
		return rc;
	if (rc != 0 || !ret_i->etag) {
		s3_info_free(ret_i);
		return verb_bad_answer(res, "PUT without an ETag", err);
	}
	ret_i->size = size;
	return 0;
}

int object_put(struct s3_client *c, const char *key, const struct s3_put_opts *opts,
	       http_read_fn *read, void *read_arg, uint64_t size, struct s3_info *ret_i,
	       struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObject",
						   .method = "PUT",
						   .key = key,
						   .read = read,
						   .read_arg = read_arg,
						   .body_size = size,
						   .once = true,
						   .data = true,
						   .check_md5 = true,
						   .checksum = true,
						   .content_md5 = opts && (opts->lock_mode ||
									   opts->legal_hold) };
	struct s3_error e = { 0 };
	struct settle settle;
	int rc;

	if (size > S3_SINGLE_MAX)
		return verb_refuse(-EFBIG, "larger than one PUT may be", err);
	if (settle_init(&settle, c, key, opts) != 0)
		return verb_refuse(-EINVAL, "the token is not in the metadata", err);
	if ((rc = verb_add_opts(&q, opts, err)) != 0)
		return rc;
	do {
		auto_with(s3_res_free) struct s3_res res = { 0 };

		rc = verb_call(c, &q, &res, &e);
		if (rc == 0) {
			rc = read_put(&res, size, ret_i, &e);
			e.unclear = rc != 0;
		}
		if (rc != 0)
			rc = settle_try(&settle, rc, &e, ret_i);
	} while (rc == -EAGAIN);
	if (rc != 0 && err)
		*err = e;
	return rc;
}

struct newest {
	char *version;
	int64_t mtime_ms;
	bool seen, delete_marker;
};

static int note_newest(void *arg, const struct s3_entry *e)
{
	struct newest *n = arg;
	int rc = str_dup(list_version_id(e), &n->version);

	n->seen = true;
	n->delete_marker = e->delete_marker;
	n->mtime_ms = e->mtime_ms;
	return rc != 0 ? rc : 1;
}

/* The answer to a DELETE was lost. 0 = the key is deleted, and ret_version its marker; -EAGAIN = it
 * is not; or -errno. */
static int settle_delete(struct s3_client *c, const char *key, int64_t since_ms, char **ret_version)
{
	struct newest n = { 0 };
	struct s3_error e = { 0 };
	int rc = list_versions_of(c, key, note_newest, &n, &e);

	if (rc >= 0) {
		rc = !n.seen || (n.delete_marker && n.mtime_ms >= since_ms) ? 0 : -EAGAIN;
		if (rc == 0)
			*ret_version = take_ptr(&n.version);
	}
	free(n.version);
	/* without versions it does no harm to ask once more */
	return list_is_unknown(&e) ? -EAGAIN : rc;
}

/* With a version id this would remove that version for good, were it not for the header that says
 * it shall be a marker: so both or none (minio-go, api-remove.go). */
static int delete_origin(struct s3_req *q, const struct s3_origin *origin, struct s3_error *err)
{
	int rc;

	if (!origin)
		return 0;
	if ((rc = verb_add_origin(q, origin, err)) != 0 ||
	    (rc = kv_set(&q->headers, "x-minio-source-deletemarker", "true")) != 0)
		return rc;
	return verb_query_version(q, origin->version_id);
}

int object_delete(struct s3_client *c, const char *key, char **ret_version, struct s3_error *err)
{
	return object_delete_as(c, key, NULL, ret_version, err);
}

int object_delete_as(struct s3_client *c, const char *key, const struct s3_origin *origin,
		     char **ret_version, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = {
		.op = "DeleteObject", .method = "DELETE", .key = key, .once = true
	};
	int64_t since_ms = clock_wall_ms() - SETTLE_SKEW_MS;
	int made = delete_origin(&q, origin, err);
	unsigned silent = 0;

	if (made != 0)
		return made;
	for (unsigned tries = 1;; tries++) {
		auto_with(s3_res_free) struct s3_res res = { 0 };
		int rc = verb_call(c, &q, &res, err), settled;

		/* A proxy's: S3 answers 204 without a body. */
		if (rc == 0 && strstr(buf_str(&res.body), "<Error"))
			return verb_refuse(-EIO, "an error in an answer of success", err);
		if (rc == 0)
			return str_dup(verb_version_id(&res), ret_version);
		if (!res.error.unclear || rc == -ECANCELED || rc == -ENOMEM)
			return rc;
		silent += rc == -ETIMEDOUT;
		settle_wait(tries);
		settled = settle_delete(c, key, since_ms, ret_version);
		if (settled == 0)
			return 0;
		if (settled != -EAGAIN || settle_is_over(c, tries, silent))
			return rc;
	}
}

int object_delete_version(struct s3_client *c, const char *key, const char *version,
			  struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "DeleteObject",
						   .method = "DELETE",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = verb_query_version(&q, version);

	return rc != 0 ? rc : verb_call(c, &q, &res, err);
}
