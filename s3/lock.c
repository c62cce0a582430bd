/* lock.c - see lock.h. */
#include "s3/lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "s3/body.h"
#include "s3/object.h"
#include "s3/verb_i.h"

/* Does it say that there is no such thing on this version, on this bucket, or at this server? AWS
 * has an InvalidRequest for "Bucket is missing Object Lock Configuration". */
static bool is_absent(const struct s3_error *e)
{
	static const char *const codes[] = {
		"InvalidRequest",
		"MethodNotAllowed",
		"NoSuchObjectLockConfiguration",
		"NotImplemented",
		"ObjectLockConfigurationNotFoundError",
	};

	for (size_t k = 0; k < array_size(codes); k++)
		if (strcmp(e->code, codes[k]) == 0)
			return true;
	return e->status == 501;
}

static int lock_get(struct s3_client *c, const char *op, const char *sub, const char *key,
		    const char *version, struct s3_res *res, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = op, .method = "GET", .key = key };
	int rc;

	if ((rc = kv_set(&q.query, sub, "")) != 0 || (rc = verb_query_version(&q, version)) != 0)
		return rc;
	return verb_call(c, &q, res, err);
}

static int lock_put(struct s3_client *c, const char *op, const char *sub, const char *key,
		    const char *version, const struct buf *xml, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = op, .method = "PUT", .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if ((rc = kv_set(&q.query, sub, "")) != 0 || (rc = verb_query_version(&q, version)) != 0 ||
	    (rc = verb_body_xml(&q, buf_str(xml), xml->len)) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}

int retention_get(struct s3_client *c, const char *key, const char *version,
		  struct s3_retention *ret_r, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc = lock_get(c, "GetObjectRetention", "retention", key, version, &res, err);

	if (rc != 0 && is_absent(&res.error)) {
		*ret_r = (struct s3_retention){ 0 };
		return 0;
	}
	if (rc != 0)
		return rc;
	rc = body_read_retention(buf_str(&res.body), res.body.len, ret_r, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int retention_put(struct s3_client *c, const char *key, const char *version,
		  const struct s3_retention *r, struct s3_error *err)
{
	auto_with(buf_free) struct buf b;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	rc = body_write_retention(r, &b);
	return rc != 0 ? rc : lock_put(c, "PutObjectRetention", "retention", key, version, &b, err);
}

int legal_hold_get(struct s3_client *c, const char *key, const char *version, bool *ret_on,
		   struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc = lock_get(c, "GetObjectLegalHold", "legal-hold", key, version, &res, err);

	if (rc != 0 && is_absent(&res.error)) {
		*ret_on = false;
		return 0;
	}
	if (rc != 0)
		return rc;
	rc = body_read_legal_hold(buf_str(&res.body), res.body.len, ret_on, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int legal_hold_put(struct s3_client *c, const char *key, const char *version, bool on,
		   struct s3_error *err)
{
	auto_with(buf_free) struct buf b;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	rc = body_write_legal_hold(on, &b);
	return rc != 0 ? rc
		       : lock_put(c, "PutObjectLegalHold", "legal-hold", key, version, &b, err);
}

/* A stronger one may come from the bucket's default: it stays. Times lose their milliseconds. */
static bool retention_lacks(const struct s3_info *seen, const struct s3_put_opts *opts)
{
	if (!opts->lock_mode)
		return false;
	if (!seen->lock_mode || seen->retain_until_ms + 999 < opts->retain_until_ms)
		return true;
	return strcmp(opts->lock_mode, "COMPLIANCE") == 0 &&
	       strcmp(seen->lock_mode, "COMPLIANCE") != 0;
}

int lock_ensure(struct s3_client *c, const char *key, const char *version,
		const struct s3_put_opts *opts, struct s3_error *err)
{
	auto_with(s3_info_free) struct s3_info seen = { 0 };
	struct s3_retention r = { 0 };
	int rc;

	if (!opts || (!opts->lock_mode && !opts->legal_hold))
		return 0;
	if ((rc = object_head(c, key, version, &seen, err)) != 0)
		return rc;
	if (retention_lacks(&seen, opts)) {
		snprintf(r.mode, sizeof(r.mode), "%s", opts->lock_mode);
		r.until_ms = opts->retain_until_ms;
		rc = retention_put(c, key, version, &r, err);
	}
	if (rc == 0 && opts->legal_hold && seen.legal_hold == 0)
		rc = legal_hold_put(c, key, version, true, err);
	return rc;
}

int lock_conf_get(struct s3_client *c, struct s3_lock_conf *ret_l, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc = lock_get(c, "GetObjectLockConfiguration", "object-lock", NULL, NULL, &res, err);

	if (rc != 0 && is_absent(&res.error)) {
		*ret_l = (struct s3_lock_conf){ 0 };
		return 0;
	}
	if (rc != 0)
		return rc;
	rc = body_read_lock_conf(buf_str(&res.body), res.body.len, ret_l, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}
