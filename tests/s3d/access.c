/* Who may do what: owners, ACL grants, and any account that a bucket policy names. */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A stored policy that names the account (or everybody) lets it do anything. */
static bool policy_allows(const struct req *r)
{
	char *policy = bucket_conf_get(r->b.name, "policy");
	bool ok = policy && (strstr(policy, r->who->owner) || strstr(policy, "\"*\"") ||
			     strstr(policy, r->who->canonical));

	free(policy);
	return ok;
}

static bool allowed(const struct req *r)
{
	if (!strcmp(r->b.owner, r->who->owner))
		return true;
	/* reading an object is decided by the object's own ACL */
	if (r->op->scope == 'O' && r->op->perm == 'R')
		return true;
	if (policy_allows(r))
		return true;
	if (r->op->perm == 'O')
		return false;
	char *acl = bucket_conf_get(r->b.name, "acl");
	bool ok = acl_grants(acl, r->who->canonical, r->op->perm == 'R' ? "READ" : "WRITE");
	free(acl);
	return ok;
}

bool access_object(struct req *r, const struct ver *v, const char *perm)
{
	if (str_eq(v->owner, r->who->owner) || acl_grants(v->acl, r->who->canonical, perm))
		return true;
	return strcmp(r->b.owner, r->who->owner) && policy_allows(r);
}

static int wrong_region(struct req *r)
{
	char endpoint[160];

	req_set(r, "x-amz-bucket-region", r->b.region);
	snprintf(endpoint, sizeof(endpoint), "%s.s3.%s.localhost", r->b.name, r->b.region);
	return req_fail_x(r, "PermanentRedirect",
			  "The bucket you are attempting to access must be"
			  " addressed using the specified endpoint. Please send all future requests"
			  " to this endpoint.",
			  "Endpoint", endpoint, NULL);
}

int access_bucket(struct req *r)
{
	const char *owner = req_header(r, "x-amz-expected-bucket-owner");

	db_lock();
	int rc = bucket_find(r->bucket, &r->b);
	bool ok = !rc && allowed(r);
	db_unlock();
	if (rc)
		return req_fail(r, "NoSuchBucket", "The specified bucket does not exist");
	if (!region_served(r->b.region))
		return wrong_region(r);
	if (!ok || (owner && strcmp(owner, r->b.owner)))
		return req_fail(r, "AccessDenied", "Access Denied");
	return 0;
}
