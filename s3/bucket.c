/* bucket.c - see bucket.h. */
#include "s3/bucket.h"

#include <errno.h>
#include <string.h>

#include "s3/body.h"
#include "s3/verb_i.h"

static int sub_get(struct s3_client *c, const char *op, const char *sub, struct s3_res *res,
		   struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = op, .method = "GET" };
	int rc = kv_set(&q.query, sub, "");

	return rc != 0 ? rc : verb_call(c, &q, res, err);
}

/* headers may be NULL. */
static int sub_put(struct s3_client *c, const char *op, const char *sub, const char *xml,
		   const struct kv *headers, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = op, .method = "PUT" };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if ((rc = kv_set(&q.query, sub, "")) != 0 ||
	    (headers && (rc = kv_merge(&q.headers, headers)) != 0) ||
	    (rc = verb_body_xml(&q, xml, strlen(xml))) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}

int bucket_head(struct s3_client *c, struct s3_error *err)
{
	struct s3_req q = { .op = "HeadBucket", .method = "HEAD" };
	auto_with(s3_res_free) struct s3_res res = { 0 };

	return verb_call(c, &q, &res, err);
}

int bucket_versioning_get(struct s3_client *c, enum bucket_versioning *ret_v, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc = sub_get(c, "GetBucketVersioning", "versioning", &res, err);

	if (rc != 0)
		return rc;
	rc = body_read_versioning(buf_str(&res.body), res.body.len, ret_v, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int bucket_versioning_put(struct s3_client *c, enum bucket_versioning v, struct s3_error *err)
{
	auto_with(buf_free) struct buf b;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (v == VERSIONING_OFF)
		return verb_refuse(-EINVAL, "versioning can be suspended, but not be turned off",
				   err);
	if ((rc = body_write_versioning(v, &b)) != 0)
		return rc;
	return sub_put(c, "PutBucketVersioning", "versioning", buf_str(&b), NULL, err);
}

int bucket_replication_get(struct s3_client *c, struct buf *ret_xml, struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	bool has;
	int rc = sub_get(c, "GetBucketReplication", "replication", &res, err);

	if (rc != 0)
		return rc;
	rc = body_read_has_rules(buf_str(&res.body), res.body.len, &has, why);
	if (rc != 0)
		return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
	if (!has) {
		verb_bad_answer(&res, "the replication configuration is empty", err);
		if (err)
			err->class = FAULT_GONE;
		return -ENOENT;
	}
	verb_take_body(&res, ret_xml);
	return 0;
}

int bucket_replication_put(struct s3_client *c, const char *xml, struct s3_error *err)
{
	return sub_put(c, "PutBucketReplication", "replication", xml, NULL, err);
}

int bucket_replication_delete(struct s3_client *c, struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "DeleteBucketReplication",
						   .method = "DELETE" };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = kv_set(&q.query, "replication", "");

	return rc != 0 ? rc : verb_call(c, &q, &res, err);
}

#define MINIMUM "x-amz-transition-default-minimum-object-size"

int bucket_lifecycle_get(struct s3_client *c, struct buf *ret_xml, char **ret_minimum,
			 struct s3_error *err)
{
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc = sub_get(c, "GetBucketLifecycleConfiguration", "lifecycle", &res, err);

	if (rc == 0 && ret_minimum)
		rc = str_dup(kv_get(&res.headers, MINIMUM), ret_minimum);
	if (rc == 0)
		verb_take_body(&res, ret_xml);
	return rc;
}

int bucket_lifecycle_put(struct s3_client *c, const char *xml, const char *minimum,
			 struct s3_error *err)
{
	auto_with(kv_free) struct kv headers = KV_EMPTY;
	int rc = minimum ? kv_set(&headers, MINIMUM, minimum) : 0;

	return rc != 0 ? rc
		       : sub_put(c, "PutBucketLifecycleConfiguration", "lifecycle", xml, &headers,
				 err);
}
