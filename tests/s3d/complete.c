/* CompleteMultipartUpload and AbortMultipartUpload. */
#include "mpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libxml/tree.h>

struct listed {
	int64_t num, size;
	char etag[33], file[33], csum[96];
	bool has_file;
};

struct plan {
	struct upload u;
	struct listed *parts;
	int n;
	int64_t size;
};

static int invalid_part(struct req *r, int64_t num)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)num);
	return req_fail_x(
		r, "InvalidPart",
		"One or more of the specified parts could not be found. The"
		" part may not have been uploaded, or the specified entity tag may not match"
		" the part's entity tag.",
		"UploadId", req_param(r, "uploadId"), "PartNumber", text, NULL);
}

/* Bare or quoted. */
static void copy_etag(char out[33], const char *text)
{
	text += *text == '"';
	size_t n = strcspn(text, "\"");
	snprintf(out, 33, "%.*s", (int)(n < 33 ? n : 0), text);
}

/* A checksum given for a part must be the one that was uploaded. */
static void copy_checksum(struct listed *p, xmlNode *node)
{
	for (xmlNode *c = xml_child(node, NULL); c; c = xml_next(c, NULL)) {
		const char *name = (const char *)c->name;
		if (!starts_with(name, "Checksum") || !csum_by_name(name + 8))
			continue;
		char *value = xml_content(c);
		snprintf(p->csum, sizeof(p->csum), "%s=%.80s", csum_names[csum_by_name(name + 8)],
			 value);
		free(value);
	}
}

static int read_list(struct req *r, struct plan *plan)
{
	xmlDoc *doc = xml_parse(r, "CompleteMultipartUpload");
	int rc = 0;

	if (!doc)
		return -1;
	plan->parts = x_calloc(10000, sizeof(*plan->parts));
	for (xmlNode *c = xml_child(xmlDocGetRootElement(doc), "Part"); c && !rc;
	     c = xml_next(c, "Part")) {
		char *num = xml_text(c, "PartNumber"), *etag = xml_text(c, "ETag");
		struct listed *p = plan->n < 10000 ? &plan->parts[plan->n] : NULL;
		if (!p || !num || !etag || parse_int(num, 1, 10000, &p->num)) {
			rc = xml_bad(r);
		} else {
			copy_etag(p->etag, etag);
			copy_checksum(p, c);
			if (plan->n && p->num <= p[-1].num)
				rc = req_fail(
					r, "InvalidPartOrder",
					"The list of parts was not in"
					" ascending order. The parts list must be specified in"
					" order by part number.");
			plan->n++;
		}
		free(num);
		free(etag);
	}
	xmlFreeDoc(doc);
	return rc ? rc : plan->n ? 0 : xml_bad(r);
}

/* Fills in size and file of a listed part. Needs db_lock. */
static int find_part(struct req *r, const struct upload *u, struct listed *p)
{
	sqlite3_stmt *st =
		db_query("SELECT etag, size, file, csum FROM parts WHERE upload=? AND num=?", "si",
			 u->id, p->num);
	bool ok = sqlite3_step(st) == SQLITE_ROW &&
		  !strcmp(p->etag, (const char *)sqlite3_column_text(st, 0));

	if (ok) {
		const char *file = (const char *)sqlite3_column_text(st, 2);
		const char *csum = (const char *)sqlite3_column_text(st, 3);
		p->size = sqlite3_column_int64(st, 1);
		p->has_file = file;
		snprintf(p->file, sizeof(p->file), "%s", file ? file : "");
		ok = !p->csum[0] || (csum && !strcmp(p->csum, csum));
		snprintf(p->csum, sizeof(p->csum), "%s", csum ? csum : "");
	}
	db_done(st);
	return ok ? 0 : invalid_part(r, p->num);
}

