/* What a new object carries, from the headers of PutObject, CopyObject, CreateMultipartUpload. */
#include "s3d.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const system_headers[] = {
	"content-type",
	"content-encoding",
	"content-disposition",
	"content-language",
	"cache-control",
	"expires",
	"x-amz-website-redirect-location",
};

static const char *const classes[] = {
	"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
	"GLACIER",  "DEEP_ARCHIVE",	  "GLACIER_IR",
};

/* ---- metadata as kept: lines "name: value" ---- */

char *meta_get(const char *meta, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = meta; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, name, n) && p[n] == ':')
			return x_strndup(p + n + 2, strcspn(p + n + 2, "\n"));
	return NULL;
}

static bool own_line(const char *line)
{
	return starts_with(line, "x-amz-") && !starts_with(line, "x-amz-meta-");
}

static void add_lines(struct buf *out, const char *meta, bool own)
{
	for (const char *p = meta; p && *p;) {
		size_t n = strcspn(p, "\n");
		if (own_line(p) == own) {
			buf_add(out, p, n);
			buf_str(out, "\n");
		}
		p += n + (p[n] == '\n');
	}
}

/* What a copy keeps of its source, with what belongs to the new object alone from own. */
char *meta_take_over(const char *source, const char *own)
{
	struct buf b = { 0 };

	add_lines(&b, source, false);
	add_lines(&b, own, true);
	return buf_take(&b);
}

char *meta_set(const char *meta, const char *name, const char *value)
{
	struct buf b = { 0 };
	size_t len = strlen(name);

	for (const char *p = meta; p && *p;) {
		size_t n = strcspn(p, "\n");
		if (strncmp(p, name, len) || p[len] != ':') {
			buf_add(&b, p, n);
			buf_str(&b, "\n");
		}
		p += n + (p[n] == '\n');
	}
	if (*value)
		buf_fmt(&b, "%s: %s\n", name, value);
	return buf_take(&b);
}

/* ---- from the headers ---- */

struct gather {
	struct req *r;
	struct buf meta;
	size_t user, total;
};

/* "aws-chunked" says how the body travels and is not kept. */
static char *content_encoding(const char *value)
{
	struct buf b = { 0 };

	for (const char *p = value; *p;) {
		p += strspn(p, ", ");
		size_t n = strcspn(p, ",");
		size_t used = n;
		while (used && p[used - 1] == ' ')
			used--;
		if (used && (used != 11 || strncasecmp(p, "aws-chunked", 11))) {
			if (b.len)
				buf_str(&b, ",");
			buf_add(&b, p, used);
		}
		p += n;
	}
	return b.len ? buf_take(&b) : NULL;
}

static void add_user(struct gather *g, const char *name, const char *value)
{
	struct buf lower = { 0 };

	buf_str(&lower, name);
	for (size_t i = 0; i < lower.len; i++)
		lower.p[i] = (char)tolower((unsigned char)lower.p[i]);
	g->user += strlen(value) + lower.len - strlen("x-amz-meta-");
	/* the same name again: values are joined */
	char *line = x_asprintf("%s: ", lower.p), *at = g->meta.p ? strstr(g->meta.p, line) : NULL;
	if (at && (at == g->meta.p || at[-1] == '\n')) {
		char *end = strchr(at, '\n'), *rest = x_strdup(end);
		g->meta.len = (size_t)(end - g->meta.p);
		buf_fmt(&g->meta, ",%s%s", value, rest);
		free(rest);
	} else {
		buf_fmt(&g->meta, "%s%s\n", line, value);
	}
	free(line);
	buf_free(&lower);
}

static int gather_one(void *arg, const char *name, const char *value)
{
	struct gather *g = arg;

	g->total += strlen(name) + strlen(value);
	if (!strncasecmp(name, "x-amz-meta-", 11)) {
		add_user(g, name, value);
		return 0;
	}
	for (size_t i = 0; i < sizeof(system_headers) / sizeof(system_headers[0]); i++) {
		if (strcasecmp(name, system_headers[i]))
			continue;
		char *own = i == 1 ? content_encoding(value) : x_strdup(value);
		if (own)
			buf_fmt(&g->meta, "%s: %s\n", system_headers[i], own);
		free(own);
	}
	return 0;
}

static int check_redirect(struct req *r)
{
	const char *redirect = req_header(r, "x-amz-website-redirect-location");

	if (redirect && redirect[0] != '/' && !starts_with(redirect, "http://") &&
	    !starts_with(redirect, "https://"))
		return req_fail(r, "InvalidRedirectLocation",
				"The website redirect location must have"
				" a prefix of 'http://' or 'https://' or '/'.");
	return 0;
}

