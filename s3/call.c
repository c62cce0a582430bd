/*
 * call.c - s3_call; see client.h.
 *
 * A call is a row of attempts. After each: accept, correct something and go again at once (clock,
 * region, credentials, Content-MD5, checksum; each at most once a call), wait and go again, or
 * stop:
 *
 *   answer                               once            else
 *   2xx, 304 to a condition              done            done
 *   RequestTimeTooSkewed                 correct         correct
 *   301/307/400 that names the region    correct         correct
 *   token or key unknown, files changed  correct         correct
 *   Content-MD5 wanted                   correct         correct
 *   the checksum of the body refused     correct         correct
 *   refused for now (SlowDown, 429, ...) wait            wait (patient: on and on)
 *   nothing sent                         wait            wait (patient: on and on)
 *   unclear (5xx, lost on the way)       stop            wait
 *   anything else                        stop            stop
 */
#include "s3/client_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "s3/answer.h"
#include "s3/body_sum.h"
#include "s3/sign.h"

#define RETRY_AFTER_MAX_MS  30000
#define SERVER_WORKS_FACTOR 5 /* Complete and Copy: the server may be busy for minutes */
#define THROTTLE_STEPS	    2 /* throttled: wait as if so many more attempts had failed */
#define HEAD_SKEW_MS	    (10 * 60 * 1000) /* S3 allows 15 minutes; a HEAD's 403 cannot say it */
#define SILENT_WAIT_MS	    1000
#define BYTES_PER_MS	    1 /* what is slower has stalled */
#define CHECKSUM	    "x-amz-checksum-crc32c"

static const struct backoff call_backoff = { 100, 10000, 20 };

/* One s3_call, on its thread's stack. */
struct call {
	struct s3_client *c;
	const struct s3_req *req;
	struct s3_res *res;
	struct cancel *cancel; /* NULL: a change is not given up */
	int64_t deadline;      /* mono */
	int64_t stall_ms;
	unsigned tries;
	bool skew_done, region_done, cred_done;
	bool checksum_done;
	bool checksum_refused; /* the header as such */
	bool was_unclear;      /* an earlier attempt was */
	/* of the latest attempt */
	const struct cred *cred;
	bool sent_md5;
	char checksum[CHECKSUM_CRC32C_TEXT]; /* as sent; "": none */
	char region[40];
	int64_t signed_ms;
	int local_error; /* of the caller's read or write */
	uint64_t sent_bytes;
	uint64_t received_bytes;
};

/* ---- one attempt ---- */

static int body_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct call *k = arg;

	if (k->req->read)
		k->local_error = k->req->read(k->req->read_arg, dst, n, off);
	else
		memcpy(dst, (const char *)k->req->body_data + off, n);
	if (k->local_error == 0)
		k->sent_bytes = off + n;
	return k->local_error;
}

static int see_head(void *arg, int status, const struct kv *headers)
{
	struct call *k = arg;

	k->local_error = k->req->head(k->req->write_arg, status, headers);
	return k->local_error;
}

static int body_write(void *arg, const void *p, size_t n)
{
	struct call *k = arg;

	k->local_error = k->req->write(k->req->write_arg, p, n);
	return k->local_error;
}

static void kv_free_ptr(struct kv *kv)
{
	kv_free(kv);
}

/* What the server checks vouches for the bytes; so no MD5 is needed. */
static bool is_vouched(const struct call *k)
{
	if (!k->checksum[0] || k->checksum_refused)
		return false;
	return k->req->checksum_agreed || atomic_load(&k->c->checksums) == CHECKSUMS_YES;
}

static bool wants_checksum(const struct call *k)
{
	if (!k->req->checksum || k->req->checksum_agreed)
		return k->req->checksum;
	return !k->checksum_done && atomic_load(&k->c->checksums) != CHECKSUMS_NO;
}

/*
 * The request's headers, and the checksum and Content-MD5 where they are wanted: of the bytes as
 * they are now. A header and no trailer: a server that knows no trailers would keep the chunks
 * around the body as if they were the object's.
 */
