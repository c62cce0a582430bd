/* mpu.c - see mpu.h. Source: S3 API Reference, CreateMultipartUpload and its sisters. */
#include "s3/mpu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"

#include "s3/answer.h"
#include "s3/body.h"
#include "s3/checksum.h"
#include "s3/client_i.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/verb_i.h"

#define PAGE	    "1000"
#define CHECKSUM    "x-amz-checksum-"
#define FULL_OBJECT "FULL_OBJECT"

static int parse_upload_id(void *id, const struct s3_res *res, char why[S3_WHY])
{
	return body_read_upload_id(buf_str(&res->body), res->body.len, id, why);
}

/* What the answer says of checksums. */
enum told { TOLD_NONE, TOLD_FULL_OBJECT, TOLD_OTHER };

static enum told read_sum(const struct s3_res *res)
{
	const char *algorithm = kv_get(&res->headers, CHECKSUM "algorithm"),
		   *type = kv_get(&res->headers, CHECKSUM "type");

	if (!algorithm)
		return TOLD_NONE;
	return strcasecmp(algorithm, "CRC32C") == 0 && type && strcmp(type, FULL_OBJECT) == 0
		       ? TOLD_FULL_OBJECT
		       : TOLD_OTHER;
}

static int create(struct s3_client *c, const char *key, const struct s3_put_opts *opts,
		  enum mpu_sum sum, char **ret_id, enum told *ret_told, struct s3_error *err)
{
	auto_free char *id = NULL;
	auto_with(s3_req_free) struct s3_req q = { .op = "CreateMultipartUpload",
						   .method = "POST",
						   .key = key,
						   .parse = parse_upload_id,
						   .parse_arg = &id };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if ((rc = kv_set(&q.query, "uploads", "")) != 0 || (rc = verb_add_opts(&q, opts, err)) != 0)
		return rc;
	if (sum != MPU_SUM_NONE &&
	    ((rc = kv_set(&q.headers, CHECKSUM "algorithm", "CRC32C")) != 0 ||
	     (rc = kv_set(&q.headers, CHECKSUM "type", FULL_OBJECT)) != 0))
		return rc;
	if ((rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	*ret_told = read_sum(&res);
	*ret_id = take_ptr(&id);
	return 0;
}

/* A server that does not know the headers may say so. */
static bool refuses_sum(const struct s3_error *e)
{
	return e->status == 501 || (e->status == 400 && strcasestr(e->message, "checksum"));
}

int mpu_create(struct s3_client *c, const char *key, const struct s3_put_opts *opts, char **ret_id,
	       enum mpu_sum *ret_sum, struct s3_error *err)
{
	bool asked = atomic_load(&c->checksums) != CHECKSUMS_NO &&
		     atomic_load(&c->mpu_sums) != CHECKSUMS_NO;
	enum told told = TOLD_NONE;
	auto_free char *id = NULL;
	struct s3_error e = { 0 };
	int rc = create(c, key, opts, asked ? MPU_SUM_CRC32C : MPU_SUM_NONE, &id, &told, &e);
	bool again = asked && ((rc != 0 && refuses_sum(&e)) || (rc == 0 && told == TOLD_OTHER));

	if (again && rc == 0 && (rc = mpu_abort(c, key, id, &e)) == 0)
		free(take_ptr(&id));
	if (again && !id)
		rc = create(c, key, opts, MPU_SUM_NONE, &id, &told, &e);
	if (rc != 0) {
		if (err)
			*err = e;
		return rc;
	}
	if (asked)
		atomic_store(&c->mpu_sums,
			     told == TOLD_FULL_OBJECT && !again ? CHECKSUMS_YES : CHECKSUMS_NO);
	*ret_sum = asked && !again && told == TOLD_FULL_OBJECT ? MPU_SUM_CRC32C : MPU_SUM_NONE;
	*ret_id = take_ptr(&id);
	return 0;
}

static int query_part(struct s3_req *q, const char *id, unsigned number)
{
	char text[16];
	int rc;

	snprintf(text, sizeof(text), "%u", number);
	rc = kv_set(&q->query, "partNumber", text);
	return rc != 0 ? rc : kv_set(&q->query, "uploadId", id);
}

/* Fills ret_part from an etag of either form; false when it is missing or too long. */
static bool set_part(struct mpu_part *ret_part, unsigned number, const char *etag, uint64_t size,
		     struct s3_crc32c crc)
{
	if (!etag || strlen(etag) >= sizeof(ret_part->etag))
		return false;
	memset(ret_part, 0, sizeof(*ret_part));
	ret_part->number = number;
	ret_part->size = size;
	ret_part->crc = crc;
	memcpy(ret_part->etag, etag, strlen(etag) + 1);
	return true;
}

int mpu_part_put(struct s3_client *c, const char *key, const char *id, enum mpu_sum sum,
		 unsigned number, http_read_fn *read, void *read_arg, uint64_t size,
		 struct mpu_part *ret_part, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "UploadPart",
						   .method = "PUT",
						   .key = key,
						   .read = read,
						   .read_arg = read_arg,
						   .body_size = size,
						   .data = true,
						   .check_md5 = true,
						   .checksum = sum != MPU_SUM_NONE,
						   .checksum_agreed = sum != MPU_SUM_NONE };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_free char *etag = NULL;
	int rc;

	if (number < 1 || number > PART_COUNT_MAX || size > S3_SINGLE_MAX)
		return verb_refuse(-EINVAL, "no such part can be", err);
	if ((rc = query_part(&q, id, number)) != 0 || (rc = verb_call(c, &q, &res, err)) != 0 ||
	    (rc = etag_dup(kv_get(&res.headers, "etag"), &etag)) != 0)
		return rc;
	return set_part(ret_part, number, etag, size, res.sent)
		       ? 0
		       : verb_bad_answer(&res, "the part has no proper ETag", err);
}

int mpu_part_copy(struct s3_client *c, const char *key, const char *id, enum mpu_sum sum,
		  unsigned number, const char *src_key, const char *src_version,
		  const char *src_etag, struct s3_range range, struct mpu_part *ret_part,
		  struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "UploadPartCopy",
						   .method = "PUT",
						   .key = key,
						   .data = true,
						   .error_in_200 = true };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_free char *etag = NULL;
	char text[64], why[BODY_WHY];
	struct s3_crc32c crc;
	int64_t mtime;
	int rc;

