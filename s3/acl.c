/* acl.c - see acl.h. */
#include "s3/acl.h"

#include <string.h>

#include "s3/verb_i.h"

int acl_get(struct s3_client *c, const char *key, const char *version, struct buf *ret_xml,
	    struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObjectAcl",
						   .method = "GET",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if ((rc = kv_set(&q.query, "acl", "")) != 0 ||
	    (rc = verb_query_version(&q, version)) != 0 || (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	if (res.body.len == 0)
		return verb_bad_answer(&res, "an empty ACL", err);
	verb_take_body(&res, ret_xml);
	return 0;
}

int acl_put(struct s3_client *c, const char *key, const char *version, const char *xml,
	    struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObjectAcl",
						   .method = "PUT",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if ((rc = kv_set(&q.query, "acl", "")) != 0 ||
	    (rc = verb_query_version(&q, version)) != 0 ||
	    (rc = verb_body_xml(&q, xml, strlen(xml))) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}
