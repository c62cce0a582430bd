/* PutObject, DeleteObject, DeleteObjects. */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/tree.h>

int op_put_object_pre(struct req *r)
{
	if (minio_version_id(r, &r->v) || attrs_from_headers(r, &r->v))
		return -1;
	db_lock();
	int rc = cond_write(r);
	db_unlock();
	return rc;
}

/* Puts r->v in place; on failure the new file goes, else the one that was replaced. */
static int commit(struct req *r)
{
	struct bucket b;
	char *old = NULL;

	db_lock();
	int rc = bucket_find(r->bucket, &b) ? req_fail(r, "NoSuchBucket",
						       "The specified bucket does"
						       " not exist")
					    : cond_write(r);
	if (!rc)
		rc = minio_check_duplicate(r, &r->v);
	if (!rc) {
		rc = db_begin();
		if (!rc)
			rc = ver_insert(&b, &r->v, &old);
		if (!rc)
			rc = db_commit();
		if (rc) {
			db_rollback();
			req_fail(r, "InternalError", "The index failed.");
		}
	}
	db_unlock();
	data_unlink(rc ? r->v.file : old);
	free(old);
	r->b = b;
	return rc ? -1 : 0;
}

int op_put_object(struct req *r)
{
	char file[33];
	bool has_file;

	if (minio_mtime(r, &r->v) || body_store(r, file, &has_file))
		return -1;
	r->v.file = has_file ? x_strdup(file) : NULL;
	r->v.size = r->body.size;
	r->v.etag = minio_etag(r) ? x_strdup(minio_etag(r)) : sse_etag(r->v.meta, r->body.md5_hex);
	if (r->body.csum_value)
		r->v.csum = x_asprintf("%s=%s", csum_names[r->body.csum.alg], r->body.csum_value);
	if (commit(r))
		return -1;
	r->status = 200;
	req_setf(r, "ETag", "\"%s\"", r->v.etag);
	set_version_header(r, &r->b, &r->v);
	sse_answer(r, r->v.meta);
	if (r->body.csum_value) {
		char name[40];
		snprintf(name, sizeof(name), "x-amz-checksum-%s", csum_names[r->body.csum.alg]);
		req_set(r, name, r->body.csum_value);
		req_set(r, "x-amz-checksum-type", "FULL_OBJECT");
	}
	return 0;
}

struct removal {
	const char *key, *vid;
	bool make_marker; /* of this vid, by a replicating client */
	bool made_marker, was_marker, denied;
	char result_vid[40];
	char *file; /* to unlink after the commit */
};

/* Removes one version for good. Needs db_lock, inside a transaction. */
static int remove_version(struct req *r, struct removal *d)
{
	struct ver v;

	snprintf(d->result_vid, sizeof(d->result_vid), "%s", d->vid);
	if (ver_find(r->bucket, d->key, d->vid, &v))
		return 0;
	lock_check_delete(r, &v, &d->denied);
	int rc = 0;
	if (!d->denied) {
		d->was_marker = v.marker;
		d->file = x_strdup(v.file);
		rc = ver_remove(r->bucket, &v);
	}
	ver_free(&v);
	return rc;
}

/* Without a version id: a marker on top, or in a bucket never versioned the object itself. */
static int remove_current(struct req *r, struct removal *d, const struct bucket *b)
{
	struct ver v;

	if (b->versioning == VERSIONING_NEVER) {
		if (ver_find(r->bucket, d->key, NULL, &v))
			return 0;
		d->file = x_strdup(v.file);
		int rc = ver_remove(r->bucket, &v);
		ver_free(&v);
		return rc;
	}
	v = (struct ver){ .marker = true };
	if (minio_mtime(r, &v))
		return -1;
	v.vid = d->make_marker ? x_strdup(d->vid) : NULL;
	v.key = x_strdup(d->key);
	v.owner = x_strdup(r->who->owner);
	v.class = x_strdup("STANDARD");
	v.etag = x_strdup("");
	int rc = ver_insert(b, &v, &d->file);
	d->made_marker = true;
	snprintf(d->result_vid, sizeof(d->result_vid), "%s", v.vid);
	ver_free(&v);
	return rc;
}

static int remove_one(struct req *r, struct removal *d)
{
	struct bucket b;

	if (bucket_find(r->bucket, &b))
		return req_fail(r, "NoSuchBucket", "The specified bucket does not exist");
	bool for_good = d->vid && !d->make_marker;
	int rc = for_good ? remove_version(r, d) : remove_current(r, d, &b);
	if (r->failed)
		return -1;
	return rc ? req_fail(r, "InternalError", "The index failed.") : 0;
}