	if (number < 1 || number > PART_COUNT_MAX || range.end <= range.start ||
	    range.end - range.start > S3_SINGLE_MAX)
		return verb_refuse(-EINVAL, "no such part can be", err);
	snprintf(text, sizeof(text), "bytes=%llu-%llu", (unsigned long long)range.start,
		 (unsigned long long)range.end - 1);
	if ((rc = query_part(&q, id, number)) != 0 ||
	    (rc = kv_set(&q.headers, "x-amz-copy-source-range", text)) != 0 ||
	    (rc = verb_copy_source(&q, s3_client_bucket(c), src_key, src_version, src_etag)) != 0 ||
	    (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	rc = body_read_copy(buf_str(&res.body), res.body.len, &etag, &mtime, &crc, why);
	if (rc != 0)
		return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
	crc.known = crc.known && sum != MPU_SUM_NONE;
	return set_part(ret_part, number, etag, range.end - range.start, crc)
		       ? 0
		       : verb_bad_answer(&res, "the part has no proper ETag", err);
}

static uint64_t sum_of(const struct mpu_part *parts, size_t n)
{
	uint64_t size = 0;

	for (size_t k = 0; k < n; k++)
		size += parts[k].size;
	return size;
}

/* Of all parts, one after the other; known when it is of each. */
static struct s3_crc32c crc_of(const struct mpu_part *parts, size_t n)
{
	struct s3_crc32c crc = { .known = true };

	for (size_t k = 0; k < n; k++) {
		crc.known = crc.known && parts[k].crc.known;
		crc.value = crc32c_combine(crc.value, parts[k].crc.value, parts[k].size);
	}
	return crc;
}

/* S3 API Reference, "CompleteMultipartUpload": BadDigest when it is another. */
static int complete_crc(struct s3_req *q, const struct s3_crc32c *crc)
{
	char text[CHECKSUM_CRC32C_TEXT];
	int rc;

	if (!crc->known)
		return 0;
	if ((rc = checksum_crc32c_text(crc->value, text)) != 0 ||
	    (rc = kv_set(&q->headers, CHECKSUM "crc32c", text)) != 0)
		return rc;
	return kv_set(&q->headers, CHECKSUM "type", FULL_OBJECT);
}

/* Does the version have the bytes that were sent? What the answer did not tell is asked. */
static int check_whole(struct s3_client *c, const char *key, const struct s3_info *i,
		       const struct s3_crc32c *sent, struct s3_crc32c told, struct s3_error *e)
{
	int rc;

	if (sent->known && !told.known &&
	    checksum_ask_whole(c, key, i->version_id, i->etag, &told) != 0)
		return 0; /* it has compared them */
	if (!sent->known || !told.known || told.value == sent->value)
		return 0;
	rc = answer_other_bytes("ChecksumMismatch", 200, e);
	snprintf(e->op, sizeof(e->op), "CompleteMultipartUpload");
	return rc;
}

/* The version stands; what does the answer tell of it? */
static int read_complete(struct s3_client *c, const char *key, const struct mpu_part *parts,
			 size_t n, const struct s3_res *res, struct s3_info *ret_i,
			 struct s3_crc32c *ret_crc, struct s3_error *err)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *version = verb_version_id(res);
	char why[BODY_WHY];
	int rc = body_read_complete(buf_str(&res->body), res->body.len, &i.etag, ret_crc, why);

	if (rc != 0)
		return rc == -EIO ? verb_bad_answer(res, why, err) : rc;
	if (!i.etag) /* Ceph */
		return object_head(c, key, version, ret_i, err);
	if ((rc = str_dup(version, &i.version_id)) != 0 || (rc = verb_info_sse(res, &i)) != 0)
		return rc;
	i.size = sum_of(parts, n);
	i.tag_count = -1;
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

static int complete_body(const struct mpu_part *parts, size_t n, struct buf *out)
{
	for (size_t k = 0; k < n; k++)
		if (parts[k].number <= (k > 0 ? parts[k - 1].number : 0) ||
		    parts[k].number > PART_COUNT_MAX)
			return -EINVAL;
	return n > 0 ? body_write_complete(parts, n, out) : -EINVAL;
}

static int any_part(void *arg, const struct mpu_part *p)
{
	(void)arg;
	(void)p;
	return 1;
}

/* The upload is used up or aborted: it is not at it any more. Ceph says NoSuchKey. */
static bool is_over(struct s3_client *c, const char *key, const char *id)
{
	return mpu_list_parts(c, key, id, any_part, NULL, NULL) == -ENOENT;
}

/*
 * After a failure: was it carried out, by this try, an earlier one, or one before a restart? 0 =
 * yes, ret_i is the version; -EAGAIN = no, try again. That the upload is over settles it: then the
 * version is there, or never will be. (Ceph has an InternalError for a Complete of one that is
 * over.)
 */
static int settle_complete(struct settle *s, const char *id, int rc, struct s3_error *e,
			   struct s3_info *ret_i)
{
	bool over = e->class == FAULT_GONE && strcmp(e->code, "NoSuchUpload") == 0;

	if (!over) {
		rc = settle_try(s, rc, e, ret_i);
		over = s->name && e->unclear && rc != 0 && rc != -ECANCELED && rc != -ENOMEM &&
		       is_over(s->client, s->key, id);
	}
	if (!over || !s->name)
		return rc;
	rc = object_find(s->client, s->key, s->name, s->value, 0, ret_i, e);
	if (rc != 0 && rc != -ENOENT) {
		e->unclear = true; /* still */
	} else if (rc == -ENOENT) {
		memset(e, 0, sizeof(*e));
		e->status = 404;
		e->class = FAULT_GONE;
		e->retry_after_ms = -1;
		snprintf(e->op, sizeof(e->op), "CompleteMultipartUpload");
		snprintf(e->code, sizeof(e->code), "NoSuchUpload");
		snprintf(e->message, sizeof(e->message),
			 "the multipart upload is over, and no version came of it");
	}
	return rc;
}

int mpu_complete(struct s3_client *c, const char *key, const char *id, const struct mpu_part *parts,
		 size_t n, const char *token_name, const char *token_value, struct s3_info *ret_i,
		 struct s3_error *err)
{
	return mpu_complete_as(c, key, id, parts, n, token_name, token_value, NULL, ret_i, err);
}

/* MinIO takes a replica's time and ETag at the end, and trusts its client for the size. */
static int complete_origin(struct s3_req *q, const struct mpu_part *parts, size_t n,
			   const struct s3_origin *origin, struct s3_error *err)
{
	char text[24];
	int rc;

	if (!origin)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)sum_of(parts, n));
	if ((rc = kv_set(&q->headers, "x-minio-replication-actual-object-size", text)) != 0)
		return rc;
	return verb_add_origin(q, origin, err);
}

