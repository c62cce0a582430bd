/* CreateMultipartUpload, UploadPart, UploadPartCopy. */
#include "mpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int no_such_upload(struct req *r)
{
	return req_fail_x(r, "NoSuchUpload",
			  "The specified upload does not exist. The upload ID may be"
			  " invalid, or the upload may have been aborted or completed.",
			  "UploadId", req_param(r, "uploadId"), NULL);
}

int upload_find(struct req *r, struct upload *ret)
{
	sqlite3_stmt *st =
		db_query("SELECT created, owner, initiator, meta, tags, acl, class, csum,"
			 " lock_mode, lock_until, hold, busy, vid, etag FROM uploads WHERE id=?"
			 " AND bucket=? AND key=?",
			 "sss", req_param(r, "uploadId"), r->bucket, r->key);
	bool found = sqlite3_step(st) == SQLITE_ROW;

	*ret = (struct upload){ 0 };
	if (found) {
		snprintf(ret->id, sizeof(ret->id), "%s", req_param(r, "uploadId"));
		ret->created = sqlite3_column_int64(st, 0);
		ret->owner = db_text(st, 1);
		ret->initiator = db_text(st, 2);
		ret->meta = db_text(st, 3);
		ret->tags = db_text(st, 4);
		ret->acl = db_text(st, 5);
		ret->class = db_text(st, 6);
		ret->csum = db_text(st, 7);
		ret->lock_mode = db_text(st, 8);
		ret->lock_until = sqlite3_column_int64(st, 9);
		ret->hold = sqlite3_column_int(st, 10);
		ret->busy = sqlite3_column_int(st, 11);
		ret->vid = db_text(st, 12);
		ret->etag = db_text(st, 13);
	}
	db_done(st);
	return found ? 0 : no_such_upload(r);
}

void upload_free(struct upload *u)
{
	free(u->owner);
	free(u->initiator);
	free(u->meta);
	free(u->tags);
	free(u->acl);
	free(u->class);
	free(u->csum);
	free(u->lock_mode);
	free(u->vid);
	free(u->etag);
}

int part_number(struct req *r, int64_t *ret)
{
	const char *text = req_param(r, "partNumber");

	if (!parse_int(text, 1, 10000, ret))
		return 0;
	return req_fail_x(r, "InvalidArgument",
			  "Part number must be an integer between 1 and 10000,"
			  " inclusive",
			  "ArgumentName", "partNumber", "ArgumentValue", text, NULL);
}

int op_create_upload_pre(struct req *r)
{
	if (minio_version_id(r, &r->v) || attrs_from_headers(r, &r->v))
		return -1;
	db_lock();
	int rc = minio_check_duplicate(r, &r->v);
	db_unlock();
	return rc;
}

/* "ALG" or "ALG FULL_OBJECT" from the headers; NULL without. */
static int upload_checksum(struct req *r, char **ret)
{
	const char *alg = req_header(r, "x-amz-checksum-algorithm");
	const char *type = req_header(r, "x-amz-checksum-type");

	if (r->lacks & LACK_CHECKSUM)
		return 0;
	if (!alg) {
		if (type)
			return req_fail(r, "InvalidRequest",
					"The x-amz-checksum-type header can only be"
					" used with the x-amz-checksum-algorithm header.");
		return 0;
	}
	enum csum_alg a = csum_by_name(alg);
	if (!a)
		return req_fail(r, "InvalidRequest",
				"Checksum algorithm provided is unsupported. Please"
				" try again with any of the valid types: [CRC32, CRC32C, CRC64NVME,"
				" SHA1, SHA256]");
	if (r->lacks & LACK_FULL_OBJECT)
		type = NULL;
	bool full = type ? !strcmp(type, "FULL_OBJECT") : a == CSUM_CRC64NVME;
	if (type && !full && strcmp(type, "COMPOSITE"))
		return req_fail(r, "InvalidRequest",
				"Value for x-amz-checksum-type header is invalid.");
	if ((full && (a == CSUM_SHA1 || a == CSUM_SHA256)) || (!full && a == CSUM_CRC64NVME))
		return req_fail(r, "InvalidRequest",
				"The checksum type cannot be used with the"
				" checksum algorithm.");
	*ret = x_asprintf("%s%s", csum_names[a], full ? " FULL_OBJECT" : "");
	req_set(r, "x-amz-checksum-algorithm", alg);
	if (!(r->lacks & LACK_FULL_OBJECT))
		req_set(r, "x-amz-checksum-type", full ? "FULL_OBJECT" : "COMPOSITE");
	return 0;
}

