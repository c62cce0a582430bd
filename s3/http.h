/*
 * http.h - one attempt over a pooled libcurl easy handle. No retry, no S3. The only file pair that
 * knows libcurl. Redirects are never followed here.
 */
#ifndef S3_HTTP_H
#define S3_HTTP_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/kv.h"

/* Reads n bytes at off of the body into dst: 0 or -errno. Called from the calling thread only. */
typedef int http_read_fn(void *arg, void *dst, size_t n, uint64_t off);
/* Gets the next bytes of a 2xx body: 0 or -errno, which aborts the attempt. */
typedef int http_write_fn(void *arg, const void *p, size_t n);
/* Sees the head of a 2xx answer before its body: 0 or -errno, which aborts the attempt. */
typedef int http_head_fn(void *arg, int status, const struct kv *headers);

struct http_req {
	const char *method; /* GET HEAD PUT POST DELETE */
	const char *url;
	const struct kv *headers; /* all to be sent, names in lower case */
	uint64_t body_size;
	http_read_fn *read; /* NULL: body is at body_data (or empty) */
	void *read_arg;
	const void *body_data;
	bool want_md5;	      /* of the body as sent */
	http_head_fn *head;   /* NULL: whatever it is */
	http_write_fn *write; /* NULL: a 2xx body goes to res->body too */
	void *write_arg;      /* of head, too */
	int64_t deadline_mono_ms; /* CLOCK_NEVER = none */
	int64_t stall_ms; /* no byte either way for this long ends the attempt, */
	uint64_t stall_bytes; /* or fewer than these, both ways together; 0 = one is enough */
	struct cancel *cancel;	  /* when it is fired the attempt ends, -EINTR; NULL = never */
};

struct http_res {
	int status;	   /* 0: no complete answer head */
	struct kv headers; /* names in lower case; the last of a repeated one */
	/* body, or error body; capped at BUF_LIMIT_DOC (error bodies at 64 KiB) */
	struct buf body;
	uint64_t received; /* body bytes given to write or body */
	/* some of the request left this host: it may have been carried out */
	bool sent;
	/* valid when it was wanted, body_size > 0 and the body was sent whole */
	uint8_t body_md5[16];
	bool body_md5_valid;
	char why[160]; /* transport trouble in words; "" when none */
};

void http_res_init(struct http_res *r);
void http_res_free(struct http_res *r);

struct http;

struct http_conf {
	const char *cacert; /* NULL = system store */
	bool no_check_certificate;
	int64_t connect_ms;
	unsigned max_idle; /* handles kept */
};

int http_new(const struct http_conf *conf, struct http **ret_h) must_check;
void http_free(struct http *h);
/* All attempts, running and future, end with -ECANCELED within about a second. */
void http_abort(struct http *h);

/* 0 when a whole answer of any status arrived. Else -ETIMEDOUT, -ECONNREFUSED, -ENOTCONN (could not
 * connect, resolve, or TLS refused: nothing was carried out), -ECONNRESET (broken in the middle),
 * -EIO (malformed, truncated), -ECANCELED, -EINTR, or what read/write returned. */
int http_attempt(struct http *h, const struct http_req *req, struct http_res *res) must_check;

/* What client.h sends through: http_attempt, or a script in tests. */
typedef int http_attempt_fn(void *arg, const struct http_req *req, struct http_res *res);

#endif