/* The request has to know of the upload's checksums as it was created. */
static int check_checksums(struct req *r, struct plan *plan)
{
	enum csum_alg a = upload_alg(plan->u.csum);
	bool full = plan->u.csum && strchr(plan->u.csum, ' ');
	const char *type = req_header(r, "x-amz-checksum-type");
	char why[160];

	if (r->lacks & LACK_CHECKSUM)
		return 0;
	if (type && (!a || strcmp(type, full ? "FULL_OBJECT" : "COMPOSITE") != 0))
		return req_fail(r, "BadDigest",
				"The checksum type does not match the type that was specified for"
				" the object during the CreateMultipartUpload request.");
	for (int i = 1; i < CSUM_N; i++) {
		char name[40];
		snprintf(name, sizeof(name), "x-amz-checksum-%s", csum_names[i]);
		if (req_header(r, name) && (enum csum_alg)i != a)
			return req_fail(r, "InvalidRequest",
					"The upload was created with another checksum algorithm.");
	}
	for (int i = 0; a && !full && i < plan->n; i++) {
		if (plan->parts[i].csum[0])
			continue;
		snprintf(why, sizeof(why),
			 "The upload was created using a %s checksum. The complete request must"
			 " include the checksum for each part. It was missing for part %lld in the"
			 " request.",
			 csum_names[a], (long long)plan->parts[i].num);
		return req_fail(r, "InvalidRequest", why);
	}
	return 0;
}

static int check_parts(struct req *r, struct plan *plan)
{
	char min[24], got[24], num[24];

	for (int i = 0; i < plan->n; i++) {
		struct listed *p = &plan->parts[i];
		if (find_part(r, &plan->u, p))
			return -1;
		plan->size += p->size;
	}
	for (int i = 0; i < plan->n - 1; i++) {
		const struct listed *p = &plan->parts[i];
		if (p->size >= conf.min_part)
			continue;
		snprintf(min, sizeof(min), "%lld", (long long)conf.min_part);
		snprintf(got, sizeof(got), "%lld", (long long)p->size);
		snprintf(num, sizeof(num), "%lld", (long long)p->num);
		return req_fail_x(r, "EntityTooSmall",
				  "Your proposed upload is smaller than the minimum"
				  " allowed size",
				  "ProposedSize", got, "MinSizeAllowed", min, "PartNumber", num,
				  "ETag", p->etag, NULL);
	}
	const char *want = req_header(r, "x-amz-mp-object-size");
	int64_t size;
	if (want && (parse_int(want, 0, INT64_MAX, &size) || size != plan->size))
		return req_fail(r, "InvalidRequest",
				"The provided 'x-amz-mp-object-size' header does"
				" not match what was computed.");
	return 0;
}

/* Marks the upload busy, so that its parts stay while they are joined. */
static int claim(struct req *r, struct plan *plan)
{
	db_lock();
	int rc = upload_find(r, &plan->u);
	if (!rc && plan->u.busy)
		rc = req_fail(r, "OperationAborted",
			      "A conflicting operation is currently in progress"
			      " against this resource. Please try again.");
	if (!rc)
		rc = check_checksums(r, plan);
	if (!rc)
		rc = check_parts(r, plan);
	if (!rc)
		rc = cond_write(r);
	if (!rc && db_run("UPDATE uploads SET busy=1 WHERE id=?", "s", plan->u.id))
		rc = req_fail(r, "InternalError", "The index failed.");
	db_unlock();
	return rc;
}

