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

/* S3 User Guide, "Retaining multiple versions of objects with S3 Versioning": opaque strings of at
 * most 1024 bytes. */
#define VERSION_ID_MAX 1024

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

bool verb_is_version_id(const char *id)
{
	char shown[VERSION_ID_MAX + 1];

	return *id && strcmp(printable(id, shown, sizeof(shown)), id) == 0;
}

static int check_version_id(struct s3_res *res)
{
	const char *id = kv_get(&res->headers, "x-amz-version-id");

	if (!id || !*id || verb_is_version_id(id))
		return 0;
	fill_error(&res->error, res->status, FAULT_RETRY, "MalformedAnswer",
		   "x-amz-version-id cannot be one");
	res->error.unclear = true;
	return -EIO;
}

int verb_call(struct s3_client *c, const struct s3_req *q, struct s3_res *res, struct s3_error *err)
{
	int rc = s3_call(c, q, res);

	if (rc == 0)
		rc = check_version_id(res);
	if (rc != 0 && err)
		*err = res->error;
	return rc;
}

int verb_bad_answer(const struct s3_res *res, const char *why, struct s3_error *err)
{
	fill_error(err, res->status, FAULT_RETRY, "BadAnswer", why);
	if (err)
		snprintf(err->op, sizeof(err->op), "%s", res->error.op);
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

		if (strncmp(h->name, VERB_META, strlen(VERB_META)) == 0)
			rc = kv_set(&i->meta, h->name + strlen(VERB_META), h->value);
		else if (verb_is_sys_name(h->name))
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

int verb_info_sse(const struct s3_res *res, struct s3_info *i)
{
	int rc = dup_header(res, "x-amz-server-side-encryption", &i->sse);

	i->sse_customer =
		kv_get(&res->headers, "x-amz-server-side-encryption-customer-algorithm") != NULL;
	return rc != 0 ? rc
		       : dup_header(res, "x-amz-server-side-encryption-aws-kms-key-id",
				    &i->sse_key);
}

/* Retention and legal hold: told to those who may read them. */
static int info_lock(const struct s3_res *res, struct s3_info *i)
{
	const char *until = kv_get(&res->headers, "x-amz-object-lock-retain-until-date"),
		   *hold = kv_get(&res->headers, "x-amz-object-lock-legal-hold");

	i->legal_hold = hold && strcasecmp(hold, "ON") == 0;
	if (until && *until && time_parse_iso(until, &i->retain_until_ms) != 0)
		return -EIO;
	return dup_header(res, "x-amz-object-lock-mode", &i->lock_mode);
}

const char *verb_version_id(const struct s3_res *res)
{
	const char *id = kv_get(&res->headers, "x-amz-version-id");

	return id && *id && strcmp(id, "null") != 0 ? id : NULL;
}

int verb_info(const struct s3_res *res, struct s3_info *ret_i)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *date = kv_get(&res->headers, "last-modified"),
		   *marker = kv_get(&res->headers, "x-amz-delete-marker");
	const char *length = kv_get(&res->headers, "content-length");
	int rc;

	if ((rc = str_dup(verb_version_id(res), &i.version_id)) != 0 ||
	    (rc = etag_dup(kv_get(&res->headers, "etag"), &i.etag)) != 0 ||
	    (rc = dup_header(res, "x-amz-storage-class", &i.storage_class)) != 0 ||
	    (rc = dup_header(res, "x-amz-replication-status", &i.replication_status)) != 0 ||
	    (rc = verb_info_sse(res, &i)) != 0 || (rc = info_lock(res, &i)) != 0 ||
	    (rc = info_kv(res, &i)) != 0)
		return rc;
	if (i.storage_class && strcmp(i.storage_class, "STANDARD") == 0)
		free(take_ptr(&i.storage_class));
	/* of an answer to a write: its version is not younger */
	if (!date)
		date = kv_get(&res->headers, "date");
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