static int request_headers(struct call *k, struct kv *ret_headers)
{
	const struct s3_req *q = k->req;
	auto_with(buf_free) struct buf text;
	uint8_t hash[DIGEST_MAX];
	uint32_t crc = 0;
	int rc = kv_copy(ret_headers, &q->headers);

	buf_init(&text, BUF_LIMIT_SMALL);
	k->checksum[0] = '\0';
	if (rc == 0 && wants_checksum(k) && (rc = body_crc32c(k->req, &crc)) == 0 &&
	    (rc = checksum_crc32c_text(crc, k->checksum)) == 0)
		rc = kv_set(ret_headers, CHECKSUM, k->checksum);
	k->sent_md5 = !is_vouched(k) &&
		      (q->content_md5 || (q->check_md5 && atomic_load(&k->c->wants_md5)));
	if (rc || !k->sent_md5)
		return rc;
	if ((rc = body_hash(k->req, DIGEST_MD5, hash)) != 0 ||
	    (rc = base64_encode(hash, MD5_SIZE, &text)) != 0)
		return rc;
	return kv_set(ret_headers, "content-md5", buf_str(&text));
}

/* Where nobody is on the way, or TLS keeps them out, the MD5 that the server answers with guards a
 * body alone: it is read and hashed once. */
static bool signs_payload(const struct call *k)
{
	return !k->c->tls && !(k->c->endpoint.loopback && k->req->check_md5 && k->req->body_size);
}

static int request_sign(struct call *k, const struct place *place, struct kv *headers)
{
	auto_with(kv_free_ptr) struct kv unsigned_headers = KV_EMPTY;
	char payload[2 * SHA256_SIZE + 1] = "UNSIGNED-PAYLOAD";
	uint8_t hash[DIGEST_MAX];
	struct sign_req s = {
		.method = k->req->method,
		.host = place->host,
		.path = place->path,
		.query = &k->req->query,
		.headers = &unsigned_headers,
		.payload_hash = payload,
		.region = k->region,
		.service = "s3",
	};

	int rc = request_headers(k, &unsigned_headers);

	if (rc == 0 && signs_payload(k) && (rc = body_hash(k->req, DIGEST_SHA256, hash)) == 0)
		hex_encode(hash, SHA256_SIZE, payload);
	if (rc)
		return rc;
	k->signed_ms = clock_wall_ms() + atomic_load(&k->c->skew_ms);
	s.wall_ms = k->signed_ms;
	return sign_v4(&s, k->cred, headers);
}

/* All that may differ from one attempt to the next: credentials, region (and so host), time. */
static int request_make(struct call *k, struct place *place, struct kv *headers)
{
	struct endpoint e = k->c->endpoint;
	int rc;

	cred_unref(take_ptr(&k->cred));
	rc = cred_source_get(k->c->cred, &k->cred);
	if (rc)
		return rc;
	lock_take(&k->c->locked.l);
	memcpy(k->region, k->c->locked.region, sizeof(k->region));
	lock_drop(&k->c->locked.l);
	if (k->c->aws)
		rc = endpoint_aws(k->region, &e);
	if (rc == 0)
		rc = endpoint_place(&e, k->c->path_style, k->c->bucket, k->req->key, &k->req->query,
				    place);
	return rc ? rc : request_sign(k, place, headers);
}

static bool is_conditional(const struct s3_req *req)
{
	return kv_get(&req->headers, "if-none-match") || kv_get(&req->headers, "if-modified-since");
}

static bool is_read(const struct s3_req *req)
{
	return strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
}

/* why may be "": then the errno says it. */
static int local_failure(struct call *k, int rc, const char *why)
{
	char text[64];

	answer_none("Local", rc == -EINVAL ? FAULT_BAD : FAULT_RETRY,
		    *why ? why : errno_text(rc, text, sizeof(text)), &k->res->error);
	return rc;
}

/* What does the answer to a change tell of the bytes that it stored? Of a body whose MD5 was not
 * taken as it was sent, it is taken now. */
static int body_judge(struct call *k, const struct http_res *h)
{
	const char *told = k->checksum[0] ? kv_get(&k->res->headers, CHECKSUM) : NULL;
	uint8_t sum[DIGEST_MAX];
	bool known = h->body_md5_valid;

	if (told && strcmp(told, k->checksum) != 0)
		return answer_other_bytes("ChecksumMismatch", k->res->status, &k->res->error);
	if (k->checksum[0] && !k->req->checksum_agreed)
		atomic_store(&k->c->checksums, told ? CHECKSUMS_YES : CHECKSUMS_NO);
	if (k->checksum_refused)
		atomic_store(&k->c->checksums, CHECKSUMS_NO);
	if (known)
		memcpy(sum, h->body_md5, MD5_SIZE);
	else if (!told && (!k->req->body_size || k->checksum[0]))
		known = body_hash(k->req, DIGEST_MD5, sum) == 0;
	return known && answer_md5_differs(&k->res->headers, sum)
		       ? answer_other_bytes("ETagMismatch", k->res->status, &k->res->error)
		       : 0;
}

