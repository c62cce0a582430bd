/* copy.c - object_copy: a new version made of an old one inside the bucket. See object.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#include "s3/body.h"
#include "s3/client_i.h"
#include "s3/lock.h"
#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/part.h"
#include "s3/tagging.h"
#include "s3/verb_i.h"

/* Parts of a copy need not be those of an upload: nothing passes through here. 10,000 of these are
 * the largest object. */
#define COPY_PART (1 * GIB)

struct copy {
	struct s3_client *client;
	const char *src_key, *src_version, *src_etag;
	uint64_t size;
	const char *dst_key;
	struct s3_put_opts opts; /* what the new version gets */
	bool keep_meta;	    /* the server copies the metadata; opts has no more than the class */
	bool set_tags;	    /* opts.tags is what it shall have; else the server copies the tags */
	struct s3_info src; /* holds what opts points to, when the caller gave none */
	struct kv src_tags;
};

int verb_copy_source(struct s3_req *q, const char *bucket, const char *key, const char *version,
		     const char *etag)
{
	auto_with(buf_free) struct buf b;
	auto_free char *quoted = NULL;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	buf_addc(&b, '/');
	uri_encode(bucket, false, &b);
	buf_addc(&b, '/');
	uri_encode(key, true, &b);
	if (version) {
		buf_adds(&b, "?versionId=");
		uri_encode(version, false, &b);
	}
	if (b.error != 0)
		return b.error;
	if ((rc = kv_set(&q->headers, "x-amz-copy-source", buf_str(&b))) != 0 || !etag)
		return rc;
	if ((rc = etag_quote(etag, &quoted)) != 0)
		return rc;
	return kv_set(&q->headers, "x-amz-copy-source-if-match", quoted);
}

/* Not every server has tags, and not everybody may read them: then the server's own copying of tags
 * has to do. */
static int read_source_tags(struct copy *k, struct s3_error *err)
{
	struct s3_error own = { 0 };
	int rc = tagging_get(k->client, k->src_key, k->src_version, &k->src_tags, &own);

	if (rc == 0) {
		k->opts.tags = &k->src_tags;
		k->set_tags = k->src_tags.n > 0;
		return 0;
	}
	if (own.class == FAULT_AUTH || own.status == 405 || own.status == 501)
		return 0;
	if (err)
		*err = own;
	return rc;
}

/* With no opts the new version is like the old one in everything, its class included, which S3 does
 * not copy by itself. */
static int read_source(struct copy *k, struct s3_error *err)
{
	int rc = object_head(k->client, k->src_key, k->src_version, &k->src, err);

	if (rc != 0)
		return rc;
	if (k->src_etag && k->src.etag && !etag_equal(k->src_etag, k->src.etag))
		return verb_refuse(-ESTALE, "the source of the copy has changed", err);
	if (!k->src_etag)
		k->src_etag = k->src.etag;
	k->opts.meta = &k->src.meta;
	k->opts.sys = &k->src.sys;
	k->opts.storage_class = k->src.storage_class;
	k->keep_meta = true;
	return 0;
}

static int copy_request(const struct copy *k, struct s3_req *q, struct s3_error *err)
{
	struct s3_put_opts opts = k->opts;
	int rc;

	if (k->keep_meta)
		opts.meta = opts.sys = NULL;
	if (!k->set_tags)
		opts.tags = NULL;
	if ((rc = verb_copy_source(q, s3_client_bucket(k->client), k->src_key, k->src_version,
				   k->src_etag)) != 0 ||
	    (rc = verb_add_opts(q, &opts, err)) != 0)
		return rc;
	if (!k->keep_meta && (rc = kv_set(&q->headers, "x-amz-metadata-directive", "REPLACE")) != 0)
		return rc;
	return k->set_tags ? kv_set(&q->headers, "x-amz-tagging-directive", "REPLACE") : 0;
}

static int read_copy(const struct copy *k, const struct s3_res *res, struct s3_info *ret_i,
		     struct s3_error *err)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_crc32c crc;
	char why[BODY_WHY];
	int rc = verb_info(res, &i);

	if (rc == -ENOMEM)
		return rc;
	free(take_ptr(&i.etag));
	rc = body_read_copy(buf_str(&res->body), res->body.len, &i.etag, &i.mtime_ms, &crc, why);
	if (rc == -EIO)
		return verb_bad_answer(res, why, err);
	if (rc != 0)
		return rc;
	rc = str_dup(kv_get(&res->headers, "x-amz-copy-source-version-id"), &i.source_version);
	if (rc != 0)
		return rc;
	if (i.source_version)
		atomic_store(&k->client->copies_tell, true);
	i.size = k->size;
	kv_free(&i.sys); /* the content type of the answer's XML */
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

static int copy_whole(const struct copy *k, struct s3_info *ret_i, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "CopyObject",
						   .method = "PUT",
						   .key = k->dst_key,
						   .once = true,
						   .data = true,
						   .error_in_200 = true };
	struct s3_error e = { 0 };
	struct settle settle;
	int rc;

	if (settle_init(&settle, k->client, k->dst_key, &k->opts) != 0)
		return verb_refuse(-EINVAL, "the token is not in the metadata", err);
	if ((rc = copy_request(k, &q, err)) != 0)
		return rc;
	do {
		auto_with(s3_res_free) struct s3_res res = { 0 };

		rc = verb_call(k->client, &q, &res, &e);
		if (rc == 0) {
			rc = read_copy(k, &res, ret_i, &e);
			e.unclear = rc != 0;
		}
		if (rc != 0)
			rc = settle_try(&settle, rc, &e, ret_i);
	} while (rc == -EAGAIN);
	if (rc != 0 && err)
		*err = e;
	return rc;
}

