/* sign.h - AWS Signature Version 4: pure, request + credentials + time -> headers. Source: S3 API
 * Reference, "Signature calculations". */
#ifndef S3_SIGN_H
#define S3_SIGN_H

#include "base/kv.h"
#include "s3/cred.h"

struct sign_req {
	const char *method;
	const char *host;	  /* as sent, with the port when not the default */
	const char *path;	  /* as sent: already percent-encoded, starts with '/' */
	const struct kv *query;	  /* decoded names and values; may be NULL */
	const struct kv *headers; /* names in lower case; all of them are signed */
	const char *payload_hash; /* 64 hex digits or UNSIGNED-PAYLOAD */
	const char *region;
	const char *service; /* "s3" */
	int64_t wall_ms;
};

/* Adds host, x-amz-date, x-amz-content-sha256, x-amz-security-token and authorization to *out
 * (which holds a copy of headers). */
int sign_v4(const struct sign_req *r, const struct cred *c, struct kv *out) must_check;

#endif
