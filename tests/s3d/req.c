/* One request: headers, parameters, bucket and key; and how it is refused. */
#include "s3d.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <microhttpd.h>

static const struct {
	const char *code;
	int status;
} errors[] = {
	{ "AccessControlListNotSupported", 400 },
	{ "AccessDenied", 403 },
	{ "AuthorizationHeaderMalformed", 400 },
	{ "AuthorizationQueryParametersError", 400 },
	{ "BadDigest", 400 },
	{ "BadRequest", 400 },
	{ "BucketAlreadyExists", 409 },
	{ "BucketAlreadyOwnedByYou", 409 },
	{ "BucketNotEmpty", 409 },
	{ "EntityTooLarge", 400 },
	{ "EntityTooSmall", 400 },
	{ "IllegalLocationConstraintException", 400 },
	{ "IllegalVersioningConfigurationException", 400 },
	{ "IncompleteBody", 400 },
	{ "InternalError", 500 },
	{ "InvalidAccessKeyId", 403 },
	{ "InvalidArgument", 400 },
	{ "InvalidBucketName", 400 },
	{ "InvalidBucketState", 409 },
	{ "InvalidChunkSizeError", 403 },
	{ "InvalidDigest", 400 },
	{ "InvalidEncryptionAlgorithmError", 400 },
	{ "InvalidLocationConstraint", 400 },
	{ "InvalidObjectState", 403 },
	{ "InvalidPart", 400 },
	{ "InvalidPartNumber", 416 },
	{ "InvalidPartOrder", 400 },
	{ "InvalidRange", 416 },
	{ "InvalidRedirectLocation", 400 },
	{ "InvalidRequest", 400 },
	{ "InvalidStorageClass", 400 },
	{ "InvalidTag", 400 },
	{ "ExpiredToken", 400 },
	{ "InvalidToken", 400 },
	{ "InvalidURI", 400 },
	{ "KMS.DisabledException", 400 },
	{ "KMS.NotFoundException", 400 },
	{ "KeyTooLongError", 400 },
	{ "MalformedACLError", 400 },
	{ "MalformedPolicy", 400 },
	{ "MalformedTrailerError", 400 },
	{ "MalformedXML", 400 },
	{ "MaxMessageLengthExceeded", 400 },
	{ "MetadataTooLarge", 400 },
	{ "MethodNotAllowed", 405 },
	{ "MissingSecurityHeader", 400 },
	{ "MissingContentLength", 411 },
	{ "NoSuchBucket", 404 },
	{ "NoSuchBucketPolicy", 404 },
	{ "NoSuchCORSConfiguration", 404 },
	{ "NoSuchKey", 404 },
	{ "NoSuchLifecycleConfiguration", 404 },
	{ "NoSuchObjectLockConfiguration", 404 },
	{ "NoSuchPublicAccessBlockConfiguration", 404 },
	{ "NoSuchTagSet", 404 },
	{ "NoSuchUpload", 404 },
	{ "NoSuchVersion", 404 },
	{ "NotImplemented", 501 },
	{ "ObjectLockConfigurationNotFoundError", 404 },
	{ "OperationAborted", 409 },
	{ "OwnershipControlsNotFoundError", 404 },
	{ "PermanentRedirect", 301 },
	{ "PreconditionFailed", 412 },
	{ "ReplicationConfigurationNotFoundError", 404 },
	{ "RequestHeaderSectionTooLarge", 400 },
	{ "RequestTimeTooSkewed", 403 },
	{ "ServerSideEncryptionConfigurationNotFoundError", 404 },
	{ "ServiceUnavailable", 503 },
	{ "SignatureDoesNotMatch", 403 },
	{ "SlowDown", 503 },
	{ "UnresolvableGrantByEmailAddress", 400 },
	{ "InvalidTargetBucketForLogging", 400 },
};

const char *req_header(const struct req *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

struct each {
	int (*fn)(void *arg, const char *name, const char *value);
	void *arg;
	int rc;
};

static enum MHD_Result each_header(void *cls, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct each *e = cls;

	(void)kind;
	e->rc = e->fn(e->arg, name, value ? value : "");
	return e->rc ? MHD_NO : MHD_YES;
}

int req_headers_each(const struct req *r, int (*fn)(void *arg, const char *name, const char *value),
		     void *arg)
{
	struct each e = { fn, arg, 0 };

	MHD_get_connection_values(r->conn, MHD_HEADER_KIND, each_header, &e);
	return e.rc;
}

const char *req_param(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->nparams; i++)
		if (!strcmp(r->params[i].name, name))
			return r->params[i].value;
	return NULL;
}

void req_set(struct req *r, const char *name, const char *value)
{
	if (!value)
		return;
	buf_add(&r->hdr, name, strlen(name) + 1);
	buf_add(&r->hdr, value, strlen(value) + 1);
}

