/* GetObject, HeadObject, GetObjectAttributes. */
#include "s3d.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int marker_answer(struct req *r, const struct ver *v, bool by_id)
{
	char when[40];

	req_set(r, "x-amz-delete-marker", "true");
	set_version_header(r, &r->b, v);
	if (!by_id)
		return req_fail(r, "NoSuchKey", "The specified key does not exist.");
	time_http(v->mtime, when);
	req_set(r, "Allow", "DELETE");
	req_set(r, "Last-Modified", when);
	return req_fail_x(r, "MethodNotAllowed",
			  "The specified method is not allowed against this"
			  " resource.",
			  "Method", r->method, "ResourceType", "DeleteMarker", NULL);
}

struct range {
	int64_t off, len;
	bool partial;
};

/* -1: not satisfiable. A range that cannot be understood is ignored, as are several. */
static int parse_range(const char *h, int64_t size, struct range *out)
{
	int64_t a, b;
	char first[24] = "", last[24] = "";

	*out = (struct range){ 0, size, false };
	if (!h || strncasecmp(h, "bytes=", 6))
		return 0;
	h += 6;
	size_t n = strspn(h, "0123456789");
	size_t m = h[n] == '-' ? strspn(h + n + 1, "0123456789") : 0;
	if (h[n] != '-' || h[n + 1 + m] || n > 18 || m > 18 || (!n && !m))
		return 0;
	memcpy(first, h, n);
	memcpy(last, h + n + 1, m);
	a = strtoll(first, NULL, 10);
	b = strtoll(last, NULL, 10);
	if (!n) {
		if (!b || !size)
			return -1;
		a = b > size ? 0 : size - b;
		b = size - 1;
	} else {
		if (m && b < a)
			return 0;
		if (a >= size)
			return -1;
		if (!m || b >= size)
			b = size - 1;
	}
	*out = (struct range){ a, b - a + 1, true };
	return 0;
}

/* Sizes of the parts, comma separated. */
static int part_range(const struct ver *v, int64_t part, struct range *out, int *ret_count)
{
	int64_t off = 0;
	int n = 0;

	for (const char *p = v->parts; p && *p;) {
		char *end;
		int64_t size = strtoll(p, &end, 10);
		if (++n == part)
			*out = (struct range){ off, size, true };
		off += size;
		p = end + (*end == ',');
	}
	*ret_count = n;
	if (!n && part == 1)
		*out = (struct range){ 0, v->size, true };
	return part <= (n ? n : 1) ? 0 : -1;
}

static int pick_range(struct req *r, const struct ver *v, struct range *range)
{
	const char *h = req_header(r, "Range"), *part = req_param(r, "partNumber");
	char size[32];
	int64_t num;
	int count;

	snprintf(size, sizeof(size), "%lld", (long long)v->size);
	if (part) {
		if (h)
			return req_fail(r, "InvalidRequest",
					"Cannot specify both Range header and"
					" partNumber query parameter");
		if (parse_int(part, 1, 10000, &num))
			return req_fail_x(r, "InvalidArgument",
					  "Part number must be an integer between"
					  " 1 and 10000, inclusive",
					  "ArgumentName", "partNumber", "ArgumentValue", part,
					  NULL);
		if (part_range(v, num, range, &count))
			return req_fail_x(r, "InvalidPartNumber",
					  "The requested partnumber is not"
					  " satisfiable",
					  "ActualPartCount", count ? "" : "1", NULL);
		if (count)
			req_setf(r, "x-amz-mp-parts-count", "%d", count);
		return 0;
	}
	const char *if_range = req_header(r, "If-Range");
	if (if_range && !strstr(if_range, v->etag))
		h = NULL;
	if (!parse_range(h, v->size, range))
		return 0;
	req_setf(r, "Content-Range", "bytes */%s", size);
	return req_fail_x(r, "InvalidRange", "The requested range is not satisfiable",
			  "RangeRequested", h, "ActualObjectSize", size, NULL);
}

static void overrides(struct req *r)
{
	static const char *const names[] = {
		"content-type",	 "content-language",	"expires",
		"cache-control", "content-disposition", "content-encoding",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char param[48];
		snprintf(param, sizeof(param), "response-%s", names[i]);
		const char *value = req_param(r, param);
		if (!value)
			continue;
		req_unset(r, names[i]);
		req_set(r, names[i], value);
	}
}

