/*
 * Access control lists, kept as lines "PERMISSION TYPE VALUE" (type id or uri). NULL stands for
 * private: full control for the owner.
 */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/tree.h>

#define GROUPS "http://acs.amazonaws.com/groups/"

static const char *const permissions[] = {
	"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP",
};

static const struct {
	const char *header, *permission;
} grants[] = {
	{ "x-amz-grant-full-control", "FULL_CONTROL" },
	{ "x-amz-grant-read", "READ" },
	{ "x-amz-grant-write", "WRITE" },
	{ "x-amz-grant-read-acp", "READ_ACP" },
	{ "x-amz-grant-write-acp", "WRITE_ACP" },
};

static int add_grant(struct req *r, struct buf *out, const char *permission, const char *type,
		     const char *value)
{
	if (!strcasecmp(type, "id")) {
		if (!account_by_canonical(value))
			return req_fail_x(r, "InvalidArgument", "Invalid id", "ArgumentName",
					  "CanonicalUser/ID", "ArgumentValue", value, NULL);
		buf_fmt(out, "%s id %s\n", permission, value);
	} else if (!strcasecmp(type, "uri")) {
		if (strcmp(value, GROUPS "global/AllUsers") &&
		    strcmp(value, GROUPS "s3/LogDelivery") &&
		    strcmp(value, GROUPS "global/AuthenticatedUsers"))
			return req_fail_x(r, "InvalidArgument", "Invalid group uri", "ArgumentName",
					  "uri", "ArgumentValue", value, NULL);
		buf_fmt(out, "%s uri %s\n", permission, value);
	} else if (!strcasecmp(type, "emailAddress")) {
		const struct account *a = account_by_owner(value);
		if (!a)
			return req_fail(r, "UnresolvableGrantByEmailAddress",
					"The e-mail address you"
					" provided does not match any account on record.");
		buf_fmt(out, "%s id %s\n", permission, a->canonical);
	} else {
		return req_fail(r, "InvalidArgument", "Argument format not recognized");
	}
	return 0;
}

/* TYPE="VALUE", TYPE=VALUE, ... */
static int header_grants(struct req *r, struct buf *out, const char *permission, const char *p)
{
	while (*p) {
		p += strspn(p, ", ");
		size_t n = strcspn(p, "=,");
		if (!n)
			break;
		if (p[n] != '=')
			return req_fail(r, "InvalidArgument", "Argument format not recognized");
		char *type = x_strndup(p, n), *value;
		p += n + 1;
		bool quoted = *p == '"';
		p += quoted;
		n = strcspn(p, quoted ? "\"" : ", ");
		value = x_strndup(p, n);
		p += n + (quoted && p[n]);
		int rc = add_grant(r, out, permission, type, value);
		free(type);
		free(value);
		if (rc)
			return rc;
	}
	return 0;
}

static int canned(struct req *r, const char *name, const char *owner, struct buf *out)
{
	char id[65], bucket_owner[65];

	canonical_id(owner, id);
	canonical_id(r->b.owner[0] ? r->b.owner : owner, bucket_owner);
	buf_fmt(out, "FULL_CONTROL id %s\n", id);
	if (!strcmp(name, "private") || !strcmp(name, "aws-exec-read"))
		return 0;
	if (!strcmp(name, "public-read") || !strcmp(name, "public-read-write")) {
		buf_fmt(out, "READ uri %sglobal/AllUsers\n", GROUPS);
		if (name[11])
			buf_fmt(out, "WRITE uri %sglobal/AllUsers\n", GROUPS);
		return 0;
	}
	if (!strcmp(name, "authenticated-read"))
		buf_fmt(out, "READ uri %sglobal/AuthenticatedUsers\n", GROUPS);
	else if (!strcmp(name, "bucket-owner-read") && strcmp(id, bucket_owner))
		buf_fmt(out, "READ id %s\n", bucket_owner);
	else if (!strcmp(name, "bucket-owner-full-control") && strcmp(id, bucket_owner))
		buf_fmt(out, "FULL_CONTROL id %s\n", bucket_owner);
	else if (!strcmp(name, "log-delivery-write"))
		buf_fmt(out, "WRITE uri %ss3/LogDelivery\nREAD_ACP uri %ss3/LogDelivery\n", GROUPS,
			GROUPS);
	else if (strcmp(name, "bucket-owner-read") && strcmp(name, "bucket-owner-full-control"))
		return req_fail_x(r, "InvalidArgument", NULL, "ArgumentName", "x-amz-acl",
				  "ArgumentValue", name, NULL);
	return 0;
}

