/* Configurations of buckets: checked lightly (replication with care), stored, given back. */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/tree.h>

static const struct {
	const char *kind, *root, *missing, *message;
	int put_status;
} kinds[] = {
	{ "replication", "ReplicationConfiguration", "ReplicationConfigurationNotFoundError",
	  "The replication configuration was not found", 200 },
	{ "lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration",
	  "The lifecycle configuration does not exist", 200 },
	{ "tagging", "Tagging", "NoSuchTagSet", "The TagSet does not exist", 204 },
	{ "policy", NULL, "NoSuchBucketPolicy", "The bucket policy does not exist", 204 },
	{ "encryption", "ServerSideEncryptionConfiguration",
	  "ServerSideEncryptionConfigurationNotFoundError",
	  "The server side encryption configuration was not found", 200 },
	{ "ownershipControls", "OwnershipControls", "OwnershipControlsNotFoundError",
	  "The bucket ownership controls were not found", 200 },
	{ "publicAccessBlock", "PublicAccessBlockConfiguration",
	  "NoSuchPublicAccessBlockConfiguration",
	  "The public access block configuration was not found", 200 },
	{ "object-lock", "ObjectLockConfiguration", "ObjectLockConfigurationNotFoundError",
	  "Object Lock configuration does not exist for this bucket", 200 },
};

static size_t kind_of(const struct req *r)
{
	size_t i = 0;

	while (strcmp(kinds[i].kind, r->op->param))
		i++;
	return i;
}

int op_get_conf(struct req *r)
{
	size_t k = kind_of(r);

	db_lock();
	char *body = bucket_conf_get(r->bucket, r->op->param);
	db_unlock();
	if (!body && !strcmp(r->op->param, "object-lock") && r->b.object_lock)
		body = x_strdup("<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/"
				"2006-03-01/\"><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
				"</ObjectLockConfiguration>");
	if (!body)
		return req_fail_x(r, kinds[k].missing, kinds[k].message, "BucketName", r->bucket,
				  NULL);
	buf_str(&r->out, body);
	free(body);
	req_set(r, "Content-Type", kinds[k].root ? "application/xml" : "application/json");
	r->status = 200;
	return 0;
}

static int store_conf(struct req *r)
{
	db_lock();
	int rc = bucket_conf_put(r->bucket, r->op->param, r->body.mem.p ? r->body.mem.p : "");
	db_unlock();
	r->status = kinds[kind_of(r)].put_status;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}

int op_put_conf(struct req *r)
{
	size_t k = kind_of(r);

	if (kinds[k].root) {
		xmlDoc *doc = xml_parse(r, kinds[k].root);
		if (!doc)
			return -1;
		xmlFreeDoc(doc);
	} else if (!r->body.mem.len || r->body.mem.p[strspn(r->body.mem.p, " \t\r\n")] != '{') {
		return req_fail(r, "MalformedPolicy",
				"Policies must be valid JSON and the first byte"
				" must be '{'");
	}
	return store_conf(r);
}

int op_delete_conf(struct req *r)
{
	db_lock();
	int rc = bucket_conf_put(r->bucket, r->op->param, NULL);
	db_unlock();
	r->status = 204;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}

int op_put_bucket_tagging(struct req *r)
{
	char *tags = NULL;

	if (tags_from_xml(r, 50, &tags))
		return -1;
	free(tags);
	return store_conf(r);
}

static bool one_of(const char *s, const char *a, const char *b)
{
	return s && (!strcmp(s, a) || !strcmp(s, b));
}

int op_put_lifecycle(struct req *r)
{
	xmlDoc *doc = xml_parse(r, "LifecycleConfiguration");

	if (!doc)
		return -1;
	int n = 0;
	bool ok = true;
	for (xmlNode *rule = xml_child(xmlDocGetRootElement(doc), "Rule"); rule;
	     rule = xml_next(rule, "Rule"), n++) {
		char *status = xml_text(rule, "Status");
		ok = ok && one_of(status, "Enabled", "Disabled") &&
		     (xml_child(rule, "Filter") || xml_child(rule, "Prefix"));
		free(status);
	}
	xmlFreeDoc(doc);
	if (!ok || !n || n > 1000)
		return xml_bad(r);
	return store_conf(r);
}

int op_put_object_lock_conf(struct req *r)
{
	xmlDoc *doc = xml_parse(r, "ObjectLockConfiguration");

	if (!doc)
		return -1;
	xmlNode *root = xmlDocGetRootElement(doc);
	char *enabled = xml_text(root, "ObjectLockEnabled");
	xmlNode *rule = xml_child(root, "Rule"), *def = xml_child(rule, "DefaultRetention");
	char *mode = xml_text(def, "Mode");
	bool days = xml_child(def, "Days"), years = xml_child(def, "Years");
	bool ok = str_eq(enabled, "Enabled") &&
		  (!rule || (one_of(mode, "GOVERNANCE", "COMPLIANCE") && days != years));
	free(enabled);
	free(mode);
	xmlFreeDoc(doc);
	if (!ok)
		return xml_bad(r);
	if (r->b.versioning != VERSIONING_ENABLED)
		return req_fail(r, "InvalidBucketState",
				"Versioning must be 'Enabled' on the bucket to"
				" apply a Object Lock configuration");
	db_lock();
	int rc = db_run("UPDATE buckets SET object_lock=1 WHERE name=?", "s", r->bucket);
	db_unlock();
	return rc ? req_fail(r, "InternalError", "The index failed.") : store_conf(r);
}

/* ---- replication ---- */

struct rules {
	struct req *r;
	bool v1, v2;
	char *ids[1000];
	char *targets[1000]; /* priority and bucket */
	size_t nids, ntargets;
};