static int denied(struct req *r)
{
	return req_fail(r, "AccessDenied",
			"Access Denied because object protected by object lock.");
}

int op_delete_object(struct req *r)
{
	struct removal d = { .key = r->key, .vid = req_param(r, "versionId") };

	d.make_marker = d.vid && minio_wants_marker(r);
	if (d.vid && !vid_valid(d.vid))
		return req_fail_x(r, "InvalidArgument", "Invalid version id specified",
				  "ArgumentName", "versionId", "ArgumentValue", d.vid, NULL);
	db_lock();
	int rc = req_header(r, "If-Match") ? cond_write(r) : 0;
	if (!rc) {
		rc = db_begin() ? req_fail(r, "InternalError", "The index failed.")
				: remove_one(r, &d);
		if (!rc && db_commit())
			rc = req_fail(r, "InternalError", "The index failed.");
		if (rc)
			db_rollback();
	}
	db_unlock();
	if (!rc)
		data_unlink(d.file);
	free(d.file);
	if (rc)
		return rc;
	if (d.denied)
		return denied(r);
	r->status = 204;
	if (d.made_marker || d.was_marker)
		req_set(r, "x-amz-delete-marker", "true");
	if (d.result_vid[0])
		req_set(r, "x-amz-version-id", d.result_vid);
	return 0;
}

static void report(struct req *r, const struct removal *d, bool quiet, const char *code,
		   const char *message)
{
	struct buf *b = &r->out;

	if (code) {
		buf_str(b, "<Error>");
		xml_elem(b, "Key", d->key);
		xml_elem(b, "VersionId", d->vid);
		xml_elem(b, "Code", code);
		xml_elem(b, "Message", message);
		buf_str(b, "</Error>");
		return;
	}
	if (quiet)
		return;
	buf_str(b, "<Deleted>");
	xml_elem(b, "Key", d->key);
	xml_elem(b, "VersionId", d->vid);
	if (d->made_marker || d->was_marker) {
		xml_elem(b, "DeleteMarker", "true");
		xml_elem(b, "DeleteMarkerVersionId", d->result_vid);
	}
	buf_str(b, "</Deleted>");
}

static int remove_listed(struct req *r, xmlNode *object, bool quiet, char **ret_file)
{
	char *key = xml_text(object, "Key"), *vid = xml_text(object, "VersionId");
	struct removal d = { .key = key, .vid = vid };
	int rc = 0;

	if (!key || !*key) {
		rc = xml_bad(r);
	} else if (strlen(key) > 1024) {
		report(r, &d, quiet, "KeyTooLongError", "Your key is too long");
	} else if (vid && !vid_valid(vid)) {
		report(r, &d, quiet, "NoSuchVersion", "The specified version does not exist.");
	} else {
		rc = remove_one(r, &d);
		if (!rc && d.denied)
			report(r, &d, quiet, "AccessDenied",
			       "Access Denied because object protected by"
			       " object lock.");
		else if (!rc)
			report(r, &d, quiet, NULL, NULL);
		*ret_file = d.file;
	}
	free(key);
	free(vid);
	return rc;
}

static int remove_all(struct req *r, xmlNode *root)
{
	char *files[1000] = { NULL }, *quiet = xml_text(root, "Quiet");
	bool q = quiet && !strcasecmp(quiet, "true");
	int n = 0;

	free(quiet);
	for (xmlNode *o = xml_child(root, "Object"); o; o = xml_next(o, "Object"))
		n++;
	if (!n || n > 1000)
		return xml_bad(r);
	n = 0;
	xml_begin(r, "DeleteResult");
	db_lock();
	int rc = db_begin() ? req_fail(r, "InternalError", "The index failed.") : 0;
	for (xmlNode *o = xml_child(root, "Object"); o && !rc; o = xml_next(o, "Object"))
		rc = remove_listed(r, o, q, &files[n++]);
	if (!rc && db_commit())
		rc = req_fail(r, "InternalError", "The index failed.");
	if (rc)
		db_rollback();
	db_unlock();
	for (int i = 0; i < n; i++) {
		if (!rc)
			data_unlink(files[i]);
		free(files[i]);
	}
	if (!rc)
		xml_end(r, "DeleteResult");
	return rc;
}

int op_delete_objects(struct req *r)
{
	if (body_needs_digest(r))
		return -1;
	xmlDoc *doc = xml_parse(r, "Delete");
	if (!doc)
		return -1;
	int rc = remove_all(r, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	return rc;
}