int mpu_complete_as(struct s3_client *c, const char *key, const char *id,
		    const struct mpu_part *parts, size_t n, const char *token_name,
		    const char *token_value, const struct s3_origin *origin, struct s3_info *ret_i,
		    struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "CompleteMultipartUpload",
						   .method = "POST",
						   .key = key,
						   .once = true,
						   .data = true,
						   .error_in_200 = true };
	/* since_ms 0: a multipart version bears the time of its start. */
	struct settle settle = { .client = c,
				 .key = key,
				 .name = token_value ? token_name : NULL,
				 .value = token_value };
	struct s3_crc32c crc = crc_of(parts, n), told = { .known = false };
	auto_with(s3_info_free) struct s3_info i = { 0 };
	auto_with(buf_free) struct buf b;
	struct s3_error e = { 0 };
	int rc;

	buf_init(&b, BUF_LIMIT_DOC);
	if ((rc = complete_body(parts, n, &b)) == -EINVAL)
		return verb_refuse(rc, "the parts are not in order", err);
	if (rc != 0 || (rc = kv_set(&q.query, "uploadId", id)) != 0 ||
	    (rc = verb_body_xml(&q, buf_str(&b), b.len)) != 0 ||
	    (rc = complete_crc(&q, &crc)) != 0 ||
	    (rc = complete_origin(&q, parts, n, origin, err)) != 0)
		return rc;
	do {
		auto_with(s3_res_free) struct s3_res res = { 0 };

		rc = verb_call(c, &q, &res, &e);
		if (rc == 0) {
			rc = read_complete(c, key, parts, n, &res, &i, &told, &e);
			e.unclear = rc != 0;
		}
		if (rc != 0)
			rc = settle_complete(&settle, id, rc, &e, &i);
	} while (rc == -EAGAIN);
	if (rc == 0)
		rc = check_whole(c, key, &i, &crc, told, &e);
	if (rc != 0) {
		if (err)
			*err = e;
		return rc;
	}
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

