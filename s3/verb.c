/* verb.c - see verb_i.h. */
#include "s3/verb_i.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/lock.h"

#define META "x-amz-meta-"

/* System metadata: S3 User Guide, "Working with object metadata". */
static const char *const sys_names[] = {
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"content-type",
	"expires",
	"x-amz-website-redirect-location",
};

int verb_call(struct s3_client *c, const struct s3_req *q, struct s3_res *res, struct s3_error *err)
{
	int rc = s3_call(c, q, res);

	if (rc != 0 && err)
		*err = res->error;
	return rc;
}

static void fill_error(struct s3_error *err, int status, enum fault_class class, const char *code,
		       const char *why)
{
	if (!err)
		return;
	memset(err, 0, sizeof(*err));
	err->status = status;
	err->class = class;
	err->retry_after_ms = -1;
	snprintf(err->code, sizeof(err->code), "%s", code);
	snprintf(err->message, sizeof(err->message), "%s", why);
}

int verb_bad_answer(const struct s3_res *res, const char *why, struct s3_error *err)
{
	fill_error(err, res->status, FAULT_RETRY, "BadAnswer", why);
	return -EIO;
}

int verb_refuse(int rc, const char *why, struct s3_error *err)
{
	fill_error(err, 0, FAULT_BAD, "Refused", why);
	return rc;
}

int verb_query_version(struct s3_req *q, const char *version)
{
	return version ? kv_set(&q->query, "versionId", version) : 0;
}

int verb_body_xml(struct s3_req *q, const char *xml, size_t n)
{
	auto_with(buf_free) struct buf b;
	uint8_t sum[MD5_SIZE];
	int rc;

	buf_init(&b, BUF_LIMIT_SMALL);
	if ((rc = md5(xml, n, sum)) != 0 || (rc = base64_encode(sum, sizeof(sum), &b)) != 0 ||
	    (rc = kv_set(&q->headers, "content-md5", buf_str(&b))) != 0 ||
	    (rc = kv_set(&q->headers, "content-type", "application/xml")) != 0)
		return rc;
	q->body_data = xml;
	q->body_size = n;
	return 0;
}

static bool is_sys_name(const char *name)
{
	for (size_t k = 0; k < array_size(sys_names); k++)
		if (strcmp(name, sys_names[k]) == 0)
			return true;
	return false;
}