static int copy_parts(const struct copy *k, const char *id, enum mpu_sum sum, struct s3_info *ret_i,
		      struct s3_error *err)
{
	size_t n = (size_t)((k->size + COPY_PART - 1) / COPY_PART);
	auto_free struct mpu_part *parts = calloc(n, sizeof(*parts));
	const char *token = k->opts.token_name;

	if (!parts)
		return -ENOMEM;
	for (size_t p = 0; p < n; p++) {
		struct s3_range range = { p * COPY_PART, min_of((p + 1) * COPY_PART, k->size) };
		int rc = mpu_part_copy(k->client, k->dst_key, id, sum, (unsigned)p + 1, k->src_key,
				       k->src_version, k->src_etag, range, &parts[p], err);

		if (rc != 0)
			return rc;
	}
	return mpu_complete_as(k->client, k->dst_key, id, parts, n, token,
			       token ? kv_get(k->opts.meta, token) : NULL, k->opts.origin, ret_i,
			       err);
}

static int copy_by_parts(const struct copy *k, struct s3_info *ret_i, struct s3_error *err)
{
	enum mpu_sum sum = MPU_SUM_NONE;
	auto_free char *id = NULL;
	struct s3_error own = { 0 };
	int rc;

	if (k->size > PART_OBJECT_MAX)
		return verb_refuse(-EFBIG, "larger than an object may be", err);
	if (k->opts.token_name && (!k->opts.meta || !kv_get(k->opts.meta, k->opts.token_name)))
		return verb_refuse(-EINVAL, "the token is not in the metadata", err);
	rc = mpu_create(k->client, k->dst_key, &k->opts, &id, &sum, err);
	if (rc != 0)
		return rc;
	rc = copy_parts(k, id, sum, ret_i, &own);
	if (rc == 0)
		return 0;
	if (err)
		*err = own;
	/* While it is unclear, the object may be coming out of it. */
	if (!own.unclear && mpu_abort(k->client, k->dst_key, id, NULL) != 0)
		return rc;
	return rc;
}

/* Some servers do not tell the version that the copy made (Ceph). The current one is it, unless
 * somebody was faster; then the token knows. */
static void learn_version(const struct copy *k, struct s3_info *i)
{
	auto_with(s3_info_free) struct s3_info seen = { 0 };
	const char *name = k->opts.token_name, *value = name ? kv_get(k->opts.meta, name) : NULL,
		   *theirs;

	if (object_head(k->client, k->dst_key, NULL, &seen, NULL) != 0)
		return;
	theirs = name ? kv_get(&seen.meta, name) : NULL;
	if (!seen.version_id || !etag_equal(seen.etag, i->etag) ||
	    (value && (!theirs || strcmp(value, theirs) != 0))) {
		s3_info_free(&seen);
		if (!value || object_find(k->client, k->dst_key, name, value, 0, &seen, NULL) != 0)
			return;
	}
	i->version_id = take_ptr(&seen.version_id);
}

static void copy_free(struct copy *k)
{
	s3_info_free(&k->src);
	kv_free(&k->src_tags);
}

int object_copy(struct s3_client *c, const char *src_key, const char *src_version,
		const char *src_etag, uint64_t size, const char *dst_key,
		const struct s3_put_opts *opts, struct s3_info *ret_i, struct s3_error *err)
{
	auto_with(copy_free) struct copy k = { .client = c,
					       .src_key = src_key,
					       .src_version = src_version,
					       .src_etag = src_etag,
					       .size = size,
					       .dst_key = dst_key };
	auto_with(s3_info_free) struct s3_info i = { 0 };
	bool by_parts = size > S3_SINGLE_MAX;
	int rc = 0;

	if (opts)
		k.opts = *opts;
	else
		rc = read_source(&k, err);
	if (rc != 0)
		return rc;
	k.set_tags = opts && opts->tags;
	/* Where the server copies the metadata by itself it copies the tags as well; a REPLACE may
	 * lose them (Ceph), parts do. */
	if (!k.set_tags && (by_parts || !(k.keep_meta || k.opts.keep_tags)) &&
	    (rc = read_source_tags(&k, err)) != 0)
		return rc;
	rc = by_parts ? copy_by_parts(&k, &i, err) : copy_whole(&k, &i, err);
	if (rc != 0)
		return rc;
	if (!i.version_id)
		learn_version(&k, &i);
	if (k.set_tags && k.opts.tags->n > 0)
		rc = tagging_ensure(c, dst_key, i.version_id, k.opts.tags, err);
	if (rc == 0)
		rc = lock_ensure(c, dst_key, i.version_id, &k.opts, err);
	if (rc != 0) {
		if (err)
			err->unclear = true; /* the version stands, without its tags or lock */
		return rc;
	}
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

bool object_copies_tell(const struct s3_client *c)
{
	return atomic_load(&c->copies_tell);
}
