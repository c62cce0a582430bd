/* Conditional requests, and finding the version that a request means. */
#include "s3d.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A list of quoted or bare entity tags, or a star. */
static bool etag_in(const char *list, const char *etag)
{
	size_t want = strlen(etag);

	for (const char *p = list; *p;) {
		p += strspn(p, " ,");
		if (p[0] == 'W' && p[1] == '/')
			p += 2;
		bool quoted = *p == '"';
		p += quoted;
		size_t n = strcspn(p, quoted ? "\"" : ", ");
		if (n == 1 && *p == '*' && !quoted)
			return true;
		if (n == want && !strncmp(p, etag, n))
			return true;
		p += n + (quoted && p[n]);
	}
	return false;
}

static int failed(struct req *r, const char *which)
{
	return req_fail_x(r, "PreconditionFailed",
			  "At least one of the pre-conditions you specified did"
			  " not hold",
			  "Condition", which, NULL);
}

/* Reading v (copy: as the source of a copy, where there is no 304). */
int cond_read(struct req *r, const struct ver *v, bool copy, bool *ret_not_modified)
{
	const char *prefix = copy ? "x-amz-copy-source-" : "";
	const char *names[] = { "If-Match", "If-None-Match", "If-Modified-Since",
				"If-Unmodified-Since" };
	const char *h[4];
	int64_t t, mtime = v->mtime / 1000 * 1000;

	for (int i = 0; i < 4; i++) {
		char *name = x_asprintf("%s%s", prefix, names[i]);
		h[i] = req_header(r, name);
		free(name);
	}
	*ret_not_modified = false;
	if (copy && (r->lacks & LACK_CONDITIONAL))
		return 0;
	if (h[0] && !etag_in(h[0], v->etag))
		return failed(r, copy ? "x-amz-copy-source-If-Match" : "If-Match");
	if (h[3] && !h[0] && !time_parse_http(h[3], &t) && mtime > t)
		return failed(r, copy ? "x-amz-copy-source-If-Unmodified-Since"
				      : "If-Unmodified-Since");
	if (h[1])
		*ret_not_modified = etag_in(h[1], v->etag);
	else if (h[2] && !time_parse_http(h[2], &t))
		*ret_not_modified = mtime <= t;
	if (*ret_not_modified && copy)
		return failed(r, h[1] ? "x-amz-copy-source-If-None-Match"
				      : "x-amz-copy-source-If-Modified-Since");
	return 0;
}

/* If-Match and If-None-Match of a write, against what is current. Needs db_lock. */
int cond_write(struct req *r)
{
	const char *match = req_header(r, "If-Match"), *none = req_header(r, "If-None-Match");
	struct ver v;

	if ((!match && !none) || (r->lacks & LACK_CONDITIONAL))
		return 0;
	if ((none && strcmp(none, "*")) || (match && none))
		return req_fail_x(r, "NotImplemented",
				  "A header you provided implies functionality that"
				  " is not implemented",
				  "Header", "If-None-Match", NULL);
	bool exists = !ver_find(r->bucket, r->key, NULL, &v);
	bool live = exists && !v.marker;
	int rc = 0;
	if (none && live)
		rc = failed(r, "If-None-Match");
	else if (match && !live)
		rc = req_fail(r, "NoSuchKey", "The specified key does not exist.");
	else if (match && !etag_in(match, v.etag))
		rc = failed(r, "If-Match");
	if (exists)
		ver_free(&v);
	return rc;
}

bool vid_valid(const char *vid)
{
	if (!strcmp(vid, "null"))
		return true;
	if (conf.minio)
		return uuid_valid(vid);
	size_t n = strlen(vid);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)vid[i]) && vid[i] != '.' && vid[i] != '_')
			return false;
	return n == 32;
}

/* vid NULL: the newest, which may be a marker. Needs db_lock. */
int find_version(struct req *r, const char *bucket, const char *key, const char *vid,
		 struct ver *ret)
{
	if (vid && !vid_valid(vid))
		return req_fail_x(r, "InvalidArgument", "Invalid version id specified",
				  "ArgumentName", "versionId", "ArgumentValue", vid, NULL);
	if (!ver_find(bucket, key, vid, ret))
		return 0;
	if (vid)
		return req_fail_x(r, "NoSuchVersion", "The specified version does not exist.",
				  "Key", key, "VersionId", vid, NULL);
	return req_fail(r, "NoSuchKey", "The specified key does not exist.");
}

void set_version_header(struct req *r, const struct bucket *b, const struct ver *v)
{
	if (b->versioning != VERSIONING_NEVER)
		req_set(r, "x-amz-version-id", v->vid);
}