static bool remember(char **list, size_t *n, char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], text)) {
			free(text);
			return false;
		}
	list[(*n)++] = text;
	return true;
}

static int invalid(struct req *r, const char *why)
{
	return req_fail(r, "InvalidRequest", why);
}

/* A destination on this server must exist and be versioned; another server's is believed. */
static int check_destination(struct rules *s, const char *arn)
{
	struct bucket b;

	if (!starts_with(arn, "arn:aws:s3:::") || !arn[13] || strchr(arn + 13, '/'))
		return req_fail(s->r, "InvalidArgument", "Invalid bucket ARN.");
	db_lock();
	int missing = bucket_find(arn + 13, &b);
	db_unlock();
	if (!strcmp(arn + 13, s->r->bucket))
		return invalid(s->r, "Destination bucket cannot be the same as the source bucket.");
	if (!missing && b.versioning != VERSIONING_ENABLED)
		return invalid(s->r, "Destination bucket must have versioning enabled.");
	return 0;
}

static int check_filter(struct rules *s, xmlNode *rule, xmlNode *filter)
{
	char *priority = xml_text(rule, "Priority"), *marker;
	int64_t n;
	bool bad = priority && parse_int(priority, 0, INT32_MAX, &n);
	int children = 0;

	free(priority);
	for (xmlNode *c = xml_child(filter, NULL); c; c = xml_next(c, NULL)) {
		const char *name = (const char *)c->name;
		children++;
		if (strcmp(name, "Prefix") && strcmp(name, "Tag") && strcmp(name, "And"))
			bad = true;
	}
	if (bad || children > 1 || xml_child(rule, "Prefix"))
		return xml_bad(s->r);
	if (!xml_child(rule, "Priority"))
		return invalid(s->r,
			       "Priority must be specified for the rule when Filter is used.");
	xmlNode *dmr = xml_child(rule, "DeleteMarkerReplication");
	if (!dmr)
		return invalid(s->r, "DeleteMarkerReplication must be specified for this version of"
				     " Cross Region Replication configuration schema.");
	marker = xml_text(dmr, "Status");
	bad = !one_of(marker, "Enabled", "Disabled");
	bool enabled = str_eq(marker, "Enabled");
	free(marker);
	xmlNode *and = xml_child(filter, "And");
	if (bad || (and&&!xml_child(and, "Tag")))
		return xml_bad(s->r);
	if (enabled && (xml_child(filter, "Tag") || (and&&xml_child(and, "Tag"))))
		return invalid(s->r,
			       "Delete marker replication is not supported if any Tag filter is"
			       " specified.");
	return 0;
}

static int check_rule(struct rules *s, xmlNode *rule)
{
	xmlNode *filter = xml_child(rule, "Filter"), *dest = xml_child(rule, "Destination");
	char *status = xml_text(rule, "Status"), *arn = xml_text(dest, "Bucket");
	char *id = xml_text(rule, "ID"), *priority = xml_text(rule, "Priority");
	int rc = 0;

	if (!one_of(status, "Enabled", "Disabled") || !arn || (id && utf16_length(id) > 255))
		rc = xml_bad(s->r);
	else if (filter ? check_filter(s, rule, filter)
			: !xml_child(rule, "Prefix") && xml_bad(s->r))
		rc = -1;
	else if (!filter && (priority || xml_child(rule, "DeleteMarkerReplication")))
		rc = xml_bad(s->r);
	else if (id && *id && !remember(s->ids, &s->nids, x_strdup(id)))
		rc = req_fail(s->r, "InvalidArgument",
			      "Rule Id must be unique. Found same Id for more"
			      " than one rule");
	else if (filter && !remember(s->targets, &s->ntargets, x_asprintf("%s %s", priority, arn)))
		rc = invalid(s->r,
			     "Found duplicate priority. Rules with the same destination must have"
			     " different priorities.");
	else
		rc = check_destination(s, arn);
	s->v1 = s->v1 || !filter;
	s->v2 = s->v2 || filter;
	free(status);
	free(arn);
	free(id);
	free(priority);
	return rc;
}

static int check_rules(struct rules *s, xmlNode *root)
{
	char *role = xml_text(root, "Role");
	bool has_role = role && *role;
	int n = 0, rc = 0;

	free(role);
	for (xmlNode *c = xml_child(root, NULL); c; c = xml_next(c, NULL))
		if (strcmp((const char *)c->name, "Role") && strcmp((const char *)c->name, "Rule"))
			return xml_bad(s->r);
	for (xmlNode *rule = xml_child(root, "Rule"); rule && !rc; rule = xml_next(rule, "Rule"))
		rc = ++n > 1000 ? invalid(s->r, "The number of rules must not exceed 1000.")
				: check_rule(s, rule);
	if (rc)
		return rc;
	if (!has_role || !n)
		return xml_bad(s->r);
	if (s->v1 && s->v2)
		return invalid(s->r, "Filter must be specified for all rules, or for none.");
	return 0;
}

int op_put_replication(struct req *r)
{
	if (r->b.versioning != VERSIONING_ENABLED)
		return invalid(r,
			       "Versioning must be 'Enabled' on the bucket to apply a replication"
			       " configuration");
	xmlDoc *doc = xml_parse(r, "ReplicationConfiguration");
	if (!doc)
		return -1;
	struct rules *s = x_calloc(1, sizeof(*s));
	s->r = r;
	int rc = check_rules(s, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	for (size_t i = 0; i < s->nids; i++)
		free(s->ids[i]);
	for (size_t i = 0; i < s->ntargets; i++)
		free(s->targets[i]);
	free(s);
	return rc ? -1 : store_conf(r);
}