int mpu_abort(struct s3_client *c, const char *key, const char *id, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "AbortMultipartUpload",
						   .method = "DELETE",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = kv_set(&q.query, "uploadId", id);

	if (rc == 0)
		rc = verb_call(c, &q, &res, err);
	if (rc == -ENOENT)
		return 0;
	return rc;
}

static int list_page(struct s3_client *c, const char *prefix, const struct body_uploads *last,
		     struct body_uploads *ret_u, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "ListMultipartUploads", .method = "GET" };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc;

	if ((rc = kv_set(&q.query, "uploads", "")) != 0 ||
	    (rc = kv_set(&q.query, "encoding-type", "url")) != 0 ||
	    (rc = kv_set(&q.query, "prefix", prefix)) != 0 ||
	    (rc = kv_set(&q.query, "max-uploads", PAGE)) != 0)
		return rc;
	if (last->truncated && ((rc = kv_set(&q.query, "key-marker", last->next_key)) != 0 ||
				(rc = kv_set(&q.query, "upload-id-marker", last->next_id)) != 0))
		return rc;
	if ((rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	rc = body_read_uploads(buf_str(&res.body), res.body.len, ret_u, why);
	for (size_t k = 0; rc == 0 && k < ret_u->n; k++)
		if (strncmp(ret_u->items[k].key, prefix, strlen(prefix)) != 0)
			return verb_bad_answer(
				&res, "the listing has a key that does not start with the prefix",
				err);
	if (rc == 0 && last->truncated && ret_u->truncated &&
	    strcmp(last->next_key, ret_u->next_key) == 0 &&
	    strcmp(last->next_id, ret_u->next_id) == 0)
		return verb_bad_answer(&res, "the listing does not move on", err);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int mpu_list(struct s3_client *c, const char *prefix,
	     int (*fn)(void *arg, const char *key, const char *id, int64_t started_ms), void *arg,
	     struct s3_error *err)
{
	auto_with(body_uploads_free) struct body_uploads u = { 0 };

	do {
		auto_with(body_uploads_free) struct body_uploads last = u;
		int rc;

		u = (struct body_uploads){ 0 };
		rc = list_page(c, prefix, &last, &u, err);
		if (rc != 0)
			return rc;
		for (size_t k = 0; k < u.n; k++) {
			if ((rc = fn(arg, u.items[k].key, u.items[k].id, u.items[k].started_ms)) !=
			    0)
				return rc;
		}
	} while (u.truncated);
	return 0;
}

static int parts_page(struct s3_client *c, const char *key, const char *id, uint64_t marker,
		      struct body_parts *ret_p, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "ListParts", .method = "GET", .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char text[24], why[BODY_WHY];
	int rc;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)marker);
	if ((rc = kv_set(&q.query, "uploadId", id)) != 0 ||
	    (rc = kv_set(&q.query, "max-parts", PAGE)) != 0 ||
	    (marker > 0 && (rc = kv_set(&q.query, "part-number-marker", text)) != 0) ||
	    (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	rc = body_read_parts(buf_str(&res.body), res.body.len, ret_p, why);
	if (rc == 0 && ret_p->truncated && ret_p->next <= marker)
		return verb_bad_answer(&res, "the listing does not move on", err);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int mpu_list_parts(struct s3_client *c, const char *key, const char *id,
		   int (*fn)(void *arg, const struct mpu_part *p), void *arg, struct s3_error *err)
{
	uint64_t marker = 0;
	bool more;

	do {
		auto_with(body_parts_free) struct body_parts p = { 0 };
		int rc = parts_page(c, key, id, marker, &p, err);

		if (rc != 0)
			return rc;
		for (size_t k = 0; k < p.n; k++)
			if ((rc = fn(arg, &p.items[k])) != 0)
				return rc;
		marker = p.next;
		more = p.truncated;
	} while (more);
	return 0;
}
