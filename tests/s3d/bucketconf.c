/* Configurations of buckets: checked lightly, stored, given back. Replication: replication.c. */
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
	if (body_needs_digest(r))
		return -1;
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
	if (body_needs_digest(r))
		return -1;
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
