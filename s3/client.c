/* client.c - the handle: what it is made of and checked for; see client.h. */
#include "s3/client_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define STALL_MS_MAX    30000
#define CALL_MS_DEFAULT	 60000
#define ATTEMPTS_DEFAULT 6
#define IDLE_MAX	 64
#define TIME_MAX_MS	 (365LL * 24 * 3600 * 1000)

static int attempt_by_curl(void *arg, const struct http_req *req, struct http_res *res)
{
	return http_attempt(arg, req, res);
}

static bool bucket_is_valid(const char *b)
{
	size_t n = b ? strlen(b) : 0;

	return n > 0 && n < 256 && strcmp(b, ".") != 0 && strcmp(b, "..") != 0 &&
	       strspn(b, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") == n;
}

static int region_choose(struct s3_client *c, const struct s3_client_conf *conf, char *why,
			 size_t why_len)
{
	const char *region = conf->region;

	if (!region)
		region = cred_source_region(conf->cred);
	if (!region)
		region = "us-east-1";
	if (!region_is_valid(region)) {
		snprintf(why, why_len, "region %.60s: expected a name like eu-central-1", region);
		return -EINVAL;
	}
	snprintf(c->locked.region, sizeof(c->locked.region), "%s", region);
	return 0;
}

static int style_choose(struct s3_client *c, const struct s3_client_conf *conf, char *why,
			size_t why_len)
{
	bool fits = bucket_fits_host(c->bucket, c->tls && !conf->no_check_certificate);

	c->path_style = conf->path_style == 1 || (conf->path_style < 0 && (!c->aws || !fits));
	if (c->path_style)
		return 0;
	if (c->endpoint.is_address) {
		snprintf(why, why_len,
			 "%s is an address: virtual-host style needs a host name; use path style",
			 c->url);
		return -EINVAL;
	}
	if (!bucket_fits_host(c->bucket, false)) {
		snprintf(why, why_len, "bucket %.80s cannot be part of a host name; use path style",
			 c->bucket);
		return -EINVAL;
	}
	return 0;
}

static int place_choose(struct s3_client *c, const struct s3_client_conf *conf, char *why,
			size_t why_len)
{
	int rc = region_choose(c, conf, why, why_len);

	if (rc)
		return rc;
	c->aws = !conf->url;
	rc = c->aws ? endpoint_aws(c->locked.region, &c->endpoint)
		    : endpoint_parse(conf->url, &c->endpoint, why, why_len);
	if (rc)
		return rc;
	c->tls = c->endpoint.tls;
	rc = str_format(&c->url, "%s://%s", c->tls ? "https" : "http", c->endpoint.host);
	if (rc)
		return rc;
	if (!c->tls && !c->endpoint.loopback && !conf->allow_http) {
		snprintf(why, why_len,
			 "%s would send data in the clear: use https, or allow it with allow_http",
			 c->url);
		return -EINVAL;
	}
	return style_choose(c, conf, why, why_len);
}

static int way_choose(struct s3_client *c, const struct s3_client_conf *conf, char *why,
		      size_t why_len)
{
	const struct http_conf http = {
		.cacert = conf->cacert,
		.no_check_certificate = conf->no_check_certificate,
		.connect_ms = conf->connect_ms,
		.max_idle = IDLE_MAX,
	};
	char text[64];

	if (conf->attempt) {
		c->attempt = conf->attempt;
		c->attempt_arg = conf->attempt_arg;
		return 0;
	}
	if (conf->cacert && access(conf->cacert, R_OK) != 0) {
		int rc = -errno;

		snprintf(why, why_len, "cacert %.120s: %s", conf->cacert,
			 errno_text(rc, text, sizeof(text)));
		return rc;
	}
	c->attempt = attempt_by_curl;
	return http_new(&http, &c->http);
}

static int64_t time_choose(int64_t ms, int64_t otherwise)
{
	return ms > 0 ? min_of(ms, (int64_t)TIME_MAX_MS) : otherwise;
}

int s3_client_new(const struct s3_client_conf *conf, struct s3_client **ret_c, char *why,
		  size_t why_len)
{
	struct s3_client *c;
	int rc;

	snprintf(why, why_len, "out of memory");
	if (!bucket_is_valid(conf->bucket) || !conf->cred) {
		snprintf(why, why_len, "bucket %.80s: not a bucket's name, or no credentials",
			 conf->bucket ? conf->bucket : "(none)");
		return -EINVAL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	lock_init(&c->locked.l);
	cond_init(&c->locked.cond);
	atomic_init(&c->skew_ms, 0);
	c->call_ms = time_choose(conf->call_ms, CALL_MS_DEFAULT);
	c->stall_ms = time_choose(conf->stall_ms, min_of(c->call_ms / 2, (int64_t)STALL_MS_MAX));
	c->patient = conf->patient;
	c->max_attempts = conf->max_attempts ? conf->max_attempts : ATTEMPTS_DEFAULT;
	rc = str_dup(conf->bucket, &c->bucket);
	if (rc == 0)
		rc = place_choose(c, conf, why, why_len);
	if (rc == 0)
		rc = way_choose(c, conf, why, why_len);
	if (rc) {
		s3_client_free(c);
		return rc;
	}
	if (c->http)
		c->attempt_arg = c->http;
	c->cred = conf->cred;
	snprintf(why, why_len, "%s", "");
	*ret_c = c;
	return 0;
}

void s3_client_free(struct s3_client *c)
{
	if (!c)
		return;
	http_free(c->http);
	cred_source_free(c->cred);
	cond_free(&c->locked.cond);
	lock_free(&c->locked.l);
	free(c->bucket);
	free(c->url);
	free(c);
}

void s3_client_abort(struct s3_client *c)
{
	lock_take(&c->locked.l);
	c->locked.aborted = true;
	cond_broadcast(&c->locked.cond);
	lock_drop(&c->locked.l);
	if (c->http)
		http_abort(c->http);
}

const char *s3_client_bucket(const struct s3_client *c)
{
	return c->bucket;
}

const char *s3_client_url(const struct s3_client *c)
{
	return c->url;
}

int64_t s3_client_call_ms(const struct s3_client *c)
{
	return c->call_ms;
}

void s3_client_region(struct s3_client *c, char ret_region[40])
{
	scoped_lock(&c->locked.l);
	memcpy(ret_region, c->locked.region, sizeof(c->locked.region));
}

void s3_req_free(struct s3_req *q)
{
	kv_free(&q->query);
	kv_free(&q->headers);
}

void s3_res_free(struct s3_res *r)
{
	kv_free(&r->headers);
	buf_free(&r->body);
}
