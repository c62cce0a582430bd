/*
 * client.h - a handle on one bucket, and s3_call, the one way out: it signs, tries, classifies,
 * waits and tries again. Every verb in s3/ is: fill a request, s3_call, read the response.
 * Thread-safe.
 */
#ifndef S3_CLIENT_H
#define S3_CLIENT_H

#include "base/buf.h"
#include "base/kv.h"
#include "s3/cred.h"
#include "s3/fault.h"
#include "s3/http.h"
#include "s3/types.h"

struct s3_client;
struct s3_res;

#define S3_WHY 200

struct s3_client_conf {
	/* "http[s]://host[:port]"; NULL = https://s3.REGION.amazonaws.com */
	const char *url;
	/* NULL = from the credentials' profile, else us-east-1, corrected by the bucket's answer */
	const char *region;
	const char *bucket;
	int path_style; /* 1 path, 0 virtual host, -1 = path unless url is NULL */
	const char *cacert;
	bool no_check_certificate;
	bool allow_http;    /* plain http beyond loopback */
	int64_t connect_ms; /* 0 = default 10 s */
	/* with less than 1 KB/s; 0 = half of call_ms, at most 30 s */
	int64_t stall_ms;
	/* total time of a call with retries; 0 = default 60 s; data calls may take longer while
	 * bytes move */
	int64_t call_ms;
	unsigned max_attempts;	  /* 0 = default 6 */
	/* a server that gives no answer at all, or has no time now (503), is tried until call_ms is
	 * over */
	bool patient;
	struct cred_source *cred; /* taken on success */
	http_attempt_fn *attempt; /* NULL = libcurl */
	void *attempt_arg;
};

struct s3_req {
	const char *op; /* S3's name, for logs: "PutObject" */
	const char *method;
	const char *key; /* NULL = the bucket itself */
	struct kv query;
	struct kv headers; /* lower case; without what signing adds */
	const void *body_data;
	uint64_t body_size;
	http_read_fn *read; /* body by parts; NULL = body_data */
	void *read_arg;
	/* looks at the head of a 2xx answer, with write_arg: what it returns ends the call */
	http_head_fn *head;
	/* sink of a 2xx body; must accept being restarted: see restart */
	http_write_fn *write;
	void *write_arg;
	/* called with write_arg before each attempt after the first; NULL = fine */
	int (*restart)(void *arg);
	/* not to be repeated after an unclear outcome (see s3_error.unclear) */
	bool once;
	bool single; /* not to be waited for and repeated at all: a refusal is an answer */
	/* moves bulk data: only the stall limit applies to an attempt */
	bool data;
	bool error_in_200; /* a 200 may carry an <Error> body (Complete, Copy) */
	/* Reads the body of a 2xx answer, perhaps more than once: 0, -ENOMEM, or -EIO with words in
	 * why when it makes no sense: then the request is made again. NULL: the caller reads it */
	int (*parse)(void *arg, const struct s3_res *res, char why[S3_WHY]);
	void *parse_arg;
	/* the answer's ETag must be the MD5 of what was sent (when it looks like an MD5, and no
	 * SSE-KMS/SSE-C) */
	bool check_md5;
	/* send Content-MD5, for which the body is read once before. Requests with check_md5 do so
	 * anyway once the server has asked for it: AWS does for versions with Object Lock, the
	 * bucket's default retention included (S3 API Reference, "PutObject", Content-MD5) */
	bool content_md5;
	/* with check_md5: x-amz-checksum-crc32c goes out with the body, which is read once before
	 * for it, and must come back. A server that does so needs neither MD5; one that refuses or
	 * ignores the header is not sent it again (S3 User Guide, "Checking object integrity") */
	bool checksum;
	/* with checksum: it goes out whatever the server was seen to do, since a multipart upload
	 * was created with it, and no part of it may be without */
	bool checksum_agreed;
};

struct s3_res {
	int status;
	struct s3_crc32c sent; /* of the body, when it went out with its checksum */
	struct kv headers;
	struct buf body;
	struct s3_error error; /* filled whenever s3_call fails; op always */
};

void s3_req_free(struct s3_req *q);
void s3_res_free(struct s3_res *r);

int s3_client_new(const struct s3_client_conf *conf, struct s3_client **ret_c, char *why,
		  size_t why_len) must_check;
void s3_client_free(struct s3_client *c);
/* every call returns -ECANCELED soon, waits included */
void s3_client_abort(struct s3_client *c);
const char *s3_client_bucket(const struct s3_client *c);
const char *s3_client_url(const struct s3_client *c); /* for messages: scheme, host, port */
int64_t s3_client_call_ms(const struct s3_client *c); /* never 0 */
/* as it was given, or as the server has corrected it */
void s3_client_region(struct s3_client *c, char ret_region[40]);

/* GET and HEAD are given up, -EINTR, when the operation that the thread works for is
 * (base/cancel.h). ret_res must be all zero; the caller frees it whatever is returned. Any status
 * but 2xx (and 304 for conditional GETs) is an error. ret_res->error tells which. -ECANCELED,
 * -ENOMEM and fault.h's errors. */
int s3_call(struct s3_client *c, const struct s3_req *req, struct s3_res *ret_res) must_check;

/* One line for people: "403 AccessDenied: Access Denied (request id ...)"; dst of 400 bytes is
 * enough. */
const char *s3_error_text(const struct s3_error *e, char *dst, size_t n);

#endif