static int open_body(struct req *r, const struct ver *v, const struct range *range)
{
	struct buf small = { 0 };

	if (data_is_small(v->file)) {
		int rc = data_get_small(v->file, &small);
		if (!rc && (int64_t)small.len >= range->off + range->len)
			buf_add(&r->out, small.p + range->off, (size_t)range->len);
		buf_free(&small);
		return rc ? req_fail(r, "InternalError", "The body is gone.") : 0;
	}
	char *path = data_path(v->file);

	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	return r->fd < 0 ? req_fail(r, "InternalError", "The body is gone.") : 0;
}

static int check_read(struct req *r, const struct ver *v, bool *ret_not_modified)
{
	*ret_not_modified = false;
	if (v->marker)
		return marker_answer(r, v, req_param(r, "versionId"));
	if (!access_object(r, v, "READ"))
		return req_fail(r, "AccessDenied", "Access Denied");
	if (sse_check_read(r, v, false))
		return -1;
	if (cond_read(r, v, false, ret_not_modified) || *ret_not_modified)
		return r->failed ? -1 : 0;
	if (!r->head && archived(v))
		return req_fail_x(r, "InvalidObjectState",
				  "The operation is not valid for the object's"
				  " storage class",
				  "StorageClass", v->class, NULL);
	return 0;
}

static int answer_version(struct req *r, const struct ver *v)
{
	struct range range;

	if (pick_range(r, v, &range))
		return -1;
	if (!r->head && range.len && open_body(r, v, &range))
		return -1;
	attrs_answer(r, v, range.partial);
	overrides(r);
	r->status = range.partial ? 206 : 200;
	r->off = range.off;
	r->len = range.len;
	r->has_len = true;
	if (range.partial && range.len)
		req_setf(r, "Content-Range", "bytes %lld-%lld/%lld", (long long)range.off,
			 (long long)(range.off + range.len - 1), (long long)v->size);
	return 0;
}

int op_get_object(struct req *r)
{
	struct ver v;
	bool not_modified;

	db_lock();
	int rc = find_version(r, r->bucket, r->key, req_param(r, "versionId"), &v);
	if (rc) {
		db_unlock();
		return rc;
	}
	rc = check_read(r, &v, &not_modified);
	if (!rc && not_modified) {
		char when[40];
		time_http(v.mtime, when);
		r->status = 304;
		req_setf(r, "ETag", "\"%s\"", v.etag);
		req_set(r, "Last-Modified", when);
	} else if (!rc) {
		/* inside the lock: the file could go with a concurrent delete */
		rc = answer_version(r, &v);
	}
	db_unlock();
	if (!rc)
		set_version_header(r, &r->b, &v);
	ver_free(&v);
	return rc;
}

int op_head_object(struct req *r)
{
	return op_get_object(r);
}

static void attribute_parts(struct req *r, const struct ver *v)
{
	struct range range;
	int count;

	part_range(v, 0, &range, &count);
	if (count) {
		buf_str(&r->out, "<ObjectParts>");
		xml_int(&r->out, "PartsCount", count);
		buf_str(&r->out, "</ObjectParts>");
	}
}

int op_get_attributes(struct req *r)
{
	const char *want = req_header(r, "x-amz-object-attributes");
	struct ver v;
	char when[40];

	if (!want)
		return req_fail(r, "InvalidRequest",
				"Missing required header for this request:"
				" x-amz-object-attributes");
	db_lock();
	int rc = find_version(r, r->bucket, r->key, req_param(r, "versionId"), &v);
	db_unlock();
	if (rc)
		return rc;
	rc = v.marker ? marker_answer(r, &v, req_param(r, "versionId"))
		      : sse_check_read(r, &v, false);
	if (rc) {
		ver_free(&v);
		return rc;
	}
	time_http(v.mtime, when);
	req_set(r, "Last-Modified", when);
	set_version_header(r, &r->b, &v);
	xml_begin(r, "GetObjectAttributesResponse");
	if (strstr(want, "ETag"))
		xml_elem(&r->out, "ETag", v.etag);
	if (strstr(want, "ObjectParts"))
		attribute_parts(r, &v);
	if (strstr(want, "StorageClass"))
		xml_elem(&r->out, "StorageClass", v.class);
	if (strstr(want, "ObjectSize"))
		xml_int(&r->out, "ObjectSize", v.size);
	xml_end(r, "GetObjectAttributesResponse");
	ver_free(&v);
	return 0;
}
