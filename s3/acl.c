/* acl.c - see acl.h. */
#include "s3/acl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/xml.h"

#include "s3/body_i.h"
#include "s3/verb_i.h"

#define GROUPS		    "http://acs.amazonaws.com/groups/global/"
#define ALL_USERS	    GROUPS "AllUsers"
#define AUTHENTICATED_USERS GROUPS "AuthenticatedUsers"
#define XSI		    "http://www.w3.org/2001/XMLSchema-instance"

static const char *const permissions[] = {
	[ACL_READ] = "READ",
	[ACL_WRITE] = "WRITE",
	[ACL_READ_ACP] = "READ_ACP",
	[ACL_WRITE_ACP] = "WRITE_ACP",
	[ACL_FULL_CONTROL] = "FULL_CONTROL",
};

void acl_free(struct acl *a)
{
	for (size_t k = 0; k < a->n; k++) {
		free(a->grants[k].id);
		free(a->grants[k].uri);
	}
	free(a->grants);
	free(a->owner);
	*a = (struct acl){ 0 };
}

static int acl_add(struct acl *a, const char *id, const char *uri, enum acl_permission permission)
{
	struct acl_grant *grants = reallocarray(a->grants, a->n + 1, sizeof(*grants)), *g;
	int rc;

	if (!grants)
		return -ENOMEM;
	a->grants = grants;
	g = &grants[a->n++];
	*g = (struct acl_grant){ .permission = permission };
	if ((rc = str_dup(id, &g->id)) != 0)
		return rc;
	return str_dup(uri, &g->uri);
}

/* ---- the document ---- */

static const char *text_of(const struct doc_node *node, const char *name)
{
	const char *s = doc_text(node, name);

	return s && *s ? s : NULL;
}

/* Several permissions for one grantee in one grant: Ceph. */
static int read_grant(const struct doc_node *grant, struct acl *a, char *why)
{
	const struct doc_node *grantee = doc_child(grant, "Grantee"),
			      *permission = doc_child(grant, "Permission");
	const char *id = text_of(grantee, "ID"), *uri = text_of(grantee, "URI");

	if (!id == !uri)
		return body_bad(why, "a grant is to neither a user nor a group");
	if (!permission)
		return body_bad(why, "a grant without a permission");
	for (; permission; permission = doc_next_same(permission)) {
		size_t k = 0;
		int rc;

		while (k < array_size(permissions) && strcmp(permissions[k], permission->text) != 0)
			k++;
		if (k == array_size(permissions))
			return body_bad(why, "a grant of an unknown permission");
		if ((rc = acl_add(a, id, uri, (enum acl_permission)k)) != 0)
			return rc;
	}
	return 0;
}

int acl_read(const char *xml, size_t n, struct acl *ret_a, char *why)
{
	auto_with(doc_free_ptr) struct doc_node *root = NULL;
	auto_with(acl_free) struct acl a = { 0 };
	const struct doc_node *grant;
	int rc = body_root(xml, n, "AccessControlPolicy", &root, why);

	if (rc != 0)
		return rc;
	if ((rc = str_dup(text_of(doc_child(root, "Owner"), "ID"), &a.owner)) != 0)
		return rc;
	grant = doc_child(doc_child(root, "AccessControlList"), "Grant");
	for (; grant; grant = doc_next_same(grant))
		if ((rc = read_grant(grant, &a, why)) != 0)
			return rc;
	*ret_a = a;
	a = (struct acl){ 0 };
	return 0;
}

int acl_write(const struct acl *a, struct buf *out)
{
	buf_adds(out, "<AccessControlPolicy xmlns=\"" BODY_NAMESPACE "\">");
	if (a->owner) {
		buf_adds(out, "<Owner>");
		xml_elem(out, "ID", a->owner);
		buf_adds(out, "</Owner>");
	}
	buf_adds(out, "<AccessControlList>");
	for (size_t k = 0; k < a->n; k++) {
		const struct acl_grant *g = &a->grants[k];

		buf_addf(out, "<Grant><Grantee xmlns:xsi=\"" XSI "\" xsi:type=\"%s\">",
			 g->id ? "CanonicalUser" : "Group");
		xml_elem(out, "ID", g->id);
		xml_elem(out, "URI", g->uri);
		buf_adds(out, "</Grantee>");
		xml_elem(out, "Permission", permissions[g->permission]);
		buf_adds(out, "</Grant>");
	}
	buf_adds(out, "</AccessControlList></AccessControlPolicy>");
	return out->error;
}

/* ---- what it says ---- */

static bool is_grant(const struct acl_grant *g, const char *id, const char *uri,
		     enum acl_permission permission)
{
	return g->permission == permission && str_same(g->id, id) && str_same(g->uri, uri);
}

static bool has_grant(const struct acl *a, const char *id, const char *uri,
		      enum acl_permission permission)
{
	for (size_t k = 0; k < a->n; k++)
		if (is_grant(&a->grants[k], id, uri, permission))
			return true;
	return false;
}

