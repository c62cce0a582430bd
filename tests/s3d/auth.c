/* Signature Version 4, in headers and in the query. Written apart from the project's signer. */
#include "s3d.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>

#define SKEW_MS (15 * 60 * 1000)

struct sig {
	char *id, *date, *region, *service, *end; /* of the credential scope */
	char *signed_headers, *signature;
	char amz_date[20];
	char payload[72];
	bool query;
};

static pthread_mutex_t key_mutex = PTHREAD_MUTEX_INITIALIZER;

static void sig_free(struct sig *s)
{
	free(s->id);
	free(s->signed_headers);
	free(s->signature);
}

/* ID/DATE/REGION/SERVICE/aws4_request; the id may hold slashes in theory, not here. */
static bool split_credential(struct sig *s, const char *text)
{
	char **fields[] = { &s->date, &s->region, &s->service, &s->end };

	free(s->id);
	s->id = x_strdup(text);
	char *p = s->id;
	for (int i = 0; i < 4; i++) {
		p = strchr(p, '/');
		if (!p)
			return false;
		*p++ = 0;
		*fields[i] = p;
	}
	return !strchr(p, '/');
}

static char *auth_field(const char *header, const char *name)
{
	for (const char *p = header; p && *p;) {
		p += strspn(p, " ,");
		size_t n = strlen(name);
		size_t len = strcspn(p, ",");
		if (!strncmp(p, name, n) && p[n] == '=') {
			while (len && p[len - 1] == ' ')
				len--;
			return x_strndup(p + n + 1, len - n - 1);
		}
		p += len;
	}
	return NULL;
}

static int malformed(struct req *r, const char *why)
{
	return req_fail(r, "AuthorizationHeaderMalformed", why);
}

static int old_mechanism(struct req *r)
{
	return req_fail(r, "InvalidRequest",
			"The authorization mechanism you have provided is not"
			" supported. Please use AWS4-HMAC-SHA256.");
}

static int parse_header(struct req *r, struct sig *s, const char *auth)
{
	static const char scheme[] = "AWS4-HMAC-SHA256 ";

	if (starts_with(auth, "AWS "))
		return old_mechanism(r);
	if (!starts_with(auth, scheme))
		return req_fail_x(r, "InvalidArgument", "Unsupported Authorization Type",
				  "ArgumentName", "Authorization", NULL);
	auth += sizeof(scheme) - 1;
	char *cred = auth_field(auth, "Credential");
	bool ok = cred && split_credential(s, cred);
	free(cred);
	s->signed_headers = auth_field(auth, "SignedHeaders");
	s->signature = auth_field(auth, "Signature");
	if (!ok)
		return malformed(r, "The authorization header is malformed; the Credential is"
				    " mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/"
				    "aws4_request\".");
	if (!s->signed_headers || !s->signature)
		return malformed(r,
				 "The authorization header is malformed; the authorization header"
				 " requires three components: Credential, SignedHeaders, and"
				 " Signature.");
	const char *date = req_header(r, "x-amz-date");
	int64_t ms;
	if (date && !time_parse_iso(date, &ms)) {
		snprintf(s->amz_date, sizeof(s->amz_date), "%s", date);
	} else {
		date = req_header(r, "Date");
		if (!date || time_parse_http(date, &ms))
			return req_fail(r, "AccessDenied",
					"AWS authentication requires a valid Date"
					" or x-amz-date header");
		char iso[40];
		time_iso(ms, iso);
		snprintf(s->amz_date, sizeof(s->amz_date), "%.4s%.2s%.2sT%.2s%.2s%.2sZ", iso,
			 iso + 5, iso + 8, iso + 11, iso + 14, iso + 17);
	}
	const char *hash = req_header(r, "x-amz-content-sha256");
	if (!hash)
		return req_fail(r, "InvalidRequest",
				"Missing required header for this request:"
				" x-amz-content-sha256");
	if (strlen(hash) >= sizeof(s->payload))
		return req_fail(r, "InvalidArgument", "x-amz-content-sha256 is invalid");
	snprintf(s->payload, sizeof(s->payload), "%s", hash);
	return 0;
}

static int query_error(struct req *r, const char *why)
{
	return req_fail(r, "AuthorizationQueryParametersError", why);
}