static int join(struct plan *plan, char file[33])
{
	int rc = 0, fd;

	if (!plan->size)
		return 0;
	fd = data_create(file);
	if (fd < 0)
		return fd;
	for (int i = 0; i < plan->n && !rc; i++)
		if (plan->parts[i].has_file)
			rc = data_append(fd, plan->parts[i].file, 0, plan->parts[i].size);
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

static char *joint_etag(const struct plan *plan)
{
	EVP_MD_CTX *ctx = md5_new();
	uint8_t raw[16];
	char hex[33];

	for (int i = 0; i < plan->n; i++) {
		for (int k = 0; k < 16; k++) {
			char two[3] = { plan->parts[i].etag[2 * k], plan->parts[i].etag[2 * k + 1],
					0 };
			raw[k] = (uint8_t)strtoul(two, NULL, 16);
		}
		EVP_DigestUpdate(ctx, raw, 16);
	}
	EVP_DigestFinal_ex(ctx, raw, NULL);
	EVP_MD_CTX_free(ctx);
	hex_encode(raw, 16, hex);
	return x_asprintf("%s-%d", hex, plan->n);
}

/* The object's checksum, as "alg=value TYPE"; NULL when parts lack theirs. */
static char *joint_checksum(struct plan *plan, const char *file)
{
	if (!plan->u.csum)
		return NULL;
	bool full = strchr(plan->u.csum, ' ');
	enum csum_alg a = upload_alg(plan->u.csum);
	struct csum c;
	uint8_t raw[32];
	bool ok = true;
	csum_start(&c, a);
	if (full)
		ok = !data_csum(file, plan->size, &c);
	for (int i = 0; i < plan->n && !full && ok; i++) {
		const char *eq = strchr(plan->parts[i].csum, '=');
		ok = eq && starts_with(plan->parts[i].csum, csum_names[a]) &&
		     !b64_decode(eq + 1, raw, csum_length(a));
		if (ok)
			csum_update(&c, raw, csum_length(a));
	}
	char *out = NULL;
	if (ok) {
		char *value = b64_encode(raw, csum_final(&c, raw)), count[16] = "";
		if (!full)
			snprintf(count, sizeof(count), "-%d", plan->n);
		out = x_asprintf("%s=%s%s %s", csum_names[a], value, count,
				 full ? "FULL_OBJECT" : "COMPOSITE");
		free(value);
	}
	csum_free(&c);
	return out;
}

/* A checksum of the whole in the request's headers must agree. */
static int check_given(struct req *r, const char *csum)
{
	for (int i = 1; i < CSUM_N; i++) {
		char name[40];
		snprintf(name, sizeof(name), "x-amz-checksum-%s", csum_names[i]);
		const char *want = req_header(r, name), *eq = csum ? strchr(csum, '=') : NULL;
		if (!want || !eq || !starts_with(csum, csum_names[i]))
			continue;
		if (strcspn(eq + 1, " ") != strlen(want) || strncmp(eq + 1, want, strlen(want)))
			return req_fail(r, "BadDigest",
					"The checksum you specified did not match the"
					" calculated checksum.");
	}
	return 0;
}

static char *part_sizes(const struct plan *plan)
{
	struct buf b = { 0 };

	for (int i = 0; i < plan->n; i++)
		buf_fmt(&b, "%s%lld", i ? "," : "", (long long)plan->parts[i].size);
	return buf_take(&b);
}

static int make_version(struct req *r, struct plan *plan, const char *file)
{
	struct upload *u = &plan->u;
	struct ver *v = &r->v;

	ver_free(v);
	*v = (struct ver){ .size = plan->size, .lock_until = u->lock_until, .hold = u->hold };
	v->key = x_strdup(r->key);
	v->etag = u->etag ? x_strdup(u->etag) : joint_etag(plan);
	v->vid = x_strdup(u->vid);
	v->file = plan->size ? x_strdup(file) : NULL;
	v->meta = x_strdup(u->meta);
	v->tags = x_strdup(u->tags);
	v->acl = x_strdup(u->acl);
	v->owner = x_strdup(u->owner);
	v->class = x_strdup(u->class);
	v->lock_mode = x_strdup(u->lock_mode);
	v->parts = part_sizes(plan);
	v->csum = joint_checksum(plan, file);
	return minio_mtime(r, v) ? -1 : check_given(r, v->csum);
}

/* All files of an upload, to unlink after its rows are gone. Needs db_lock. */
static char **part_files(const char *id)
{
	char **files = x_calloc(10001, sizeof(*files));
	size_t n = 0;
	sqlite3_stmt *st =
		db_query("SELECT file FROM parts WHERE upload=? AND file IS NOT NULL", "s", id);

	while (n < 10000 && sqlite3_step(st) == SQLITE_ROW)
		files[n++] = db_text(st, 0);
	db_done(st);
	return files;
}

static void unlink_files(char **files, bool really)
{
	for (size_t i = 0; files && files[i]; i++) {
		if (really)
			data_unlink(files[i]);
		free(files[i]);
	}
	free(files);
}

static int remove_upload(const char *id)
{
	int rc = db_run("DELETE FROM parts WHERE upload=?", "s", id);

	return rc ? rc : db_run("DELETE FROM uploads WHERE id=?", "s", id);
}

static int commit(struct req *r, struct plan *plan)
{
	struct bucket b;
	char *old = NULL, **files = NULL;

	db_lock();
	int rc = bucket_find(r->bucket, &b) ? req_fail(r, "NoSuchBucket",
						       "The specified bucket does"
						       " not exist")
					    : cond_write(r);
	if (!rc) {
		files = part_files(plan->u.id);
		rc = db_begin();
		if (!rc)
			rc = ver_insert(&b, &r->v, &old);
		if (!rc)
			rc = remove_upload(plan->u.id);
		if (!rc)
			rc = db_commit();
		if (rc) {
			db_rollback();
			req_fail(r, "InternalError", "The index failed.");
		}
	}
	db_unlock();
	data_unlink(rc ? r->v.file : old);
	unlink_files(files, !rc);
	free(old);
	if (!rc)
		r->b = b;
	return rc ? -1 : 0;
}

static void unclaim(struct plan *plan)
{
	db_lock();
	db_run("UPDATE uploads SET busy=0 WHERE id=?", "s", plan->u.id);
	db_unlock();
}

static void answer_checksum(struct req *r)
{
	const char *csum = r->v.csum, *eq = csum ? strchr(csum, '=') : NULL;
	char name[24];

	if (!eq || (r->lacks & LACK_CHECKSUM))
		return;
	char *alg = x_strndup(csum, (size_t)(eq - csum));
	char *value = x_strndup(eq + 1, strcspn(eq + 1, " "));
	csum_element(csum_by_name(alg), name);
	xml_elem(&r->out, name, value);
	xml_elem(&r->out, "ChecksumType", strchr(eq, ' ') + 1);
	free(alg);
	free(value);
}

static void answer(struct req *r)
{
	char *etag = x_asprintf("\"%s\"", r->v.etag);
	const char *host = req_header(r, "Host");
	char *location =
		x_asprintf("http://%s/%s/%s", host ? host : "localhost", r->bucket, r->key);

	set_version_header(r, &r->b, &r->v);
	sse_answer(r, r->v.meta);
	xml_begin(r, "CompleteMultipartUploadResult");
	xml_elem(&r->out, "Location", location);
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	xml_elem(&r->out, "ETag", etag);
	answer_checksum(r);
	xml_end(r, "CompleteMultipartUploadResult");
	free(etag);
	free(location);
}

int op_complete_upload(struct req *r)
{
	struct plan plan = { 0 };
	char file[33] = "";
	int rc = read_list(r, &plan);

	if (!rc)
		rc = claim(r, &plan);
	if (!rc) {
		if (join(&plan, file)) {
			if (file[0])
				data_unlink(file);
			rc = req_fail(r, "InternalError", "The parts could not be joined.");
		} else {
			rc = make_version(r, &plan, file);
			if (rc)
				data_unlink(r->v.file);
			else
				rc = commit(r, &plan);
		}
		if (rc)
			unclaim(&plan);
	}
	if (!rc)
		answer(r);
	upload_free(&plan.u);
	free(plan.parts);
	return rc;
}

int op_abort_upload(struct req *r)
{
	struct upload u;
	char **files = NULL;

	db_lock();
	int rc = upload_find(r, &u);
	if (!rc && u.busy)
		rc = req_fail(r, "OperationAborted",
			      "A conflicting operation is currently in progress"
			      " against this resource. Please try again.");
	if (!rc) {
		files = part_files(u.id);
		rc = db_begin();
		if (!rc)
			rc = remove_upload(u.id);
		if (rc || db_commit()) {
			db_rollback();
			rc = req_fail(r, "InternalError", "The index failed.");
		}
	}
	db_unlock();
	unlink_files(files, !rc);
	upload_free(&u);
	if (!rc)
		r->status = 204;
	return rc;
}
