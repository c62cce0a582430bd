/* http.c - see http.h. */
#include "s3/http_i.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#define USER_AGENT "crrfs/" PACKAGE_VERSION
#else
#define USER_AGENT "crrfs"
#endif

#define HEAD_LIMIT (128 * KIB)
/* So much of an error body is kept, and so much read, so that the connection can be used again. */
#define ERROR_BODY_LIMIT   BUF_LIMIT_SMALL
#define ERROR_BODY_DRAIN   BUF_LIMIT_DOC
#define CONNECT_MS_DEFAULT 10000
#define BUFFER_SIZE	   (512L * 1024)
/* libcurl sends a body that it is given as bytes with the head, in one go; of 64 KiB no more. */
#define WITH_HEAD_MAX (64 * KIB - 1)

void http_res_init(struct http_res *r)
{
	*r = (struct http_res){ 0 };
	buf_init(&r->body, BUF_LIMIT_DOC);
}

void http_res_free(struct http_res *r)
{
	kv_free(&r->headers);
	buf_free(&r->body);
}

/* ---- life ---- */

static CURLcode global_result;

static void global_start(void)
{
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* What the environment says, and never a proxy for this host itself: plain http is allowed there
 * because nothing leaves it. */
static int no_proxy_make(char **ret_s)
{
	const char *v = getenv("no_proxy");

	if (!v)
		v = getenv("NO_PROXY");
	if (v && strcmp(v, "*") == 0)
		return str_dup(v, ret_s);
	return str_format(ret_s, "%s%slocalhost,127.0.0.0/8,::1", v ? v : "", v && *v ? "," : "");
}

int http_new(const struct http_conf *conf, struct http **ret_h)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h;
	int rc;

	pthread_once(&once, global_start);
	if (global_result != CURLE_OK)
		return -ENOMEM;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	lock_init(&h->locked.l);
	atomic_init(&h->aborted, false);
	h->no_check_certificate = conf->no_check_certificate;
	h->connect_ms = conf->connect_ms > 0 ? conf->connect_ms : CONNECT_MS_DEFAULT;
	h->max_idle = conf->max_idle;
	h->locked.idle = calloc(h->max_idle + 1, sizeof(struct handle));
	rc = h->locked.idle ? str_dup(conf->cacert, &h->cacert) : -ENOMEM;
	if (rc == 0)
		rc = no_proxy_make(&h->no_proxy);
	if (rc) {
		http_free(h);
		return rc;
	}
	*ret_h = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (unsigned i = 0; h->locked.idle && i < h->locked.n; i++)
		http_handle_free(h->locked.idle[i]);
	free(h->locked.idle);
	free(h->cacert);
	free(h->no_proxy);
	lock_free(&h->locked.l);
	free(h);
}

void http_abort(struct http *h)
{
	atomic_store(&h->aborted, true);
}

/* ---- what curl calls ---- */

static size_t on_read(char *dst, size_t size, size_t items, void *arg)
{
	struct attempt *a = arg;
	uint64_t left = a->req->body_size - a->offset;
	size_t n = (size_t)min_of((uint64_t)(size * items), left);

	if (!n)
		return 0;
	if (atomic_load(&a->h->aborted))
		return CURL_READFUNC_ABORT;
	if (a->req->read) {
		a->error = a->req->read(a->req->read_arg, dst, n, a->offset);
		if (a->error)
			return CURL_READFUNC_ABORT;
	} else
		memcpy(dst, (const char *)a->req->body_data + a->offset, n);
	if (a->md5)
		digest_add(a->md5, dst, n);
	a->offset += n;
	return n;
}

/* A small body is taken before anything is sent. */
static int body_take(struct attempt *a)
{
	uint64_t n = a->req->body_size;

	if (!n || n > WITH_HEAD_MAX)
		return 0;
	a->body = malloc((size_t)n);
	if (!a->body)
		return -ENOMEM;
	if (on_read(a->body, 1, (size_t)n, a) != n)
		return a->error ? a->error : -ECANCELED;
	return 0;
}

static bool is_success(int status)
{
	return status >= 200 && status < 300;
}

/* An error body: the first part is kept, the rest only read. */
static int error_body_add(struct attempt *a, const char *p, size_t n)
{
	struct buf *b = &a->res->body;
	size_t room = ERROR_BODY_LIMIT - min_of(b->len, (size_t)ERROR_BODY_LIMIT);

	a->drained += n;
	if (a->drained > ERROR_BODY_DRAIN)
		return -EIO;
	return buf_add(b, p, min_of(n, room));
}

static size_t on_write(char *p, size_t size, size_t items, void *arg)
{
	struct attempt *a = arg;
	size_t n = size * items;
	int rc;

	if (atomic_load(&a->h->aborted))
		return n ? 0 : 1;
	if (!is_success(a->res->status))
		rc = error_body_add(a, p, n);
	else if (a->req->write)
		rc = a->req->write(a->req->write_arg, p, n);
	else
		rc = buf_add(&a->res->body, p, n);
	if (rc) {
		a->error = rc == -E2BIG && !a->req->write ? -EIO : rc;
		return n ? 0 : 1;
	}
	a->res->received += n;
	return n;
}