enum csum_alg upload_alg(const char *csum)
{
	char *alg = csum ? x_strndup(csum, strcspn(csum, " ")) : NULL;
	enum csum_alg a = alg ? csum_by_name(alg) : CSUM_NONE;

	free(alg);
	return a;
}

int op_create_upload(struct req *r)
{
	const struct ver *v = &r->v;
	char id[33], *csum = NULL;

	if (upload_checksum(r, &csum))
		return -1;
	random_id(id);
	db_lock();
	int rc =
		db_run("INSERT INTO uploads(id, bucket, key, created, owner, initiator, meta, tags,"
		       " acl, class, csum, lock_mode, lock_until, hold, vid, etag, busy)"
		       " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
		       "sssi"
		       "ssssssss"
		       "iiss",
		       id, r->bucket, r->key, now_ms(), v->owner, r->who->owner, v->meta, v->tags,
		       v->acl, v->class, csum, v->lock_mode, v->lock_until, (int64_t)v->hold,
		       v->vid, minio_etag(r));
	db_unlock();
	free(csum);
	if (rc)
		return req_fail(r, "InternalError", "The index failed.");
	xml_begin(r, "InitiateMultipartUploadResult");
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	xml_elem(&r->out, "UploadId", id);
	xml_end(r, "InitiateMultipartUploadResult");
	sse_answer(r, v->meta);
	return 0;
}

/* The upload must be there and the key be its own; r->v gets what its parts need to know. */
static int check_open(struct req *r)
{
	struct upload u;

	db_lock();
	int rc = upload_find(r, &u);
	db_unlock();
	if (!rc)
		rc = sse_check_part(r, u.meta);
	ver_free(&r->v);
	r->v.meta = x_strdup(u.meta);
	r->v.lock_mode = x_strdup(u.lock_mode);
	r->v.hold = u.hold;
	r->v.csum = x_strdup(u.csum);
	upload_free(&u);
	return rc;
}

/* A part has the checksum that its upload was created with, and no other. */
static int check_algorithm(struct req *r)
{
	enum csum_alg want = upload_alg(r->v.csum), got = r->body.csum.alg;
	char why[128];

	if (want == got || (r->lacks & LACK_CHECKSUM))
		return 0;
	snprintf(why, sizeof(why),
		 "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum"
		 " Type: %s",
		 want ? csum_names[want] : "null", got ? csum_names[got] : "null");
	return req_fail(r, "InvalidRequest", why);
}

int op_upload_part_pre(struct req *r)
{
	int64_t num;

	if (part_number(r, &num) || check_open(r) || check_algorithm(r))
		return -1;
	return r->v.lock_mode || r->v.hold ? lock_needs_digest(r, "Part") : 0;
}

struct part {
	int64_t num, size, mtime;
	const char *etag, *file, *csum;
};

/* Stores the row; the file of an older part of this number goes. */
static int commit_part(struct req *r, const struct part *p)
{
	struct upload u;
	char *old = NULL;

	db_lock();
	int rc = upload_find(r, &u);
	if (!rc && u.busy)
		rc = no_such_upload(r);
	if (!rc) {
		sqlite3_stmt *st = db_query("SELECT file FROM parts WHERE upload=? AND num=?", "si",
					    u.id, p->num);
		if (sqlite3_step(st) == SQLITE_ROW)
			old = db_text(st, 0);
		db_done(st);
		if (db_run("INSERT OR REPLACE INTO parts(upload, num, etag, size, mtime, file, "
			   "csum)"
			   " VALUES(?,?,?,?,?,?,?)",
			   "sisiiss", u.id, p->num, p->etag, p->size, p->mtime, p->file, p->csum))
			rc = req_fail(r, "InternalError", "The index failed.");
	}
	db_unlock();
	data_unlink(rc ? p->file : old);
	free(old);
	upload_free(&u);
	return rc;
}

int op_upload_part(struct req *r)
{
	struct part p = { .mtime = now_ms(), .size = r->body.size };
	char file[33];
	bool has_file;

	if (part_number(r, &p.num) || body_store(r, file, &has_file))
		return -1;
	r->v.etag = sse_etag(r->v.meta, r->body.md5_hex);
	p.etag = r->v.etag;
	p.file = has_file ? file : NULL;
	char *csum = NULL;
	if (r->body.csum_value)
		csum = x_asprintf("%s=%s", csum_names[r->body.csum.alg], r->body.csum_value);
	p.csum = csum;
	int rc = commit_part(r, &p);
	free(csum);
	if (rc)
		return -1;
	r->status = 200;
	req_setf(r, "ETag", "\"%s\"", p.etag);
	sse_answer(r, r->v.meta);
	if (r->body.csum_value) {
		char name[40];
		snprintf(name, sizeof(name), "x-amz-checksum-%s", csum_names[r->body.csum.alg]);
		req_set(r, name, r->body.csum_value);
	}
	return 0;
}