static bool has_all_grants(const struct acl *a, const struct acl *of)
{
	for (size_t k = 0; k < of->n; k++) {
		const struct acl_grant *g = &of->grants[k];

		if (!has_grant(a, g->id, g->uri, g->permission))
			return false;
	}
	return true;
}

bool acl_equal(const struct acl *a, const struct acl *b)
{
	return str_same(a->owner, b->owner) && has_all_grants(a, b) && has_all_grants(b, a);
}

int acl_rebase(const struct acl *a, const char *owner, struct acl *ret_a)
{
	auto_with(acl_free) struct acl to = { 0 };
	int rc = str_dup(owner, &to.owner);

	for (size_t k = 0; rc == 0 && k < a->n; k++) {
		const struct acl_grant *g = &a->grants[k];
		bool own = g->id && a->owner && strcmp(g->id, a->owner) == 0;

		rc = acl_add(&to, own ? owner : g->id, g->uri, g->permission);
	}
	if (rc != 0)
		return rc;
	*ret_a = to;
	to = (struct acl){ 0 };
	return 0;
}

/* User Guide, "Canned ACL": beside the owner's FULL_CONTROL these grants to groups, no others. */
struct canned {
	const char *name;
	const char *group;
	bool read, write;
};

static bool is_canned(const struct acl *a, const struct canned *c)
{
	bool read = has_grant(a, NULL, c->group, ACL_READ),
	     write = has_grant(a, NULL, c->group, ACL_WRITE);

	for (size_t k = 0; k < a->n; k++) {
		const struct acl_grant *g = &a->grants[k];

		if (!is_grant(g, a->owner, NULL, ACL_FULL_CONTROL) &&
		    !is_grant(g, NULL, c->group, ACL_READ) &&
		    !is_grant(g, NULL, c->group, ACL_WRITE))
			return false;
	}
	return read == c->read && write == c->write &&
	       has_grant(a, a->owner, NULL, ACL_FULL_CONTROL);
}

const char *acl_canned(const struct acl *a)
{
	static const struct canned rows[] = {
		{ "private", ALL_USERS, false, false },
		{ "public-read", ALL_USERS, true, false },
		{ "public-read-write", ALL_USERS, true, true },
		{ "authenticated-read", AUTHENTICATED_USERS, true, false },
	};

	for (size_t k = 0; a->owner && k < array_size(rows); k++)
		if (is_canned(a, &rows[k]))
			return rows[k].name;
	return NULL;
}

bool acl_is_canned(const char *name)
{
	static const char *const names[] = {
		"authenticated-read", "aws-exec-read", "bucket-owner-full-control",
		"bucket-owner-read",  "private",       "public-read",
		"public-read-write",
	};

	for (size_t k = 0; k < array_size(names); k++)
		if (strcmp(name, names[k]) == 0)
			return true;
	return false;
}

bool acl_is_refused(const struct s3_error *e)
{
	return strcmp(e->code, "AccessControlListNotSupported") == 0 || e->status == 501 ||
	       e->status == 405;
}

/* ---- the verbs ---- */

static int acl_query(struct s3_req *q, const char *version)
{
	int rc = kv_set(&q->query, "acl", "");

	return rc != 0 ? rc : verb_query_version(q, version);
}

int acl_get(struct s3_client *c, const char *key, const char *version, struct acl *ret_a,
	    struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "GetObjectAcl",
						   .method = "GET",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	char why[BODY_WHY];
	int rc;

	if ((rc = acl_query(&q, version)) != 0 || (rc = verb_call(c, &q, &res, err)) != 0)
		return rc;
	rc = acl_read(buf_str(&res.body), res.body.len, ret_a, why);
	return rc == -EIO ? verb_bad_answer(&res, why, err) : rc;
}

int acl_put(struct s3_client *c, const char *key, const char *version, const struct acl *a,
	    struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObjectAcl",
						   .method = "PUT",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	auto_with(buf_free) struct buf b;
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if ((rc = acl_query(&q, version)) != 0 || (rc = acl_write(a, &b)) != 0 ||
	    (rc = verb_body_xml(&q, buf_str(&b), b.len)) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}

int acl_put_canned(struct s3_client *c, const char *key, const char *version, const char *canned,
		   struct s3_error *err)
{
	auto_with(s3_req_free) struct s3_req q = { .op = "PutObjectAcl",
						   .method = "PUT",
						   .key = key };
	auto_with(s3_res_free) struct s3_res res = { 0 };
	int rc;

	if (!acl_is_canned(canned))
		return verb_refuse(-EINVAL, "not a canned ACL of objects", err);
	if ((rc = acl_query(&q, version)) != 0 ||
	    (rc = kv_set(&q.headers, "x-amz-acl", canned)) != 0)
		return rc;
	return verb_call(c, &q, &res, err);
}