/* No answer came. A body that did not go out whole was not carried out. */
static bool is_unclear(const struct call *k, const struct http_res *h)
{
	return h->sent && !is_read(k->req) && k->sent_bytes == k->req->body_size;
}

static int body_parse(struct call *k)
{
	char why[S3_WHY] = "";
	int rc = k->req->parse ? k->req->parse(k->req->parse_arg, k->res, why) : 0;

	if (rc != -EIO)
		return rc ? local_failure(k, rc, "") : 0;
	answer_none("MalformedAnswer", FAULT_RETRY, why, &k->res->error);
	k->res->error.status = k->res->status;
	k->res->error.unclear = !is_read(k->req);
	return rc;
}

/* 0, or the error of it, filled in. */
static int answer_judge(struct call *k, int rc, const struct http_res *h)
{
	struct s3_res *res = k->res;

	if (rc && (k->local_error || rc == -ECANCELED || rc == -EINTR || rc == -ENOMEM ||
		   rc == -EINVAL)) {
		rc = local_failure(k, k->local_error ? k->local_error : rc,
				   k->local_error ? "" : h->why);
		res->error.unclear = rc == -ECANCELED && is_unclear(k, h);
		return rc;
	}
	if (rc) {
		answer_none("Transport", FAULT_RETRY, h->why, &res->error);
		res->error.unclear = is_unclear(k, h);
		return rc == -ETIMEDOUT ? rc : -EIO;
	}
	if (res->status == 304 && is_conditional(k->req))
		return 0;
	if (res->status < 200 || res->status > 299)
		return answer_error(k->req, res->status, &res->headers, &res->body, clock_wall_ms(),
				    &res->error);
	if (k->req->error_in_200 && res->status == 200)
		rc = answer_check_200(k->req, &res->headers, &res->body, clock_wall_ms(),
				      &res->error);
	/* a change whose success has no body, or none that could hold this */
	else if (k->req->method[0] != 'G' && res->body.len > 0 &&
		 strstr(buf_str(&res->body), "<Error>"))
		return answer_error(k->req, res->status, &res->headers, &res->body, clock_wall_ms(),
				    &res->error);
	if (rc == 0 && k->req->check_md5)
		rc = body_judge(k, h);
	return rc ? rc : body_parse(k);
}

static void attempt_log(const struct call *k, int rc, int64_t ms)
{
	char key[256];

	if (log_get_level() < LOG_LEVEL_DEBUG)
		return;
	printable(k->req->key ? k->req->key : "", key, sizeof(key));
	log_debug("event=s3 op=%s bucket=%s key=\"%s\" status=%d attempt=%u ms=%lld sent=%llu "
		  "received=%llu rc=%d%s%s",
		  k->req->op, k->c->bucket, key, k->res->status, k->tries, (long long)ms,
		  (unsigned long long)k->sent_bytes, (unsigned long long)k->received_bytes, rc,
		  rc ? " code=" : "", rc ? k->res->error.code : "");
}

/* Complete and Copy: blanks keep the connection alive while the server works. */
static uint64_t stall_bytes(const struct s3_req *req, int64_t stall_ms)
{
	return req->error_in_200 ? 1 : (uint64_t)stall_ms * BYTES_PER_MS;
}

/* The time in which data moved does not count. */
static void deadline_move(struct call *k, int rc, int64_t ms)
{
	if (rc == -ETIMEDOUT)
		ms -= k->stall_ms;
	if (k->req->data && (k->sent_bytes || k->received_bytes) && ms > 0)
		k->deadline += ms;
}

static int attempt_send(struct call *k, const struct place *place, const struct kv *headers)
{
	const struct http_req q = {
		.method = k->req->method,
		.url = place->url,
		.headers = headers,
		.body_size = k->req->body_size,
		.body_data = k->req->body_data,
		.want_md5 = k->req->check_md5 && !is_vouched(k),
		.read = k->req->body_size ? body_read : NULL,
		.read_arg = k,
		.head = k->req->head ? see_head : NULL,
		.write = k->req->write ? body_write : NULL,
		.write_arg = k,
		.deadline_mono_ms = k->req->data ? CLOCK_NEVER : k->deadline,
		.stall_ms = k->stall_ms,
		.stall_bytes = stall_bytes(k->req, k->stall_ms),
		.cancel = k->cancel,
	};
	int64_t start = clock_mono_ms();
	struct http_res h;
	int rc;

	http_res_init(&h);
	k->sent_bytes = 0;
	rc = k->c->attempt(k->c->attempt_arg, &q, &h);
	k->received_bytes = h.received;
	k->res->status = h.status;
	kv_move(&k->res->headers, &h.headers);
	buf_free(&k->res->body);
	k->res->body = h.body;
	buf_init(&h.body, 0);
	rc = answer_judge(k, rc, &h);
	http_res_free(&h);
	deadline_move(k, rc, clock_mono_ms() - start);
	attempt_log(k, rc, clock_mono_ms() - start);
	return rc;
}