static bool ownership_is(const struct req *r, const char *what)
{
	db_lock();
	char *ownership = bucket_conf_get(r->b.name, "ownershipControls");
	db_unlock();
	bool found = ownership && strstr(ownership, what);
	free(ownership);
	return found;
}

/* "Bucket owner enforced": all objects are the bucket owner's, and nobody else gets a grant. */
static bool acls_off(const struct req *r)
{
	return (r->lacks & LACK_ACL) || ownership_is(r, "BucketOwnerEnforced");
}

bool acl_gives_to_bucket(const struct req *r)
{
	return acls_off(r) || (ownership_is(r, "BucketOwnerPreferred") &&
			       str_eq(req_header(r, "x-amz-acl"), "bucket-owner-full-control"));
}

/* With ACLs off *acl may only say what is true anyway: all is the bucket owner's. */
static int acls_allowed(struct req *r, const char *name, struct buf *acl)
{
	char id[65];

	if (!r->b.name[0] || !acls_off(r))
		return 0;
	canonical_id(r->b.owner, id);
	char *owner_only = x_asprintf("FULL_CONTROL id %s\n", id);
	bool ok = name ? !strcmp(name, "bucket-owner-full-control") : str_eq(acl->p, owner_only);
	buf_free(acl);
	buf_str(acl, owner_only);
	free(owner_only);
	return ok ? 0
		  : req_fail(r, "AccessControlListNotSupported", "The bucket does not allow ACLs");
}

/* *ret_acl stays NULL without such headers. */
int acl_from_headers(struct req *r, const char *owner, char **ret_acl)
{
	const char *name = req_header(r, "x-amz-acl");
	struct buf out = { 0 };
	int n = 0, rc = 0;

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]) && !rc; i++) {
		const char *value = req_header(r, grants[i].header);
		if (!value)
			continue;
		n++;
		rc = header_grants(r, &out, grants[i].permission, value);
	}
	if (!rc && name && n)
		rc = req_fail(r, "InvalidRequest",
			      "Specifying both Canned ACLs and Header Grants is not"
			      " allowed");
	if (!rc && name)
		rc = canned(r, name, owner, &out);
	if (!rc && (name || n))
		rc = acls_allowed(r, name, &out);
	if (!rc && (name || n))
		*ret_acl = buf_take(&out);
	buf_free(&out);
	return rc;
}

static int xml_grant(struct req *r, struct buf *out, xmlNode *grant)
{
	xmlNode *grantee = xml_child(grant, "Grantee");
	char *permission = xml_text(grant, "Permission");
	char *id = xml_text(grantee, "ID"), *uri = xml_text(grantee, "URI");
	char *email = xml_text(grantee, "EmailAddress");
	bool known = false;
	int rc;

	for (size_t i = 0; permission && i < sizeof(permissions) / sizeof(permissions[0]); i++)
		known = known || !strcmp(permissions[i], permission);
	if (!known || (!id && !uri && !email))
		rc = req_fail(r, "MalformedACLError",
			      "The XML you provided was not well-formed or did not"
			      " validate against our published schema");
	else
		rc = add_grant(r, out, permission,
			       id    ? "id"
			       : uri ? "uri"
				     : "emailAddress",
			       id    ? id
			       : uri ? uri
				     : email);
	free(permission);
	free(id);
	free(uri);
	free(email);
	return rc;
}

int acl_from_xml(struct req *r, char **ret_acl)
{
	struct buf out = { 0 };
	xmlDoc *doc = xml_parse(r, "AccessControlPolicy");

	if (!doc)
		return -1;
	xmlNode *root = xmlDocGetRootElement(doc), *list = xml_child(root, "AccessControlList");
	char *owner = xml_text(xml_child(root, "Owner"), "ID");
	int rc = 0, n = 0;
	if (!list || !owner)
		rc = req_fail(r, "MalformedACLError",
			      "The XML you provided was not well-formed or did not"
			      " validate against our published schema");
	for (xmlNode *g = xml_child(list, "Grant"); g && !rc; g = xml_next(g, "Grant"))
		rc = ++n > 100 ? req_fail(r, "MalformedACLError", "More than 100 grants")
			       : xml_grant(r, &out, g);
	free(owner);
	xmlFreeDoc(doc);
	if (!rc)
		rc = acls_allowed(r, NULL, &out);
	if (!rc)
		*ret_acl = buf_take(&out);
	buf_free(&out);
	return rc;
}

