/* CopyObject, and finding the source of a copy. */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad_source(struct req *r)
{
	return req_fail_x(r, "InvalidArgument",
			  "Copy Source must mention the source bucket and key:"
			  " sourcebucket/sourcekey",
			  "ArgumentName", "x-amz-copy-source", "ArgumentValue",
			  req_header(r, "x-amz-copy-source"), NULL);
}

/* [/]BUCKET/KEY[?versionId=ID], URL-encoded */
int copy_source_parse(struct req *r, struct copy_source *s)
{
	const char *h = req_header(r, "x-amz-copy-source");

	h += *h == '/' || starts_with(h, "%2F");
	if (starts_with(h, "2F"))
		h += 2;
	const char *query = strstr(h, "?versionId=");
	size_t n = query ? (size_t)(query - h) : strlen(h);
	if (query)
		s->vid = url_decode(query + 11, strlen(query + 11), true);
	char *name = url_decode(h, n, true);
	char *slash = name ? strchr(name, '/') : NULL;
	if (!slash || slash == name || !slash[1] || !utf8_valid(name) || slash - name > 63) {
		free(name);
		return bad_source(r);
	}
	*slash = 0;
	s->bucket = name;
	s->key = slash + 1;
	return 0;
}

/* Finds and checks the source version. Needs db_lock. */
int copy_source_find(struct req *r, struct copy_source *s)
{
	const char *owner = req_header(r, "x-amz-source-expected-bucket-owner");
	bool unused;

	if (bucket_find(s->bucket, &s->b))
		return req_fail_x(r, "NoSuchBucket", "The specified bucket does not exist",
				  "BucketName", s->bucket, NULL);
	if (owner && strcmp(owner, s->b.owner))
		return req_fail(r, "AccessDenied", "Access Denied");
	if (find_version(r, s->bucket, s->key, s->vid, &s->v))
		return -1;
	if (s->v.marker)
		return s->vid ? req_fail(r, "InvalidRequest",
					 "The source of a copy request may not"
					 " specifically refer to a delete marker by version id.")
			      : req_fail(r, "NoSuchKey", "The specified key does not exist.");
	struct bucket own = r->b;
	r->b = s->b;
	bool ok = access_object(r, &s->v, "READ");
	r->b = own;
	if (!ok)
		return req_fail(r, "AccessDenied", "Access Denied");
	if (archived(&s->v))
		return req_fail(r, "InvalidObjectState",
				"Operation is not valid for the source object's"
				" storage class");
	return sse_check_read(r, &s->v, true) ? -1 : cond_read(r, &s->v, true, &unused);
}

void copy_source_free(struct copy_source *s)
{
	free(s->bucket);
	free(s->vid);
	ver_free(&s->v);
}

static int directive(struct req *r, const char *header, bool *ret_replace)
{
	const char *h = req_header(r, header);

	*ret_replace = h && !strcmp(h, "REPLACE");
	if (!h || *ret_replace || !strcmp(h, "COPY"))
		return 0;
	return req_fail_x(r, "InvalidArgument", "Unknown directive.", "ArgumentName", header,
			  "ArgumentValue", h, NULL);
}

int op_copy_object_pre(struct req *r)
{
	bool unused;

	if (directive(r, "x-amz-metadata-directive", &unused) ||
	    directive(r, "x-amz-tagging-directive", &unused))
		return -1;
	return attrs_from_headers(r, &r->v);
}