static int attempt_run(struct call *k)
{
	auto_with(place_free) struct place place = { 0 };
	auto_with(kv_free_ptr) struct kv headers = KV_EMPTY;
	int rc = 0;

	k->tries++;
	k->local_error = 0;
	k->res->error = (struct s3_error){ 0 };
	if (k->tries > 1 && k->req->restart)
		rc = k->req->restart(k->req->write_arg);
	if (rc == 0)
		rc = request_make(k, &place, &headers);
	if (rc)
		return local_failure(k, rc, "");
	return attempt_send(k, &place, &headers);
}

/* ---- what to put right ---- */

static bool correct_skew(struct call *k)
{
	const struct s3_error *e = &k->res->error;
	const char *date = kv_get(&k->res->headers, "date");
	bool told = strcmp(e->code, "RequestTimeTooSkewed") == 0;
	bool may_be = e->status == 403 && strcmp(k->req->method, "HEAD") == 0;
	int64_t server, off;

	if (k->skew_done || !(told || may_be) || !date || time_parse_http(date, &server) != 0)
		return false;
	off = server - k->signed_ms;
	if (off < 0)
		off = -off;
	if (off < (told ? 2000 : HEAD_SKEW_MS))
		return false;
	atomic_store(&k->c->skew_ms, server - clock_wall_ms());
	k->skew_done = true;
	return true;
}

/* Another host is asked only when it is AWS's own of that region (see request_make). */
static bool correct_region(struct call *k)
{
	const struct s3_error *e = &k->res->error;
	bool answers_so = e->status == 301 || e->status == 307 || e->status == 400;

	if (k->region_done || !answers_so || !e->region[0] || strcmp(e->region, k->region) == 0)
		return false;
	lock_take(&k->c->locked.l);
	memcpy(k->c->locked.region, e->region, sizeof(e->region));
	lock_drop(&k->c->locked.l);
	k->region_done = true;
	return true;
}

static bool correct_cred(struct call *k)
{
	static const char *const codes[] = {
		"ExpiredToken", "InvalidAccessKeyId",	 "InvalidClientTokenId",
		"InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
	};
	const struct s3_error *e = &k->res->error;
	bool may_be = (e->status == 403 || e->status == 400) && strcmp(k->req->method, "HEAD") == 0;
	const struct cred *fresh = NULL;
	bool changed;

	for (size_t i = 0; i < array_size(codes) && !may_be; i++)
		may_be = strcmp(e->code, codes[i]) == 0;
	if (k->cred_done || !may_be || cred_source_get(k->c->cred, &fresh) != 0)
		return false;
	changed = fresh != k->cred;
	cred_unref(fresh);
	k->cred_done = changed;
	return changed;
}

/* "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock
 * parameters": whatever makes the server ask for it, it will ask again. */
static bool correct_md5(struct call *k)
{
	const struct s3_error *e = &k->res->error;

	if (!k->req->check_md5 || k->sent_md5 || strcmp(e->code, "InvalidRequest") != 0 ||
	    !strstr(e->message, "Content-MD5"))
		return false;
	atomic_store(&k->c->wants_md5, true);
	k->checksum_refused = k->checksum_done = k->checksum[0]; /* it was not heeded */
	return true;
}

/* Once more without the checksum: a server that does not know it may refuse it, which is remembered
 * if that helps; and bytes that changed since it was taken have the MD5 of what was sent. (Where it
 * was agreed on, with the one that they have now.) */
static bool correct_checksum(struct call *k)
{
	const struct s3_error *e = &k->res->error;
	bool differs = strcmp(e->code, "BadDigest") == 0;
	bool refused = e->status == 501 || (e->status == 400 && strcasestr(e->message, "checksum"));
	struct s3_crc32c sent = checksum_crc32c_read(k->checksum);
	uint32_t now;

	if (!k->checksum[0] || k->checksum_done || !(differs || (refused && !is_vouched(k))))
		return false;
	if (differs && (body_crc32c(k->req, &now) != 0 || now == sent.value))
		return false;
	k->checksum_done = true;
	k->checksum_refused = !differs;
	return true;
}

