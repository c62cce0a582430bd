/*
 * opts.c - verb_add_opts: the headers of a new version. Sources: S3 API Reference, "PutObject"; S3
 * User Guide, "Working with object metadata"; for struct s3_origin minio-go (constants.go,
 * api-put-object.go, api-remove.go) and MinIO's cmd/object-api-options.go.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"

#include "s3/verb_i.h"

static const char *const sys_names[] = {
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"content-type",
	"expires",
	"x-amz-website-redirect-location",
};

bool verb_is_sys_name(const char *name)
{
	for (size_t k = 0; k < array_size(sys_names); k++)
		if (strcmp(name, sys_names[k]) == 0)
			return true;
	return false;
}

/* RFC 9110 "token", without the upper case letters that S3 would fold anyway. */
static bool is_header_name(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
		    !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

static bool is_header_value(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

/* Beyond ASCII the bytes of UTF-8 go out and are signed as they are: what a server gave us in that
 * form another one shall get. (AWS itself gives and takes RFC 2047, which is ASCII.) */
static bool is_meta_value(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return utf8_valid(s);
}

static int add_meta(struct s3_req *q, const struct kv *meta, struct s3_error *err)
{
	for (size_t k = 0; meta && k < meta->n; k++) {
		auto_free char *name = NULL;
		int rc;

		if (!is_header_name(meta->items[k].name))
			return verb_refuse(
				-EINVAL,
				"a metadata name has characters that no header name can carry",
				err);
		if (!is_meta_value(meta->items[k].value))
			return verb_refuse(
				-EINVAL, "a metadata value has control characters or is not UTF-8",
				err);
		if ((rc = str_format(&name, VERB_META "%s", meta->items[k].name)) != 0 ||
		    (rc = kv_set(&q->headers, name, meta->items[k].value)) != 0)
			return rc;
	}
	return 0;
}

static int add_sys(struct s3_req *q, const struct kv *sys, struct s3_error *err)
{
	for (size_t k = 0; sys && k < sys->n; k++) {
		int rc;

		if (!verb_is_sys_name(sys->items[k].name))
			return verb_refuse(-EINVAL, "not a system metadata header", err);
		if (!is_header_value(sys->items[k].value))
			return verb_refuse(
				-EINVAL,
				"a system metadata value has characters other than printable ASCII",
				err);
		if ((rc = kv_set(&q->headers, sys->items[k].name, sys->items[k].value)) != 0)
			return rc;
	}
	return 0;
}

/* value NULL adds nothing. */
static int add_header(struct s3_req *q, const char *name, const char *value, struct s3_error *err)
{
	if (!value)
		return 0;
	if (!is_header_value(value))
		return verb_refuse(-EINVAL, "a header has characters other than printable ASCII",
				   err);
	return kv_set(&q->headers, name, value);
}

static int add_time(struct s3_req *q, const char *name, int64_t wall_ms)
{
	char text[32];

	time_format_iso(wall_ms, text);
	return kv_set(&q->headers, name, text);
}

static int add_lock(struct s3_req *q, const struct s3_put_opts *opts, struct s3_error *err)
{
	int rc = 0;

	if (opts->legal_hold)
		rc = kv_set(&q->headers, "x-amz-object-lock-legal-hold", "ON");
	if (rc == 0 && opts->lock_mode &&
	    (rc = add_header(q, "x-amz-object-lock-mode", opts->lock_mode, err)) == 0)
		rc = add_time(q, "x-amz-object-lock-retain-until-date", opts->retain_until_ms);
	return rc;
}

static int add_tags(struct s3_req *q, const struct kv *tags)
{
	auto_with(buf_free) struct buf b;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (!tags || tags->n == 0)
		return 0;
	rc = kv_to_query(tags, &b);
	return rc != 0 ? rc : kv_set(&q->headers, "x-amz-tagging", buf_str(&b));
}

int verb_add_origin(struct s3_req *q, const struct s3_origin *origin, struct s3_error *err)
{
	int rc;

	if (!origin)
		return 0;
	if (origin->mtime_ms != 0 &&
	    (rc = add_time(q, "x-minio-source-mtime", origin->mtime_ms)) != 0)
		return rc;
	if ((rc = add_header(q, "x-minio-source-etag", origin->etag, err)) != 0 ||
	    (rc = kv_set(&q->headers, "x-amz-replication-status", "REPLICA")) != 0)
		return rc;
	return kv_set(&q->headers, "x-minio-source-replication-request", "true");
}

int verb_add_opts(struct s3_req *q, const struct s3_put_opts *opts, struct s3_error *err)
{
	int rc;

	if (!opts)
		return 0;
	if ((rc = add_meta(q, opts->meta, err)) != 0 || (rc = add_sys(q, opts->sys, err)) != 0 ||
	    (rc = add_header(q, "x-amz-storage-class", opts->storage_class, err)) != 0 ||
	    (rc = add_header(q, "x-amz-acl", opts->acl, err)) != 0 ||
	    (rc = add_header(q, "x-amz-server-side-encryption", opts->sse, err)) != 0 ||
	    (rc = add_header(q, "x-amz-server-side-encryption-aws-kms-key-id", opts->sse_key,
			     err)) != 0 ||
	    (rc = add_header(q, "x-amz-expected-bucket-owner", opts->owner, err)) != 0 ||
	    (rc = add_lock(q, opts, err)) != 0 || (rc = add_tags(q, opts->tags)) != 0 ||
	    (rc = verb_add_origin(q, opts->origin, err)) != 0)
		return rc;
	return verb_query_version(q, opts->origin ? opts->origin->version_id : NULL);
}