static int attrs_meta(struct req *r, char **ret_meta)
{
	struct gather g = { .r = r };

	if (check_redirect(r))
		return -1;
	req_headers_each(r, gather_one, &g);
	int rc = 0;
	char size[32];
	snprintf(size, sizeof(size), "%zu", g.user);
	if (g.user > 2048)
		rc = req_fail_x(r, "MetadataTooLarge",
				"Your metadata headers exceed the maximum allowed"
				" metadata size",
				"Size", size, "MaxSizeAllowed", "2048", NULL);
	else if (g.total > 8192)
		rc = req_fail_x(r, "RequestHeaderSectionTooLarge",
				"Your request header section exceeds"
				" the maximum allowed request header section size.",
				"MaxSizeAllowed", "8192", NULL);
	else
		rc = sse_from_headers(r, &g.meta);
	minio_status(r, &g.meta);
	if (rc)
		buf_free(&g.meta);
	else
		*ret_meta = buf_take(&g.meta);
	return rc;
}

bool class_valid(const char *class)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(class, classes[i]))
			return true;
	return false;
}

static int attrs_class(struct req *r, char **ret_class)
{
	const char *class = req_header(r, "x-amz-storage-class");

	if (!class)
		class = "STANDARD";
	if (class_valid(class) && (!(r->lacks & LACK_CLASSES) || !strcmp(class, "STANDARD"))) {
		*ret_class = x_strdup(class);
		return 0;
	}
	return req_fail_x(r, "InvalidStorageClass", "The storage class you specified is not valid",
			  "StorageClassRequested", class, NULL);
}

bool archived(const struct ver *v)
{
	return str_eq(v->class, "GLACIER") || str_eq(v->class, "DEEP_ARCHIVE");
}

int attrs_from_headers(struct req *r, struct ver *v)
{
	v->key = x_strdup(r->key);
	if (attrs_meta(r, &v->meta) || attrs_class(r, &v->class) || tags_from_header(r, &v->tags) ||
	    acl_from_headers(r, r->who->owner, &v->acl) || lock_from_headers(r, v))
		return -1;
	v->owner = x_strdup(acl_gives_to_bucket(r) ? r->b.owner : r->who->owner);
	return 0;
}

static void answer_checksum(struct req *r, const struct ver *v)
{
	const char *mode = req_header(r, "x-amz-checksum-mode");
	char *eq;

	if (!v->csum || !mode || strcasecmp(mode, "ENABLED"))
		return;
	char *copy = x_asprintf("x-amz-checksum-%s", v->csum);
	eq = strchr(copy, '=');
	*eq = 0;
	char *type = strrchr(eq + 1, ' ');
	if (type)
		*type = 0;
	req_set(r, copy, eq + 1);
	req_set(r, "x-amz-checksum-type", type ? type + 1 : "FULL_OBJECT");
	free(copy);
}

static void answer_meta(struct req *r, const struct ver *v)
{
	char *copy = x_strdup(v->meta ? v->meta : ""), *save = NULL;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(l, ": ");
		if (!colon)
			continue;
		*colon = 0;
		req_set(r, l, colon + 2);
	}
	free(copy);
	if (!req_get_set(r, "content-type"))
		req_set(r, "content-type", "binary/octet-stream");
}

/* The headers that GET and HEAD answer with; a range has no checksum. */
void attrs_answer(struct req *r, const struct ver *v, bool partial)
{
	char when[40];

	answer_meta(r, v);
	if (!partial && !(r->lacks & LACK_CHECKSUM))
		answer_checksum(r, v);
	time_http(v->mtime, when);
	req_set(r, "Last-Modified", when);
	req_setf(r, "ETag", "\"%s\"", v->etag);
	req_set(r, "Accept-Ranges", "bytes");
	if (strcmp(v->class, "STANDARD"))
		req_set(r, "x-amz-storage-class", v->class);
	if (tags_count(v->tags))
		req_setf(r, "x-amz-tagging-count", "%d", tags_count(v->tags));
	if (v->lock_mode) {
		char until[40];
		time_iso(v->lock_until, until);
		req_set(r, "x-amz-object-lock-mode", v->lock_mode);
		req_set(r, "x-amz-object-lock-retain-until-date", until);
	}
	if (v->hold)
		req_set(r, "x-amz-object-lock-legal-hold", "ON");
}