static void grant_to_xml(struct buf *b, const char *permission, const char *type, const char *value)
{
	bool id = !strcmp(type, "id");
	const struct account *a = id ? account_by_canonical(value) : NULL;

	buf_fmt(b,
		"<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
		" xsi:type=\"%s\">",
		id ? "CanonicalUser" : "Group");
	xml_elem(b, id ? "ID" : "URI", value);
	if (a)
		xml_elem(b, "DisplayName", a->owner);
	buf_str(b, "</Grantee>");
	xml_elem(b, "Permission", permission);
	buf_str(b, "</Grant>");
}

void acl_to_xml(struct buf *b, const char *owner, const char *acl)
{
	char id[65], *save = NULL;

	canonical_id(owner, id);
	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AccessControlPolicy xmlns="
		   "\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	xml_owner(b, "Owner", owner);
	buf_str(b, "<AccessControlList>");
	char *copy = acl ? x_strdup(acl) : x_asprintf("FULL_CONTROL id %s\n", id);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *type = strchr(l, ' '), *value = type ? strchr(type + 1, ' ') : NULL;
		if (!value)
			continue;
		*type++ = 0;
		*value++ = 0;
		grant_to_xml(b, l, type, value);
	}
	free(copy);
	buf_str(b, "</AccessControlList></AccessControlPolicy>");
}

bool acl_grants(const char *acl, const char *canonical, const char *perm)
{
	for (const char *p = acl; p && *p;) {
		size_t len = strcspn(p, "\n"), n = strcspn(p, " ");
		bool level = (n == strlen(perm) && !strncmp(p, perm, n)) ||
			     (n == 12 && !strncmp(p, "FULL_CONTROL", n));
		if (level &&
		    (!strncmp(p + n + 1, "uri " GROUPS "global", 4 + sizeof(GROUPS) + 5) ||
		     (!strncmp(p + n + 1, "id ", 3) && !strncmp(p + n + 4, canonical, 64))))
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

static int find_target(struct req *r, struct ver *v, const char *perm)
{
	db_lock();
	int rc = find_version(r, r->bucket, r->key, req_param(r, "versionId"), v);
	bool ok = !rc && (strcmp(r->b.owner, r->who->owner) == 0 || access_object(r, v, perm));
	db_unlock();
	if (rc)
		return -1;
	if (v->marker)
		rc = req_fail(r, "MethodNotAllowed",
			      "The specified method is not allowed against this"
			      " resource.");
	else if (!ok)
		rc = req_fail(r, "AccessDenied", "Access Denied");
	if (rc)
		ver_free(v);
	return rc;
}

int op_get_acl(struct req *r)
{
	struct ver v;

	if (find_target(r, &v, "READ_ACP"))
		return -1;
	set_version_header(r, &r->b, &v);
	acl_to_xml(&r->out, v.owner, v.acl);
	ver_free(&v);
	req_set(r, "Content-Type", "application/xml");
	r->status = 200;
	return 0;
}

int op_put_acl(struct req *r)
{
	struct ver v;
	char *acl = NULL;

	if (find_target(r, &v, "WRITE_ACP"))
		return -1;
	int rc = r->body.mem.len ? acl_from_xml(r, &acl) : acl_from_headers(r, v.owner, &acl);
	if (!rc && !acl)
		rc = req_fail(r, "MissingSecurityHeader",
			      "Your request was missing a required header");
	if (!rc) {
		db_lock();
		rc = db_run("UPDATE versions SET acl=? WHERE seq=?", "si", acl, v.seq);
		db_unlock();
		if (rc)
			req_fail(r, "InternalError", "The index failed.");
	}
	if (!rc) {
		set_version_header(r, &r->b, &v);
		r->status = 200;
	}
	free(acl);
	ver_free(&v);
	return rc ? -1 : 0;
}