static int parse_query(struct req *r, struct sig *s, int64_t *ret_expires)
{
	const char *alg = req_param(r, "X-Amz-Algorithm"), *cred = req_param(r, "X-Amz-Credential");
	const char *date = req_param(r, "X-Amz-Date"), *expires = req_param(r, "X-Amz-Expires");
	const char *headers = req_param(r, "X-Amz-SignedHeaders");
	const char *signature = req_param(r, "X-Amz-Signature");
	int64_t ms;

	s->query = true;
	if (!alg || !cred || !date || !expires || !headers || !signature)
		return query_error(
			r, "Query-string authentication version 4 requires the"
			   " X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date,"
			   " X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
	if (strcmp(alg, "AWS4-HMAC-SHA256"))
		return query_error(r, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
	if (!split_credential(s, cred))
		return query_error(r, "Error parsing the X-Amz-Credential parameter");
	if (strlen(date) != 16 || time_parse_iso(date, &ms))
		return query_error(r, "X-Amz-Date must be in the ISO8601 Long Format"
				      " \"yyyyMMdd'T'HHmmss'Z'\"");
	if (parse_int(expires, 0, INT64_MAX, ret_expires))
		return query_error(r, "X-Amz-Expires must be a number");
	if (*ret_expires > 604800)
		return query_error(r,
				   "X-Amz-Expires must be less than a week (in seconds); that is,"
				   " the given X-Amz-Expires must be less than 604800 seconds");
	memcpy(s->amz_date, date, 17);
	s->signed_headers = x_strdup(headers);
	s->signature = x_strdup(signature);
	const char *hash = req_header(r, "x-amz-content-sha256");
	snprintf(s->payload, sizeof(s->payload), "%.71s", hash ? hash : "UNSIGNED-PAYLOAD");
	return 0;
}

static int check_date(struct req *r, const struct sig *s, int64_t expires)
{
	int64_t ms, now = now_ms();
	char server[40], until[40];

	if (time_parse_iso(s->amz_date, &ms))
		return malformed(r, "The date is malformed.");
	time_iso(now, server);
	if (s->query) {
		time_iso(ms + expires * 1000, until);
		if (ms > now + SKEW_MS)
			return req_fail(r, "AccessDenied", "Request is not yet valid");
		if (now > ms + expires * 1000)
			return req_fail_x(r, "AccessDenied", "Request has expired", "Expires",
					  until, "ServerTime", server, NULL);
	} else if (ms > now + SKEW_MS || ms < now - SKEW_MS) {
		return req_fail_x(r, "RequestTimeTooSkewed",
				  "The difference between the request time"
				  " and the current time is too large.",
				  "RequestTime", s->amz_date, "ServerTime", server,
				  "MaxAllowedSkewMilliseconds", "900000", NULL);
	}
	if (strncmp(s->date, s->amz_date, 8) || strlen(s->date) != 8)
		return malformed(
			r, "Invalid credential date. This date is not the same as X-Amz-Date.");
	return 0;
}

static int check_scope(struct req *r, const struct sig *s)
{
	char why[256];
	struct bucket b;
	const char *want = NULL;

	if (strcmp(s->service, "s3"))
		return malformed(r, "The authorization header is malformed; incorrect service. This"
				    " endpoint belongs to \"s3\".");
	if (strcmp(s->end, "aws4_request"))
		return malformed(r,
				 "The authorization header is malformed; incorrect terminal. This"
				 " endpoint uses \"aws4_request\".");
	db_lock();
	bool known = r->bucket && !bucket_find(r->bucket, &b);
	db_unlock();
	if (known && region_served(b.region)) {
		if (strcmp(b.region, s->region))
			want = b.region;
	} else if (!region_served(s->region)) {
		want = conf.regions[0];
	}
	if (!want)
		return 0;
	snprintf(why, sizeof(why),
		 "The authorization header is malformed; the region '%.40s' is"
		 " wrong; expecting '%s'",
		 s->region, want);
	if (known)
		req_set(r, "x-amz-bucket-region", b.region);
	return req_fail_x(r, "AuthorizationHeaderMalformed", why, "Region", want, NULL);
}

static bool is_signed_header(const struct sig *s, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = s->signed_headers; *p;) {
		size_t len = strcspn(p, ";");
		if (len == n && !strncasecmp(p, name, n))
			return true;
		p += len + (p[len] == ';');
	}
	return false;
}

struct check_signed {
	struct req *r;
	const struct sig *s;
};

static int must_be_signed(void *arg, const char *name, const char *value)
{
	struct check_signed *c = arg;

	(void)value;
	if (strncasecmp(name, "x-amz-", 6) && strcasecmp(name, "host"))
		return 0;
	/* a presigned request may add x-amz-content-sha256 */
	if (c->s->query && !strcasecmp(name, "x-amz-content-sha256"))
		return 0;
	if (is_signed_header(c->s, name))
		return 0;
	return req_fail_x(c->r, "AccessDenied",
			  "There were headers present in the request which"
			  " were not signed",
			  "HeadersNotSigned", name, NULL);
}

static int compare_kv(const void *a, const void *b)
{
	const struct kv *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->value, y->value);
}