/* RFC 9110 "token", without the upper case letters that S3 would fold anyway. */
static bool is_header_name(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
		    !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

static bool is_header_value(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

static int add_meta(struct s3_req *q, const struct kv *meta, struct s3_error *err)
{
	for (size_t k = 0; meta && k < meta->n; k++) {
		auto_free char *name = NULL;
		int rc;

		if (!is_header_name(meta->items[k].name))
			return verb_refuse(
				-EINVAL,
				"a metadata name has characters that no header name can carry",
				err);
		if (!is_header_value(meta->items[k].value))
			return verb_refuse(
				-EINVAL,
				"a metadata value has characters other than printable ASCII", err);
		if ((rc = str_format(&name, META "%s", meta->items[k].name)) != 0 ||
		    (rc = kv_set(&q->headers, name, meta->items[k].value)) != 0)
			return rc;
	}
	return 0;
}

static int add_sys(struct s3_req *q, const struct kv *sys, struct s3_error *err)
{
	for (size_t k = 0; sys && k < sys->n; k++) {
		int rc;

		if (!is_sys_name(sys->items[k].name))
			return verb_refuse(-EINVAL, "not a system metadata header", err);
		if (!is_header_value(sys->items[k].value))
			return verb_refuse(
				-EINVAL,
				"a system metadata value has characters other than printable ASCII",
				err);
		if ((rc = kv_set(&q->headers, sys->items[k].name, sys->items[k].value)) != 0)
			return rc;
	}
	return 0;
}

int verb_add_opts(struct s3_req *q, const struct s3_put_opts *opts, struct s3_error *err)
{
	auto_with(buf_free) struct buf tags;
	int rc;

	buf_init(&tags, BUF_LIMIT_SMALL);
	if (!opts)
		return 0;
	if ((rc = add_meta(q, opts->meta, err)) != 0 || (rc = add_sys(q, opts->sys, err)) != 0)
		return rc;
	if (opts->storage_class &&
	    (rc = kv_set(&q->headers, "x-amz-storage-class", opts->storage_class)) != 0)
		return rc;
	if (!opts->tags || opts->tags->n == 0)
		return 0;
	if ((rc = kv_to_query(opts->tags, &tags)) != 0)
		return rc;
	return kv_set(&q->headers, "x-amz-tagging", buf_str(&tags));
}

/* A copy of the header's value; NULL when it is absent or empty. */
static int dup_header(const struct s3_res *res, const char *name, char **ret_s)
{
	const char *s = kv_get(&res->headers, name);

	return str_dup(s && *s ? s : NULL, ret_s);
}

static int info_kv(const struct s3_res *res, struct s3_info *i)
{
	for (size_t k = 0; k < res->headers.n; k++) {
		const struct kv_item *h = &res->headers.items[k];
		int rc = 0;

		if (strncmp(h->name, META, strlen(META)) == 0)
			rc = kv_set(&i->meta, h->name + strlen(META), h->value);
		else if (is_sys_name(h->name))
			rc = kv_set(&i->sys, h->name, h->value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int count_header(const struct s3_res *res, const char *name, int otherwise)
{
	const char *s = kv_get(&res->headers, name);
	uint64_t v;

	return s && parse_u64(s, &v) == 0 && v <= 1000000 ? (int)v : otherwise;
}

int verb_info(const struct s3_res *res, struct s3_info *ret_i)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *date = kv_get(&res->headers, "last-modified"),
		   *marker = kv_get(&res->headers, "x-amz-delete-marker");
	const char *length = kv_get(&res->headers, "content-length");
	int rc;

	if ((rc = dup_header(res, "x-amz-version-id", &i.version_id)) != 0 ||
	    (rc = etag_dup(kv_get(&res->headers, "etag"), &i.etag)) != 0 ||
	    (rc = dup_header(res, "x-amz-storage-class", &i.storage_class)) != 0 ||
	    (rc = dup_header(res, "x-amz-replication-status", &i.replication_status)) != 0 ||
	    (rc = info_kv(res, &i)) != 0)
		return rc;
	if (i.storage_class && strcmp(i.storage_class, "STANDARD") == 0)
		free(take_ptr(&i.storage_class));
	if (date && time_parse_http(date, &i.mtime_ms) != 0)
		i.mtime_ms = 0;
	if (length && parse_u64(length, &i.size) != 0)
		return -EIO;
	i.tag_count = count_header(res, "x-amz-tagging-count", -1);
	i.parts_count = count_header(res, "x-amz-mp-parts-count", 0);
	i.delete_marker = marker && strcasecmp(marker, "true") == 0;
	*ret_i = i;
	memset(&i, 0, sizeof(i));
	return 0;
}

void verb_take_body(struct s3_res *res, struct buf *ret_b)
{
	buf_free(ret_b);
	*ret_b = res->body;
	buf_init(&res->body, BUF_LIMIT_DOC);
}

/* The etag inside its quotes. */
static const char *etag_core(const char *s, size_t *ret_len)
{
	size_t n;

	if (s[0] == 'W' && s[1] == '/')
		s += 2;
	n = strlen(s);
	if (n > 0 && s[0] == '"') {
		s++;
		n--;
	}
	if (n > 0 && s[n - 1] == '"')
		n--;
	*ret_len = n;
	return s;
}

int etag_dup(const char *s, char **ret_etag)
{
	bool hex = true;
	char *etag;
	size_t n;

	*ret_etag = NULL;
	if (!s)
		return 0;
	s = etag_core(s, &n);
	if (n == 0)
		return 0;
	etag = strndup(s, n);
	if (!etag)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++)
		hex = hex && (isxdigit((unsigned char)etag[k]) || etag[k] == '-');
	for (size_t k = 0; hex && k < n; k++)
		etag[k] = (char)tolower((unsigned char)etag[k]);
	*ret_etag = etag;
	return 0;
}

bool etag_equal(const char *a, const char *b)
{
	size_t an, bn;

	if (!a || !b)
		return false;
	a = etag_core(a, &an);
	b = etag_core(b, &bn);
	return an == bn && strncasecmp(a, b, an) == 0;
}

int etag_quote(const char *etag, char **ret_s)
{
	size_t n;
	const char *core = etag_core(etag, &n);

	return str_format(ret_s, "\"%.*s\"", (int)n, core);
}

void verb_wait(int64_t ms)
{
	int64_t deadline = clock_deadline(ms);
	struct lock l;
	struct cond c;

	lock_init(&l);
	cond_init(&c);
	lock_take(&l);
	while (cond_wait_until(&c, &l, deadline))
		;
	lock_drop(&l);
	cond_free(&c);
	lock_free(&l);
}