/* Each at most once a call, whatever the other found. */
static bool correct(struct call *k)
{
	if (k->res->error.status == 0)
		return false;
	return correct_md5(k) || correct_skew(k) || correct_region(k) || correct_cred(k) ||
	       correct_checksum(k);
}

/* ---- again? ---- */

static bool is_throttled(const struct s3_error *e)
{
	return e->status == 429 || e->status == 503 || answer_is_refusal(e);
}

/* How long to wait before the next attempt; -1 = stop. */
static int64_t wait_decide(const struct call *k, int rc, uint32_t rnd)
{
	const struct s3_error *e = &k->res->error;
	/* refused, unreachable, or (of what changes nothing) gone silent */
	bool silent = strcmp(e->code, "Transport") == 0 && !e->unclear;
	bool for_now = silent || is_throttled(e);
	int64_t wait;

	if (rc == -ECANCELED || rc == -EINTR || e->class != FAULT_RETRY ||
	    strcmp(e->code, "Local") == 0)
		return -1;
	if ((k->req->once && e->unclear) || k->req->single)
		return -1;
	if (k->tries >= k->c->max_attempts && !(for_now && k->c->patient))
		return -1;
	wait = backoff_next(&call_backoff, k->tries + (is_throttled(e) ? THROTTLE_STEPS : 0), rnd);
	if (silent)
		wait = min_of(wait, (int64_t)SILENT_WAIT_MS); /* it may be back any moment */
	return max_of(wait, min_of(e->retry_after_ms, (int64_t)RETRY_AFTER_MAX_MS));
}

/* 0, or -ECANCELED or -EINTR: nobody wants the answer any more. */
static int is_unwanted_locked(const struct call *k)
{
	lock_assert_held(&k->c->locked.l);
	if (k->c->locked.aborted)
		return -ECANCELED;
	return cancel_is_fired(k->cancel) ? -EINTR : 0;
}

static int wait_until(struct call *k, int64_t until)
{
	struct s3_client *c = k->c;
	struct cancel_watch w;
	int rc;

	cancel_watch_cond(&w, k->cancel, &c->locked.l, &c->locked.cond);
	lock_take(&c->locked.l);
	while ((rc = is_unwanted_locked(k)) == 0 &&
	       cond_wait_until(&c->locked.cond, &c->locked.l, until))
		;
	lock_drop(&c->locked.l);
	cancel_unwatch(&w);
	return rc;
}

static int is_unwanted(struct call *k)
{
	scoped_lock(&k->c->locked.l);
	return is_unwanted_locked(k);
}

static int call_loop(struct call *k)
{
	for (;;) {
		uint32_t rnd = 0;
		int64_t wait;
		int rc;

		rc = is_unwanted(k);
		if (rc)
			return local_failure(k, rc, "");
		rc = attempt_run(k);
		if (rc == 0)
			return 0;
		if (rc != -ECANCELED && rc != -EINTR && correct(k)) {
			k->was_unclear |= k->res->error.unclear;
			continue;
		}
		if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) < 0)
			rnd = 0;
		wait = wait_decide(k, rc, rnd);
		if (wait < 0)
			return rc;
		if (clock_mono_ms() + wait >= k->deadline)
			return -ETIMEDOUT;
		k->was_unclear |= k->res->error.unclear;
		rc = wait_until(k, clock_deadline(wait));
		if (rc)
			return local_failure(k, rc, "");
	}
}

int s3_call(struct s3_client *c, const struct s3_req *req, struct s3_res *ret_res)
{
	int64_t factor = req->error_in_200 ? SERVER_WORKS_FACTOR : 1;
	struct call k = {
		.c = c,
		.req = req,
		.res = ret_res,
		.cancel = is_read(req) ? cancel_here() : NULL,
		.deadline = clock_deadline(c->call_ms * factor),
		.stall_ms = c->stall_ms * factor,
	};
	int rc = call_loop(&k);

	if (rc)
		ret_res->error.unclear |= k.was_unclear;
	else
		ret_res->sent = checksum_crc32c_read(k.checksum);
	snprintf(ret_res->error.op, sizeof(ret_res->error.op), "%s", req->op);
	cred_unref(k.cred);
	return rc;
}
