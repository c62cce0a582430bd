/*
 * sign.c - see sign.h. The three steps are those of the S3 API Reference, "Authenticating Requests:
 * Using the Authorization Header": canonical request, string to sign, signature.
 */
#include "s3/sign.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

struct scope {
	char time[17];
	char date[9];
	char hex[2 * SHA256_SIZE + 1]; /* of the canonical request, then the signature */
};

static void kv_free_ptr(struct kv *kv)
{
	kv_free(kv);
}

/* Encoded. */
struct pair {
	char *name, *value;
};

static int pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->value, y->value);
}

static int text_encode(const char *plain, char **ret_s)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	uri_encode(plain, false, &b);
	return buf_take(&b, ret_s, NULL);
}

/* Sorted by the encoded names, which is another order than that of the plain ones. */
static int query_canonical(const struct kv *query, struct buf *out)
{
	auto_free struct pair *pairs = NULL;
	int rc = 0;

	if (!query || !query->n)
		return 0;
	pairs = calloc(query->n, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < query->n && rc == 0; i++) {
		rc = text_encode(query->items[i].name, &pairs[i].name);
		rc = rc ? rc : text_encode(query->items[i].value, &pairs[i].value);
	}
	if (rc == 0) {
		qsort(pairs, query->n, sizeof(*pairs), pair_compare);
		for (size_t i = 0; i < query->n; i++)
			buf_addf(out, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
	}
	for (size_t i = 0; i < query->n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	return rc ? rc : out->error;
}

/* Blanks at the ends go, runs of them become one. */
static void value_canonical(const char *v, struct buf *out)
{
	size_t n = strlen(v);

	while (n && (v[n - 1] == ' ' || v[n - 1] == '\t'))
		n--;
	while (n && (*v == ' ' || *v == '\t')) {
		v++;
		n--;
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i] != ' ' || v[i + 1] != ' ')
			buf_addc(out, v[i]);
	}
}

static int names_canonical(const struct kv *headers, struct buf *out)
{
	for (size_t i = 0; i < headers->n; i++)
		buf_addf(out, "%s%s", i ? ";" : "", headers->items[i].name);
	return out->error;
}

static int request_canonical(const struct sign_req *r, const struct kv *headers, const char *names,
			     struct buf *out)
{
	int rc;

	buf_addf(out, "%s\n%s\n", r->method, r->path);
	rc = query_canonical(r->query, out);
	if (rc)
		return rc;
	buf_addc(out, '\n');
	for (size_t i = 0; i < headers->n; i++) {
		buf_addf(out, "%s:", headers->items[i].name);
		value_canonical(headers->items[i].value, out);
		buf_addc(out, '\n');
	}
	return buf_addf(out, "\n%s\n%s", names, r->payload_hash);
}

/* The key of one day, region and service. */
static int key_derive(const struct sign_req *r, const struct cred *c, const char *date,
		      uint8_t key[SHA256_SIZE])
{
	static const char last[] = "aws4_request";
	char *first = NULL;
	size_t n;
	int rc;

	rc = str_format(&first, "AWS4%s", c->secret);
	if (rc)
		return rc;
	n = strlen(first);
	rc = hmac_sha256(first, n, date, strlen(date), key);
	if (rc == 0)
		rc = hmac_sha256(key, SHA256_SIZE, r->region, strlen(r->region), key);
	if (rc == 0)
		rc = hmac_sha256(key, SHA256_SIZE, r->service, strlen(r->service), key);
	if (rc == 0)
		rc = hmac_sha256(key, SHA256_SIZE, last, sizeof(last) - 1, key);
	explicit_bzero(first, n);
	free(first);
	return rc;
}

static int signature_make(const struct sign_req *r, const struct cred *c, struct scope *s)
{
	auto_with(buf_free) struct buf text;
	uint8_t key[SHA256_SIZE], mac[SHA256_SIZE];
	int rc;

	buf_init(&text, BUF_LIMIT_SMALL);
	rc = buf_addf(&text, "%s\n%s\n%s/%s/%s/aws4_request\n%s", ALGORITHM, s->time, s->date,
		      r->region, r->service, s->hex);
	if (rc == 0)
		rc = key_derive(r, c, s->date, key);
	if (rc == 0)
		rc = hmac_sha256(key, sizeof(key), text.data, text.len, mac);
	explicit_bzero(key, sizeof(key));
	if (rc)
		return rc;
	hex_encode(mac, sizeof(mac), s->hex);
	return 0;
}

static int headers_complete(const struct sign_req *r, const struct cred *c, const struct scope *s,
			    struct kv *headers)
{
	int rc = 0;

	if (r->headers)
		rc = kv_copy(headers, r->headers);
	if (rc == 0)
		rc = kv_set(headers, "host", r->host);
	if (rc == 0)
		rc = kv_set(headers, "x-amz-date", s->time);
	/* S3 alone wants the payload's hash as a header. */
	if (rc == 0 && strcmp(r->service, "s3") == 0)
		rc = kv_set(headers, "x-amz-content-sha256", r->payload_hash);
	if (rc == 0 && c->session_token)
		rc = kv_set(headers, "x-amz-security-token", c->session_token);
	return rc;
}

int sign_v4(const struct sign_req *r, const struct cred *c, struct kv *out)
{
	auto_with(kv_free_ptr) struct kv headers = KV_EMPTY;
	auto_with(buf_free) struct buf names;
	auto_with(buf_free) struct buf text;
	uint8_t hash[SHA256_SIZE];
	struct scope s;
	int rc;

	buf_init(&names, BUF_LIMIT_SMALL);
	buf_init(&text, 4 * BUF_LIMIT_SMALL);
	time_format_amz(r->wall_ms, s.time);
	time_format_amz_date(r->wall_ms, s.date);
	rc = headers_complete(r, c, &s, &headers);
	if (rc == 0)
		rc = names_canonical(&headers, &names);
	if (rc == 0)
		rc = request_canonical(r, &headers, buf_str(&names), &text);
	if (rc == 0)
		rc = sha256(text.data, text.len, hash);
	if (rc)
		return rc;
	hex_encode(hash, sizeof(hash), s.hex);
	rc = signature_make(r, c, &s);
	if (rc)
		return rc;
	buf_reset(&text);
	rc = buf_addf(&text,
		      "%s Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
		      ALGORITHM, c->key_id, s.date, r->region, r->service, buf_str(&names), s.hex);
	if (rc == 0)
		rc = kv_set(&headers, "authorization", text.data);
	if (rc == 0)
		rc = kv_merge(out, &headers);
	return rc;
}