/* "HTTP/1.1 200 OK" -> 200; 0 when it is none. */
static int status_parse(const char *line, size_t n)
{
	const char *p = memchr(line, ' ', n);

	if (!p || (size_t)(line + n - p) < 4)
		return 0;
	for (unsigned i = 1; i <= 3; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
	}
	return (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
}

static int header_add(struct attempt *a, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *value, *end = line + n;
	char name[256];
	size_t len;

	if (!colon || colon == line || (size_t)(colon - line) >= sizeof(name))
		return 0;
	len = (size_t)(colon - line);
	for (size_t i = 0; i < len; i++)
		name[i] = (char)(line[i] >= 'A' && line[i] <= 'Z' ? line[i] + 32 : line[i]);
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	if (memchr(value, '\0', (size_t)(end - value)))
		return -EIO;
	return kv_setn(&a->res->headers, name, len, value, (size_t)(end - value));
}

static size_t on_header(char *line, size_t size, size_t items, void *arg)
{
	struct attempt *a = arg;
	size_t full = size * items, n = full;

	a->head_bytes += full;
	if (a->head_bytes > HEAD_LIMIT) {
		a->error = -EIO;
		return 0;
	}
	while (n && strchr("\r\n \t", line[n - 1]))
		n--;
	if (a->head_done)
		return full; /* trailers may not change what the head said */
	if (n > 5 && strncmp(line, "HTTP/", 5) == 0) {
		a->status = status_parse(line, n);
		kv_free(&a->res->headers); /* of a 1xx before this one */
	} else if (n) {
		a->error = header_add(a, line, n);
		return a->error ? 0 : full;
	} else if (a->status >= 200) {
		a->head_done = true;
		a->res->status = a->status;
		if (a->req->head && is_success(a->status))
			a->error = a->req->head(a->req->write_arg, a->status, &a->res->headers);
		return a->error ? 0 : full;
	}
	return full;
}

/* Just before the request is sent. A second time means that curl found a kept connection dead and
 * sends the request again: the server may have carried it out, and whether it may be repeated is
 * not for curl to say. */
static int on_ready(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct attempt *a = arg;

	(void)remote, (void)local, (void)remote_port, (void)local_port;
	if (a->connected) {
		a->resent = true;
		return CURL_PREREQFUNC_ABORT;
	}
	a->connected = true;
	a->moved_ms = clock_mono_ms();
	return CURL_PREREQFUNC_OK;
}

/* At least once a second. */
static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
		       curl_off_t up)
{
	struct attempt *a = arg;
	curl_off_t moved = down + up + (curl_off_t)a->head_bytes;
	int64_t now;

	(void)down_all, (void)up_all;
	if (atomic_load(&a->h->aborted))
		return 1;
	if (!a->connected || a->req->stall_ms <= 0)
		return 0;
	now = clock_mono_ms();
	if (moved - a->moved >= max_of((curl_off_t)a->req->stall_bytes, (curl_off_t)1)) {
		a->moved = moved;
		a->moved_ms = now;
	}
	a->stalled = now - a->moved_ms >= a->req->stall_ms;
	return a->stalled;
}

/* ---- options ---- */

static unsigned options_fixed(CURL *curl, const struct http *h)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* a name server that does not answer holds up nobody who gives up */
	bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, h->no_proxy);
	bad |= curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 30L);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 10L);
	bad |= curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 60L);
	bad |= curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	bad |= curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, h->no_check_certificate ? 0L : 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, h->no_check_certificate ? 0L : 2L);
	if (h->cacert)
		bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, h->cacert);
	return bad;
}

static unsigned options_callbacks(CURL *curl, struct attempt *a)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->words);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQDATA, a);
	bad |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	bad |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
	return bad;
}

static unsigned options_method(CURL *curl, struct attempt *a)
{
	const char *method = a->req->method;
	unsigned bad = 0;

	if (strcmp(method, "HEAD") == 0)
		return (unsigned)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (a->body) {
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)a->req->body_size);
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, a->body);
	} else if (a->req->body_size || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0) {
		bad |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		bad |= curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
					(curl_off_t)a->req->body_size);
		bad |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
		bad |= curl_easy_setopt(curl, CURLOPT_READDATA, a);
	}
	bad |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return bad;
}

static unsigned options_set(CURL *curl, struct attempt *a, struct curl_slist *headers)
{
	int64_t deadline = a->req->deadline_mono_ms;
	unsigned bad = options_fixed(curl, a->h);

	bad |= options_callbacks(curl, a);
	bad |= options_method(curl, a);
	if (deadline != CLOCK_NEVER) {
		int64_t left = max_of(deadline - clock_mono_ms(), (int64_t)1);

		bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left);
	}
	bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)a->h->connect_ms);
	bad |= curl_easy_setopt(curl, CURLOPT_URL, a->req->url);
	bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	return bad;
}

/* ---- headers out ---- */

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return true;
	}
	return false;
}