void req_setf(struct req *r, const char *name, const char *fmt, ...)
{
	char value[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	req_set(r, name, value);
}

const char *req_get_set(const struct req *r, const char *name)
{
	for (size_t i = 0; i < r->hdr.len;) {
		const char *n = r->hdr.p + i, *v = n + strlen(n) + 1;
		if (!strcasecmp(n, name))
			return v;
		i += strlen(n) + strlen(v) + 2;
	}
	return NULL;
}

void req_unset(struct req *r, const char *name)
{
	for (size_t i = 0; i < r->hdr.len;) {
		char *n = r->hdr.p + i, *v = n + strlen(n) + 1;
		size_t len = strlen(n) + strlen(v) + 2;
		if (strcasecmp(n, name)) {
			i += len;
			continue;
		}
		memmove(n, n + len, r->hdr.len - i - len);
		r->hdr.len -= len;
	}
}

void req_clear_answer(struct req *r)
{
	buf_free(&r->out);
	r->has_len = false;
}

static void error_xml(struct req *r, const char *code, const char *message, const char *more)
{
	struct buf *b = &r->out;
	bool redirect = !strcmp(code, "PermanentRedirect");

	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
	xml_elem(b, "Code", code);
	xml_elem(b, "Message", message);
	if (!strcmp(code, "NoSuchBucket") || redirect || !strcmp(code, "BucketNotEmpty"))
		xml_elem(b, redirect ? "Bucket" : "BucketName", r->bucket);
	if (!strcmp(code, "NoSuchKey"))
		xml_elem(b, "Key", r->key);
	buf_str(b, more);
	xml_elem(b, "Resource", r->path);
	xml_elem(b, "RequestId", r->reqid);
	xml_elem(b, "HostId", "s3d");
	buf_str(b, "</Error>");
}

static int fail(struct req *r, const char *code, const char *message, const char *more)
{
	int status = 500;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].code, code))
			status = errors[i].status;
	req_clear_answer(r);
	req_unset(r, "Content-Type");
	r->failed = true;
	r->status = status;
	if (r->head)
		return -1;
	req_set(r, "Content-Type", "application/xml");
	error_xml(r, code, message, more);
	return -1;
}

int req_fail(struct req *r, const char *code, const char *message)
{
	return fail(r, code, message, "");
}

/* The rest are pairs of element and value, ended by NULL. */
int req_fail_x(struct req *r, const char *code, const char *message, const char *extra, ...)
{
	va_list ap;
	struct buf more = { 0 };

	va_start(ap, extra);
	for (const char *name = extra; name; name = va_arg(ap, const char *))
		xml_elem(&more, name, va_arg(ap, const char *));
	va_end(ap);
	fail(r, code, message, more.p ? more.p : "");
	buf_free(&more);
	return -1;
}

static int bad_uri(struct req *r)
{
	return req_fail_x(r, "InvalidURI", "Couldn't parse the specified URI.", "URI", r->uri,
			  NULL);
}

static int parse_params(struct req *r)
{
	size_t n = 1;

	for (const char *p = r->raw_query; *p; p++)
		n += *p == '&';
	r->params = x_calloc(n, sizeof(*r->params));
	for (const char *p = r->raw_query; *p;) {
		size_t len = strcspn(p, "&");
		size_t name = strcspn(p, "=&");
		if (len) {
			struct kv *kv = &r->params[r->nparams++];
			kv->name = url_decode(p, name, true);
			kv->value = name < len ? url_decode(p + name + 1, len - name - 1, true)
					       : x_strdup("");
			if (!kv->name || !kv->value || !utf8_valid(kv->name) ||
			    !utf8_valid(kv->value))
				return bad_uri(r);
		}
		p += len + (p[len] == '&');
	}
	return 0;
}

/* BUCKET.localhost, BUCKET.s3.localhost, BUCKET.s3.REGION.localhost; anything else is path style */
static char *virtual_bucket(const struct req *r)
{
	const char *host = req_header(r, "Host");

	if (!host)
		return NULL;
	size_t n = strcspn(host, ":");
	static const char suffix[] = "localhost";
	size_t s = sizeof(suffix) - 1;
	if (n <= s || strncasecmp(host + n - s, suffix, s) || host[n - s - 1] != '.')
		return NULL;
	char *name = x_strndup(host, n - s - 1);
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	for (size_t i = 0; i < conf.nregions; i++) {
		size_t len = strlen(name), rl = strlen(conf.regions[i]);
		if (len >= rl + 3 && !strcmp(name + len - rl, conf.regions[i]) &&
		    (!strncmp(name + len - rl - 3, "s3.", 3)))
			name[len - rl - 1] = 0;
	}
	size_t len = strlen(name);
	if (!strcmp(name, "s3")) {
		free(name);
		return NULL;
	}
	if (len > 3 && !strcmp(name + len - 3, ".s3"))
		name[len - 3] = 0;
	return name;
}

int req_parse(struct req *r)
{
	size_t n = strcspn(r->uri, "?");

	r->raw_query = x_strdup(r->uri[n] ? r->uri + n + 1 : "");
	r->path = url_decode(r->uri, n, false);
	if (!r->path || r->path[0] != '/' || !utf8_valid(r->path)) {
		free(r->path);
		r->path = x_strdup("/");
		return bad_uri(r);
	}
	if (parse_params(r))
		return -1;
	const char *key = r->path + 1;
	r->bucket = virtual_bucket(r);
	if (!r->bucket && *key) {
		size_t len = strcspn(key, "/");
		r->bucket = x_strndup(key, len);
		key += len + (key[len] == '/');
	}
	if (r->bucket && *key)
		r->key = x_strdup(key);
	if (r->bucket && strlen(r->bucket) > 63)
		return req_fail_x(r, "InvalidBucketName", "The specified bucket is not valid.",
				  "BucketName", r->bucket, NULL);
	if (r->key && strlen(r->key) > 1024)
		return req_fail_x(r, "KeyTooLongError", "Your key is too long", "Size", NULL,
				  "MaxSizeAllowed", "1024", NULL);
	return 0;
}

void req_free(struct req *r)
{
	for (size_t i = 0; i < r->nparams; i++) {
		free(r->params[i].name);
		free(r->params[i].value);
	}
	free(r->params);
	free(r->uri);
	free(r->raw_query);
	free(r->path);
	free(r->bucket);
	free(r->key);
	body_free(&r->body);
	ver_free(&r->v);
	buf_free(&r->out);
	buf_free(&r->hdr);
	free(r);
}
