/* The service and its buckets. */
#include "s3d.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/tree.h>

/* One element with ID and DisplayName. */
void xml_owner(struct buf *b, const char *element, const char *owner)
{
	char id[65];

	canonical_id(owner ? owner : "", id);
	buf_fmt(b, "<%s>", element);
	xml_elem(b, "ID", id);
	xml_elem(b, "DisplayName", owner ? owner : "");
	buf_fmt(b, "</%s>", element);
}

int op_list_buckets(struct req *r)
{
	xml_begin(r, "ListAllMyBucketsResult");
	xml_owner(&r->out, "Owner", r->who->owner);
	buf_str(&r->out, "<Buckets>");
	db_lock();
	sqlite3_stmt *st = db_query("SELECT name, created, region FROM buckets WHERE owner=?"
				    " ORDER BY name",
				    "s", r->who->owner);
	while (sqlite3_step(st) == SQLITE_ROW) {
		char when[40];
		time_iso(sqlite3_column_int64(st, 1), when);
		buf_str(&r->out, "<Bucket>");
		xml_elem(&r->out, "Name", (const char *)sqlite3_column_text(st, 0));
		xml_elem(&r->out, "CreationDate", when);
		xml_elem(&r->out, "BucketRegion", (const char *)sqlite3_column_text(st, 2));
		buf_str(&r->out, "</Bucket>");
	}
	db_done(st);
	db_unlock();
	buf_str(&r->out, "</Buckets>");
	xml_end(r, "ListAllMyBucketsResult");
	return 0;
}

static bool name_valid(const char *s)
{
	size_t n = strlen(s);

	if (n < 3 || n > 63 || strstr(s, "..") || starts_with(s, "xn--"))
		return false;
	int dots = 0;
	bool digits = true;
	for (size_t i = 0; i < n; i++) {
		bool edge = i == 0 || i == n - 1;
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    (edge || (s[i] != '-' && s[i] != '.')))
			return false;
		dots += s[i] == '.';
		digits = digits && (isdigit((unsigned char)s[i]) || s[i] == '.');
	}
	return !(digits && dots == 3);
}

/* The region to create in, from the body; "" when an error was answered. */
static int create_region(struct req *r, char region[32])
{
	const char *base = conf.regions[0];
	char *constraint = NULL;

	if (r->body.mem.len) {
		xmlDoc *doc = xml_parse(r, "CreateBucketConfiguration");
		if (!doc)
			return -1;
		constraint = xml_text(xmlDocGetRootElement(doc), "LocationConstraint");
		xmlFreeDoc(doc);
	}
	int rc = 0;
	bool classic = !strcmp(base, "us-east-1");
	if (constraint && (!*constraint || strlen(constraint) > 31 ||
			   (classic && !strcmp(constraint, "us-east-1"))))
		rc = req_fail_x(r, "InvalidLocationConstraint",
				"The specified location-constraint is"
				" not valid",
				"LocationConstraint", constraint, NULL);
	else if (!classic && (!constraint || !region_served(constraint)))
		rc = req_fail(r, "IllegalLocationConstraintException",
			      "The location constraint is"
			      " incompatible for the region specific endpoint this request was sent"
			      " to.");
	else
		snprintf(region, 32, "%s", constraint ? constraint : base);
	free(constraint);
	return rc;
}

static int create_conflict(struct req *r, const struct bucket *old)
{
	if (strcmp(old->owner, r->who->owner))
		return req_fail(r, "BucketAlreadyExists",
				"The requested bucket name is not available."
				" The bucket namespace is shared by all users of the system. Please"
				" select a different name and try again.");
	if (strcmp(old->region, "us-east-1"))
		return req_fail_x(r, "BucketAlreadyOwnedByYou",
				  "Your previous request to create the"
				  " named bucket succeeded and you already own it.",
				  "BucketName", old->name, NULL);
	return 0;
}

int op_create_bucket(struct req *r)
{
	struct bucket b = { .created = now_ms() }, old;
	const char *lock = req_header(r, "x-amz-bucket-object-lock-enabled");
	char *acl = NULL;

	if (!name_valid(r->bucket))
		return req_fail_x(r, "InvalidBucketName", "The specified bucket is not valid.",
				  "BucketName", r->bucket, NULL);
	if (create_region(r, b.region) || acl_from_headers(r, r->who->owner, &acl))
		return -1;
	snprintf(b.name, sizeof(b.name), "%s", r->bucket);
	snprintf(b.owner, sizeof(b.owner), "%s", r->who->owner);
	if (lock && !strcasecmp(lock, "true")) {
		b.object_lock = true;
		b.versioning = VERSIONING_ENABLED;
	}
	db_lock();
	int rc;
	if (!bucket_find(b.name, &old)) {
		rc = create_conflict(r, &old);
	} else {
		rc = bucket_insert(&b);
		if (!rc && acl)
			rc = bucket_conf_put(b.name, "acl", acl);
	}
	db_unlock();
	free(acl);
	if (rc)
		return r->failed ? -1 : req_fail(r, "InternalError", "The index failed.");
	r->status = 200;
	req_setf(r, "Location", "/%s", b.name);
	return 0;
}