/* Takes from the source what the directives do not replace. */
static int take_attributes(struct req *r, const struct copy_source *s)
{
	bool meta, tags;
	const struct ver *v = &s->v;

	directive(r, "x-amz-metadata-directive", &meta);
	directive(r, "x-amz-tagging-directive", &tags);
	bool self = !strcmp(s->bucket, r->bucket) && !strcmp(s->key, r->key) && !s->vid;
	if (self && !meta && !req_header(r, "x-amz-storage-class") &&
	    !req_header(r, "x-amz-website-redirect-location") &&
	    !req_header(r, "x-amz-server-side-encryption") &&
	    !req_header(r, "x-amz-server-side-encryption-customer-algorithm"))
		return req_fail(
			r, "InvalidRequest",
			"This copy request is illegal because it is trying to"
			" copy an object to itself without changing the object's metadata,"
			" storage class, website redirect location or encryption attributes.");
	if (v->size > 5 * GIB)
		return req_fail(r, "InvalidRequest",
				"The specified copy source is larger than the maximum"
				" allowable size for a copy source: 5368709120");
	if (!meta) {
		char *own = r->v.meta;
		r->v.meta = meta_take_over(v->meta, own);
		free(own);
	}
	if (!tags) {
		free(r->v.tags);
		r->v.tags = x_strdup(v->tags);
	}
	return 0;
}

/* Links the source's file. Needs db_lock. */
static int take_body(struct req *r, const struct copy_source *s)
{
	char file[33];

	if (minio_mtime(r, &r->v))
		return -1;
	r->v.size = s->v.size;
	r->v.csum = s->v.csum && !strstr(s->v.csum, " COMPOSITE") ? x_strdup(s->v.csum) : NULL;
	if (!strchr(s->v.etag, '-') && !sse_hides_md5(s->v.meta) && !sse_hides_md5(r->v.meta))
		r->v.etag = x_strdup(s->v.etag);
	if (!s->v.file)
		return 0;
	if (data_link(s->v.file, file))
		return req_fail(r, "InternalError", "The body could not be copied.");
	r->v.file = x_strdup(file);
	return 0;
}

static int commit(struct req *r, char **ret_old)
{
	struct bucket b;

	if (bucket_find(r->bucket, &b))
		return req_fail(r, "NoSuchBucket", "The specified bucket does not exist");
	if (cond_write(r))
		return -1;
	int rc = db_begin();
	if (!rc)
		rc = ver_insert(&b, &r->v, ret_old);
	if (!rc)
		rc = db_commit();
	if (rc) {
		db_rollback();
		return req_fail(r, "InternalError", "The index failed.");
	}
	r->b = b;
	return 0;
}

static int copy(struct req *r, struct copy_source *s, char **ret_old)
{
	db_lock();
	int rc = copy_source_find(r, s);
	if (!rc)
		rc = take_attributes(r, s);
	if (!rc)
		rc = take_body(r, s);
	db_unlock();
	/* the copy of a multipart or encrypted object has an ETag of its own */
	char hex[33];
	if (!rc && !r->v.etag) {
		if (data_md5(r->v.file, 0, r->v.size, hex))
			rc = req_fail(r, "InternalError", "The body could not be read.");
		r->v.etag = sse_etag(r->v.meta, hex);
	}
	if (rc)
		return rc;
	db_lock();
	rc = commit(r, ret_old);
	db_unlock();
	return rc;
}

int op_copy_object(struct req *r)
{
	struct copy_source s = { 0 };
	char *old = NULL, when[40];

	if (copy_source_parse(r, &s)) {
		copy_source_free(&s);
		return -1;
	}
	int rc = copy(r, &s, &old);
	data_unlink(rc ? r->v.file : old);
	free(old);
	if (!rc) {
		if (s.b.versioning != VERSIONING_NEVER)
			req_set(r, "x-amz-copy-source-version-id", s.v.vid);
		set_version_header(r, &r->b, &r->v);
		sse_answer(r, r->v.meta);
		char *etag = x_asprintf("\"%s\"", r->v.etag);
		time_iso(r->v.mtime, when);
		xml_begin(r, "CopyObjectResult");
		xml_elem(&r->out, "LastModified", when);
		xml_elem(&r->out, "ETag", etag);
		xml_end(r, "CopyObjectResult");
		free(etag);
	}
	copy_source_free(&s);
	return rc;
}
