/* Tags, kept as name=value pairs, URL-encoded, joined by &. */
#include "s3d.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/tree.h>

struct tag_list {
	struct buf out;
	char *names[51];
	int n;
};

static void tag_list_free(struct tag_list *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->names[i]);
	buf_free(&t->out);
}

/* ASCII as documented; everything beyond ASCII is let through. */
static bool characters_valid(const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 128 && !isalnum(c) && !strchr(" +-=._:/@", c))
			return false;
	}
	return true;
}

static int tag_add(struct req *r, struct tag_list *t, const char *name, const char *value, int max,
		   bool header)
{
	if (t->n == max) {
		char why[64];
		snprintf(why, sizeof(why), "%s tags cannot be greater than %d",
			 max == 10 ? "Object" : "Bucket", max);
		return req_fail(r, "BadRequest", why);
	}
	if (!*name || utf16_length(name) > 128 || !characters_valid(name))
		return req_fail_x(r, "InvalidTag", "The TagKey you have provided is invalid",
				  "TagKey", name, NULL);
	if (utf16_length(value) > 256 || !characters_valid(value))
		return req_fail_x(r, "InvalidTag", "The TagValue you have provided is invalid",
				  "TagKey", name, "TagValue", value, NULL);
	if (!strncasecmp(name, "aws:", 4))
		return req_fail_x(r, "InvalidTag",
				  "System tags cannot be added/updated by requester", "TagKey",
				  name, NULL);
	for (int i = 0; i < t->n; i++) {
		if (strcmp(t->names[i], name))
			continue;
		if (header)
			return req_fail_x(r, "InvalidArgument",
					  "The header 'x-amz-tagging' shall be"
					  " encoded as UTF-8 then URLEncoded URL query parameters"
					  " without tag name duplicates.",
					  "ArgumentName", "x-amz-tagging", NULL);
		return req_fail_x(r, "InvalidTag", "Cannot provide multiple Tags with the same key",
				  "TagKey", name, NULL);
	}
	t->names[t->n++] = x_strdup(name);
	if (t->out.len)
		buf_str(&t->out, "&");
	buf_url(&t->out, name, strlen(name), "", false);
	buf_str(&t->out, "=");
	buf_url(&t->out, value, strlen(value), "", false);
	return 0;
}

/* *ret_tags stays NULL without the header. */
int tags_from_header(struct req *r, char **ret_tags)
{
	const char *p = req_header(r, "x-amz-tagging");
	struct tag_list t = { 0 };
	int rc = 0;

	while (p && *p && !rc) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");
		char *k = url_decode(p, name, true);
		char *v =
			name < len ? url_decode(p + name + 1, len - name - 1, true) : x_strdup("");
		if (!len)
			;
		else if (!k || !v || !utf8_valid(k) || !utf8_valid(v))
			rc = req_fail_x(
				r, "InvalidArgument",
				"The header 'x-amz-tagging' shall be"
				" encoded as UTF-8 then URLEncoded URL query parameters without"
				" tag name duplicates.",
				"ArgumentName", "x-amz-tagging", NULL);
		else
			rc = tag_add(r, &t, k, v, 10, true);
		free(k);
		free(v);
		p += len + (p[len] == '&');
	}
	if (!rc && t.n)
		*ret_tags = buf_take(&t.out);
	tag_list_free(&t);
	return rc;
}

int tags_from_xml(struct req *r, int max, char **ret_tags)
{
	struct tag_list t = { 0 };
	xmlDoc *doc = xml_parse(r, "Tagging");
	int rc = 0;

	if (!doc)
		return -1;
	xmlNode *set = xml_child(xmlDocGetRootElement(doc), "TagSet");
	if (!set)
		rc = xml_bad(r);
	for (xmlNode *n = xml_child(set, "Tag"); n && !rc; n = xml_next(n, "Tag")) {
		char *k = xml_text(n, "Key"), *v = xml_text(n, "Value");
		rc = k && v ? tag_add(r, &t, k, v, max, false) : xml_bad(r);
		free(k);
		free(v);
	}
	xmlFreeDoc(doc);
	if (!rc)
		*ret_tags = t.n ? buf_take(&t.out) : NULL;
	tag_list_free(&t);
	return rc;
}

void tags_to_xml(struct buf *b, const char *tags)
{
	for (const char *p = tags; p && *p;) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=");
		char *k = url_decode(p, name, false);
		char *v = url_decode(p + name + 1, len - name - 1, false);
		buf_str(b, "<Tag>");
		xml_elem(b, "Key", k);
		xml_elem(b, "Value", v);
		buf_str(b, "</Tag>");
		free(k);
		free(v);
		p += len + (p[len] == '&');
	}
}

int tags_count(const char *tags)
{
	int n = tags && *tags;

	for (; tags && *tags; tags++)
		n += *tags == '&';
	return n;
}

static int find_target(struct req *r, struct ver *v)
{
	const char *vid = req_param(r, "versionId");

	if (find_version(r, r->bucket, r->key, vid, v))
		return -1;
	if (v->marker) {
		set_version_header(r, &r->b, v);
		ver_free(v);
		req_set(r, "x-amz-delete-marker", "true");
		return vid ? req_fail_x(r, "MethodNotAllowed",
					"The specified method is not allowed"
					" against this resource.",
					"Method", r->method, "ResourceType", "DeleteMarker", NULL)
			   : req_fail(r, "NoSuchKey", "The specified key does not exist.");
	}
	return 0;
}

int op_get_tagging(struct req *r)
{
	struct ver v;

	db_lock();
	int rc = find_target(r, &v);
	db_unlock();
	if (rc)
		return -1;
	if (!access_object(r, &v, "READ")) {
		ver_free(&v);
		return req_fail(r, "AccessDenied", "Access Denied");
	}
	set_version_header(r, &r->b, &v);
	xml_begin(r, "Tagging");
	buf_str(&r->out, "<TagSet>");
	tags_to_xml(&r->out, v.tags);
	buf_str(&r->out, "</TagSet>");
	xml_end(r, "Tagging");
	ver_free(&v);
	return 0;
}

static int replace_tags(struct req *r, const char *tags, int status)
{
	struct ver v;

	db_lock();
	int rc = find_target(r, &v);
	if (!rc && db_run("UPDATE versions SET tags=? WHERE seq=?", "si", tags, v.seq))
		rc = req_fail(r, "InternalError", "The index failed.");
	db_unlock();
	if (rc)
		return rc;
	set_version_header(r, &r->b, &v);
	ver_free(&v);
	r->status = status;
	return 0;
}

int op_put_tagging(struct req *r)
{
	char *tags = NULL;

	if (tags_from_xml(r, 10, &tags))
		return -1;
	int rc = replace_tags(r, tags, 200);
	free(tags);
	return rc;
}

int op_delete_tagging(struct req *r)
{
	return replace_tags(r, NULL, 204);
}