static void canonical_query(const struct req *r, const struct sig *s, struct buf *out)
{
	struct kv *kv = x_calloc(r->nparams, sizeof(*kv));
	size_t n = 0;

	for (size_t i = 0; i < r->nparams; i++) {
		if (s->query && !strcmp(r->params[i].name, "X-Amz-Signature"))
			continue;
		struct buf name = { 0 }, value = { 0 };
		buf_url(&name, r->params[i].name, strlen(r->params[i].name), "", false);
		buf_url(&value, r->params[i].value, strlen(r->params[i].value), "", false);
		kv[n].name = buf_take(&name);
		kv[n++].value = buf_take(&value);
	}
	qsort(kv, n, sizeof(*kv), compare_kv);
	for (size_t i = 0; i < n; i++) {
		buf_fmt(out, "%s%s=%s", i ? "&" : "", kv[i].name, kv[i].value);
		free(kv[i].name);
		free(kv[i].value);
	}
	free(kv);
	buf_str(out, "\n");
}

struct collect {
	const char *name;
	size_t len;
	struct buf *out;
	int found;
};

static int collect_value(void *arg, const char *name, const char *value)
{
	struct collect *c = arg;

	if (strlen(name) != c->len || strncasecmp(name, c->name, c->len))
		return 0;
	if (c->found++)
		buf_str(c->out, ",");
	while (*value == ' ' || *value == '\t')
		value++;
	for (bool space = false; *value; value++) {
		if (*value == ' ' || *value == '\t') {
			space = true;
			continue;
		}
		if (space)
			buf_str(c->out, " ");
		space = false;
		buf_add(c->out, value, 1);
	}
	return 0;
}

static void canonical_request(const struct req *r, const struct sig *s, struct buf *out)
{
	buf_fmt(out, "%s\n", r->method);
	buf_url(out, r->path, strlen(r->path), "/", false);
	buf_str(out, "\n");
	canonical_query(r, s, out);
	for (const char *p = s->signed_headers; *p;) {
		size_t len = strcspn(p, ";");
		struct collect c = { p, len, out, 0 };
		buf_add(out, p, len);
		buf_str(out, ":");
		req_headers_each(r, collect_value, &c);
		buf_str(out, "\n");
		p += len + (p[len] == ';');
	}
	buf_fmt(out, "\n%s\n%s", s->signed_headers, s->payload);
}

static void signing_key(struct account *a, const struct sig *s, uint8_t key[32])
{
	char scope[80];

	snprintf(scope, sizeof(scope), "%.8s/%.40s", s->date, s->region);
	pthread_mutex_lock(&key_mutex);
	if (strcmp(scope, a->cache_scope)) {
		char *first = x_asprintf("AWS4%s", a->secret);
		uint8_t k[32];
		hmac_sha256(first, strlen(first), s->date, strlen(s->date), k);
		hmac_sha256(k, 32, s->region, strlen(s->region), k);
		hmac_sha256(k, 32, "s3", 2, k);
		hmac_sha256(k, 32, "aws4_request", 12, a->cache_key);
		memcpy(a->cache_scope, scope, sizeof(scope));
		free(first);
	}
	memcpy(key, a->cache_key, 32);
	pthread_mutex_unlock(&key_mutex);
}