/* x-amz-copy-source-range: bytes=FIRST-LAST, both given and inside the source */
static int copy_range(struct req *r, int64_t size, int64_t *off, int64_t *len)
{
	const char *h = req_header(r, "x-amz-copy-source-range");
	long long a, b;
	int used = 0;

	*off = 0;
	*len = size;
	if (!h)
		return 0;
	if (sscanf(h, "bytes=%lld-%lld%n", &a, &b, &used) != 2 || h[used] || a < 0 || b < a)
		return req_fail_x(r, "InvalidArgument",
				  "The x-amz-copy-source-range value must be of the"
				  " form bytes=first-last where first and last are the zero-based"
				  " offsets of the first and last bytes to copy",
				  "ArgumentName", "x-amz-copy-source-range", "ArgumentValue", h,
				  NULL);
	if (b >= size)
		return req_fail_x(r, "InvalidArgument",
				  "Range specified is not valid for source object", "ArgumentName",
				  "x-amz-copy-source-range", "ArgumentValue", h, NULL);
	*off = a;
	*len = b - a + 1;
	return 0;
}

/* The bytes of the part as a file of their own. Needs db_lock. */
static int copy_bytes(struct req *r, struct copy_source *s, struct part *p, char file[33])
{
	int64_t off;

	if (copy_source_find(r, s) || copy_range(r, s->v.size, &off, &p->size))
		return -1;
	if (p->size > 5 * GIB)
		return req_fail(r, "InvalidRequest",
				"The specified copy source is larger than the maximum"
				" allowable size for a copy source: 5368709120");
	if (!p->size)
		return 0;
	int rc, fd;
	if (p->size == s->v.size) {
		rc = data_link(s->v.file, file);
	} else {
		fd = data_create(file);
		rc = fd < 0 ? fd : data_append(fd, s->v.file, off, p->size);
		if (fd >= 0)
			close(fd);
	}
	p->file = file;
	return rc ? req_fail(r, "InternalError", "The body could not be copied.") : 0;
}

/* "ALG=VALUE" of a copied part; NULL when its upload has no checksums. */
static char *copied_csum(struct req *r, const struct part *p)
{
	enum csum_alg a = upload_alg(r->v.csum);
	struct csum c;
	uint8_t raw[32];
	char *out = NULL;

	if (!a || (r->lacks & LACK_CHECKSUM))
		return NULL;
	csum_start(&c, a);
	if (!p->file || !data_csum(p->file, p->size, &c)) {
		char *value = b64_encode(raw, csum_final(&c, raw));
		out = x_asprintf("%s=%s", csum_names[a], value);
		free(value);
	}
	csum_free(&c);
	return out;
}

static void answer_copied_csum(struct req *r, const char *csum)
{
	char name[24];

	if (!csum)
		return;
	csum_element(upload_alg(r->v.csum), name);
	xml_elem(&r->out, name, strchr(csum, '=') + 1);
}

static int copy_part(struct req *r, struct copy_source *s, struct part *p)
{
	char file[33] = "", hex[33], when[40];

	if (part_number(r, &p->num) || check_open(r) || copy_source_parse(r, s))
		return -1;
	db_lock();
	int rc = copy_bytes(r, s, p, file);
	db_unlock();
	if (!rc && data_md5(p->file, 0, p->size, hex))
		rc = req_fail(r, "InternalError", "The body could not be read.");
	r->v.etag = sse_etag(r->v.meta, hex);
	p->etag = r->v.etag;
	p->mtime = now_ms();
	if (rc) {
		data_unlink(p->file);
		return rc;
	}
	char *csum = copied_csum(r, p);
	p->csum = csum;
	if (commit_part(r, p)) {
		free(csum);
		return -1;
	}
	if (s->b.versioning != VERSIONING_NEVER)
		req_set(r, "x-amz-copy-source-version-id", s->v.vid);
	char *etag = x_asprintf("\"%s\"", p->etag);
	time_iso(p->mtime, when);
	xml_begin(r, "CopyPartResult");
	xml_elem(&r->out, "LastModified", when);
	xml_elem(&r->out, "ETag", etag);
	answer_copied_csum(r, csum);
	xml_end(r, "CopyPartResult");
	sse_answer(r, r->v.meta);
	free(etag);
	free(csum);
	return 0;
}

int op_upload_part_copy(struct req *r)
{
	struct copy_source s = { 0 };
	struct part p = { 0 };
	int rc = copy_part(r, &s, &p);

	copy_source_free(&s);
	return rc;
}