static int header_append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int headers_make(const struct kv *headers, struct curl_slist **list)
{
	/* curl's own additions that S3 has no use for */
	int rc = header_append(list, "Expect:");

	if (rc == 0)
		rc = header_append(list, "Accept:");
	if (rc == 0 && !(headers && kv_get(headers, "content-type")))
		rc = header_append(list, "Content-Type:");
	/* without it any coding is welcome (RFC 9110, 12.5.3); not signed: proxies change it */
	if (rc == 0)
		rc = header_append(list, "Accept-Encoding: identity");
	for (size_t i = 0; headers && i < headers->n && rc == 0; i++) {
		const struct kv_item *h = &headers->items[i];
		auto_free char *line = NULL;

		if (has_control(h->name) || has_control(h->value) || strpbrk(h->name, ": ;"))
			return -EINVAL;
		rc = *h->value ? str_format(&line, "%s: %s", h->name, h->value)
			       : str_format(&line, "%s;", h->name);
		if (rc == 0)
			rc = header_append(list, line);
	}
	return rc;
}

/* ---- the end of it ---- */

/* Nothing was sent. */
static int connect_errno(const struct attempt *a, CURL *curl, CURLcode cc)
{
	long os = 0;

	if (a->req->deadline_mono_ms <= clock_mono_ms())
		return -ETIMEDOUT;
	if (cc == CURLE_URL_MALFORMAT || cc == CURLE_UNSUPPORTED_PROTOCOL)
		return -EINVAL;
	if (curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os) != CURLE_OK)
		os = 0;
	if (cc == CURLE_COULDNT_CONNECT && os == ECONNREFUSED)
		return -ECONNREFUSED;
	return -ENOTCONN;
}

static int result_errno(const struct attempt *a, CURL *curl, CURLcode cc)
{
	if (atomic_load(&a->h->aborted) && cc != CURLE_OK)
		return -ECANCELED;
	if (cc != CURLE_OK && cancel_is_fired(a->req->cancel))
		return -EINTR;
	if (a->error)
		return a->error;
	if (cc == CURLE_OK)
		return a->res->status ? 0 : -EIO;
	if (cc == CURLE_OUT_OF_MEMORY)
		/* EIO: a line over curl's cap */
		return a->head_bytes && !a->head_done ? -EIO : -ENOMEM;
	if (!a->connected)
		return connect_errno(a, curl, cc);
	if (a->stalled || cc == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (a->resent)
		return -ECONNRESET;
	switch (cc) {
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_SSL_CONNECT_ERROR: return -ECONNRESET;
	default: return -EIO;
	}
}

static void words_set(const struct attempt *a, int rc, CURLcode cc)
{
	const char *words = a->words[0] ? a->words : curl_easy_strerror(cc);

	if (rc == 0)
		return;
	if (rc == -ECANCELED)
		words = "aborted";
	else if (rc == -EINTR)
		words = "interrupted";
	else if (a->stalled)
		words = "stalled: no byte, or too few, moved for too long";
	else if (a->resent)
		words = "the server closed a kept connection";
	else if (a->error)
		words = "the body could not be read or taken, or an answer was too large";
	else if (cc == CURLE_OK)
		words = "no answer head";
	printable(words, a->res->why, sizeof(a->res->why));
}

static int perform(struct handle *h, struct attempt *a, struct curl_slist *headers)
{
	CURL *curl = h->curl;
	CURLcode cc = CURLE_FAILED_INIT;
	int rc;

	if (options_set(curl, a, headers) != 0) {
		snprintf(a->res->why, sizeof(a->res->why), "libcurl refuses an option");
		return -EINVAL;
	}
	cc = http_handle_run(h, a);
	a->res->sent = a->connected;
	rc = result_errno(a, curl, cc);
	words_set(a, rc, cc);
	if (a->md5 && a->offset == a->req->body_size)
		a->res->body_md5_valid = digest_end(a->md5, a->res->body_md5) == 0;
	return rc;
}

int http_attempt(struct http *h, const struct http_req *req, struct http_res *res)
{
	struct attempt a = { .h = h, .req = req, .res = res };
	struct curl_slist *headers = NULL;
	struct handle handle;
	int rc;

	if (atomic_load(&h->aborted))
		return -ECANCELED;
	if (req->deadline_mono_ms <= clock_mono_ms()) {
		snprintf(res->why, sizeof(res->why), "no time left");
		return -ETIMEDOUT;
	}
	rc = http_handle_take(h, &handle);
	if (rc)
		return rc;
	if (req->want_md5 && req->body_size && digest_new(DIGEST_MD5, &a.md5) != 0)
		a.md5 = NULL; /* a system that forbids MD5 */
	rc = headers_make(req->headers, &headers);
	if (rc == 0)
		rc = body_take(&a);
	if (rc == 0)
		rc = perform(&handle, &a, headers);
	else if (rc == -EINVAL && !a.error)
		snprintf(res->why, sizeof(res->why), "a header holds control characters");
	http_handle_give(h, handle, rc != 0);
	curl_slist_free_all(headers);
	digest_free(a.md5);
	free(a.body);
	return rc;
}
