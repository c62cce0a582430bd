/* http_i.h - an attempt, as http.c makes it and http_handle.c carries it out. Theirs alone. */
#ifndef S3_HTTP_I_H
#define S3_HTTP_I_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/digest.h"
#include "base/lock.h"
#include "s3/http.h"

/* A transfer needs both: the multi handle can be woken, and has the connection. */
struct handle {
	CURL *curl;
	CURLM *multi;
};

struct http {
	char *cacert;
	char *no_proxy;
	bool no_check_certificate;
	int64_t connect_ms;
	unsigned max_idle;
	atomic_bool aborted;
	struct {
		struct lock l;
		struct handle *idle; /* the last one given back has the freshest connection */
		unsigned n;
	} locked;
};

/* One attempt; lives on the stack of its thread. */
struct attempt {
	struct http *h;
	const struct http_req *req;
	struct http_res *res;
	struct digest *md5; /* NULL = cannot be had */
	uint64_t offset;    /* bytes of the request's body given to curl */
	void *body;	    /* all of it, where it goes with the head; else NULL */
	int error;	    /* of read or write, or -EIO for an answer over a cap */
	bool connected;	    /* the request was about to go out */
	bool resent;	    /* curl wanted to send it a second time by itself */
	bool stalled;
	int status; /* of the head being read */
	bool head_done;
	size_t head_bytes;
	uint64_t drained;
	curl_off_t moved; /* bytes both ways at moved_ms */
	int64_t moved_ms;
	char words[CURL_ERROR_SIZE];
};

void http_handle_free(struct handle h);
int http_handle_take(struct http *h, struct handle *ret_h) must_check;
/* After a failure there is no connection worth keeping, and libcurl 7.88 may refuse options later.
 * */
void http_handle_give(struct http *h, struct handle used, bool failed);
/* What curl_easy_perform does, but that it can be woken. */
CURLcode http_handle_run(struct handle *h, const struct attempt *a);

#endif