static int check_signature(struct req *r, const struct sig *s, struct account *a)
{
	struct buf canonical = { 0 };
	char hash[65], want[65];
	uint8_t mac[32];

	snprintf(r->sign_date, sizeof(r->sign_date), "%s", s->amz_date);
	snprintf(r->sign_scope, sizeof(r->sign_scope), "%s/%.40s/s3/aws4_request", s->date,
		 s->region);
	signing_key(a, s, r->sign_key);
	canonical_request(r, s, &canonical);
	sha256_hex(canonical.p, canonical.len, hash);
	char *text = x_asprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", r->sign_date, r->sign_scope, hash);
	hmac_sha256(r->sign_key, 32, text, strlen(text), mac);
	hex_encode(mac, 32, want);
	memcpy(r->sign_seed, want, sizeof(want));
	int rc = 0;
	if (strlen(s->signature) != 64 || CRYPTO_memcmp(want, s->signature, 64))
		rc = req_fail_x(r, "SignatureDoesNotMatch",
				"The request signature we calculated does"
				" not match the signature you provided. Check your key and signing"
				" method.",
				"AWSAccessKeyId", a->id, "StringToSign", text, "SignatureProvided",
				s->signature, "CanonicalRequest", canonical.p, NULL);
	free(text);
	buf_free(&canonical);
	return rc;
}

static int check_token(struct req *r, const struct sig *s, const struct account *a)
{
	const char *token = s->query ? req_param(r, "X-Amz-Security-Token")
				     : req_header(r, "x-amz-security-token");

	if (settings_is_expired(a->id))
		return req_fail(r, "ExpiredToken", "The provided token has expired.");
	if (!token && !a->token)
		return 0;
	if (!token || !a->token || strcmp(token, a->token))
		return req_fail(r, "InvalidToken",
				"The provided token is malformed or otherwise"
				" invalid.");
	return 0;
}

static int set_payload(struct req *r, const struct sig *s)
{
	struct body *b = &r->body;

	if (!strcmp(s->payload, "UNSIGNED-PAYLOAD")) {
		b->payload = PAYLOAD_UNSIGNED;
	} else if (!strcmp(s->payload, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")) {
		b->payload = PAYLOAD_CHUNKED_UNSIGNED;
		b->trailer = true;
	} else if (!strcmp(s->payload, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") ||
		   !strcmp(s->payload, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")) {
		b->payload = PAYLOAD_CHUNKED_SIGNED;
		b->trailer = s->payload[34] == '-';
	} else {
		if (strlen(s->payload) != 64 || strspn(s->payload, "0123456789abcdef") != 64)
			return req_fail_x(r, "InvalidArgument",
					  "x-amz-content-sha256 must be"
					  " UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER,"
					  " STREAMING-AWS4-HMAC-SHA256-PAYLOAD,"
					  " STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid"
					  " sha256 value.",
					  "ArgumentName", "x-amz-content-sha256", NULL);
		b->payload = PAYLOAD_SIGNED;
		memcpy(b->sha256_want, s->payload, 65);
	}
	return 0;
}

static int check(struct req *r, struct sig *s)
{
	const char *auth = req_header(r, "Authorization");
	bool query = req_param(r, "X-Amz-Algorithm") || req_param(r, "X-Amz-Signature");
	int64_t expires = 0;

	if (!auth && req_param(r, "AWSAccessKeyId"))
		return old_mechanism(r);
	if (!auth && !query)
		return req_fail(r, "AccessDenied", "Access Denied");
	if (auth && query)
		return req_fail(
			r, "InvalidArgument",
			"Only one auth mechanism allowed; only the"
			" X-Amz-Algorithm query parameter, Signature query string parameter or"
			" the Authorization header should be specified");
	if (auth ? parse_header(r, s, auth) : parse_query(r, s, &expires))
		return -1;
	struct account *a = account_by_id(s->id);
	if (!a)
		return req_fail_x(r, "InvalidAccessKeyId",
				  "The AWS Access Key Id you provided does not"
				  " exist in our records.",
				  "AWSAccessKeyId", s->id, NULL);
	struct check_signed c = { r, s };
	if (!is_signed_header(s, "host"))
		return req_fail_x(r, "AccessDenied",
				  "There were headers present in the request which"
				  " were not signed",
				  "HeadersNotSigned", "host", NULL);
	if (check_date(r, s, expires) || check_scope(r, s) ||
	    req_headers_each(r, must_be_signed, &c) || check_signature(r, s, a) ||
	    check_token(r, s, a) || set_payload(r, s))
		return -1;
	r->who = a;
	return 0;
}

int auth_check(struct req *r)
{
	struct sig s = { 0 };
	int rc = check(r, &s);

	sig_free(&s);
	return rc;
}