int op_delete_bucket(struct req *r)
{
	bool busy = false;
	int rc = 0;

	db_lock();
	sqlite3_stmt *st =
		db_query("SELECT 1 FROM versions WHERE bucket=? LIMIT 1", "s", r->bucket);
	busy = sqlite3_step(st) == SQLITE_ROW;
	db_done(st);
	st = db_query("SELECT 1 FROM uploads WHERE bucket=? LIMIT 1", "s", r->bucket);
	busy = busy || sqlite3_step(st) == SQLITE_ROW;
	db_done(st);
	if (!busy) {
		rc = db_begin();
		if (!rc)
			rc = db_run("DELETE FROM buckets WHERE name=?", "s", r->bucket);
		if (!rc)
			rc = db_run("DELETE FROM conf WHERE bucket=?", "s", r->bucket);
		if (!rc)
			rc = db_commit();
		else
			db_rollback();
	}
	db_unlock();
	if (busy)
		return req_fail(r, "BucketNotEmpty",
				"The bucket you tried to delete is not empty."
				" You must delete all versions in the bucket.");
	r->status = 204;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}

int op_head_bucket(struct req *r)
{
	req_set(r, "x-amz-bucket-region", r->b.region);
	req_set(r, "x-amz-access-point-alias", "false");
	req_set(r, "Content-Type", "application/xml");
	r->status = 200;
	return 0;
}

int op_get_location(struct req *r)
{
	xml_begin(r, "LocationConstraint");
	if (strcmp(r->b.region, "us-east-1"))
		xml_escape(&r->out, r->b.region);
	xml_end(r, "LocationConstraint");
	return 0;
}

int op_get_versioning(struct req *r)
{
	xml_begin(r, "VersioningConfiguration");
	if (r->b.versioning)
		xml_elem(&r->out, "Status",
			 r->b.versioning == VERSIONING_ENABLED ? "Enabled" : "Suspended");
	xml_end(r, "VersioningConfiguration");
	return 0;
}

static int change_versioning(struct req *r, enum versioning to)
{
	struct bucket b;
	int rc = 0;

	db_lock();
	char *replication = bucket_conf_get(r->bucket, "replication");
	if (to == VERSIONING_SUSPENDED && replication)
		rc = req_fail(r, "InvalidBucketState",
			      "A replication configuration is present on this"
			      " bucket, so you cannot change the versioning state. To change the"
			      " versioning state, first delete the replication configuration.");
	else if (to == VERSIONING_SUSPENDED && !bucket_find(r->bucket, &b) && b.object_lock)
		rc = req_fail(r, "InvalidBucketState",
			      "An Object Lock configuration is present on this"
			      " bucket, so the versioning state cannot be changed.");
	else if (db_run("UPDATE buckets SET versioning=? WHERE name=?", "is", (int64_t)to,
			r->bucket))
		rc = req_fail(r, "InternalError", "The index failed.");
	db_unlock();
	free(replication);
	return rc;
}

int op_put_versioning(struct req *r)
{
	xmlDoc *doc = xml_parse(r, "VersioningConfiguration");

	if (!doc)
		return -1;
	char *status = xml_text(xmlDocGetRootElement(doc), "Status");
	xmlFreeDoc(doc);
	int rc;
	if (status && !strcmp(status, "Enabled"))
		rc = change_versioning(r, VERSIONING_ENABLED);
	else if (status && !strcmp(status, "Suspended"))
		rc = change_versioning(r, VERSIONING_SUSPENDED);
	else if (status)
		rc = xml_bad(r);
	else
		rc = req_fail(r, "IllegalVersioningConfigurationException",
			      "The Versioning element"
			      " must be specified");
	free(status);
	if (!rc)
		r->status = 200;
	return rc;
}

int op_get_bucket_acl(struct req *r)
{
	db_lock();
	char *acl = bucket_conf_get(r->bucket, "acl");
	db_unlock();
	acl_to_xml(&r->out, r->b.owner, acl);
	free(acl);
	req_set(r, "Content-Type", "application/xml");
	r->status = 200;
	return 0;
}

int op_put_bucket_acl(struct req *r)
{
	char *acl = NULL;

	if (r->body.mem.len ? acl_from_xml(r, &acl) : acl_from_headers(r, r->b.owner, &acl))
		return -1;
	db_lock();
	int rc = bucket_conf_put(r->bucket, "acl", acl);
	db_unlock();
	free(acl);
	r->status = 200;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}
