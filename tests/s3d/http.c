/*
 * libmicrohttpd glue: a thread per connection, so that handlers may block.
 *
 * A request with a body that is refused on its headers is answered at once if the client waits
 * with Expect: 100-continue; otherwise the body is read and dropped first, so that no client is
 * cut off in the middle of sending and misses the answer.
 */
#include "s3d.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <microhttpd.h>

static struct MHD_Daemon *http_daemon;
static char *tls_key, *tls_cert;

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct req *r = x_calloc(1, sizeof(*r));

	(void)cls;
	r->conn = conn;
	r->uri = x_strdup(uri);
	r->fd = -1;
	r->body.fd = -1;
	r->start_ms = now_ms();
	random_hex(r->reqid, 16);
	for (char *p = r->reqid; *p; p++)
		if (*p >= 'a')
			*p = (char)(*p - 32);
	return r;
}

static bool from_loopback(const struct req *r)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in *in = i ? (const void *)i->client_addr : NULL;

	return in && in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

static int begin_admin(struct req *r)
{
	r->admin = true;
	r->path = x_strdup("/_s3d/");
	r->body.decoded_length = -1;
	if (!from_loopback(r))
		return req_fail(r, "AccessDenied", "The admin endpoint is for loopback only.");
	return 0;
}

static int begin_body(struct req *r)
{
	const char *len = req_header(r, "Content-Length");
	const char *te = req_header(r, "Transfer-Encoding");
	const char *expect = req_header(r, "Expect");

	r->expect = expect && !strcasecmp(expect, "100-continue");
	r->body.content_length = -1;
	if (len && parse_int(len, 0, INT64_MAX, &r->body.content_length))
		return req_fail(r, "BadRequest", "The Content-Length is malformed.");
	r->body.expected = te || r->body.content_length > 0;
	return 0;
}

static int begin_op(struct req *r)
{
	const struct op *op;

	if (begin_body(r))
		return -1;
	if (starts_with(r->uri, "/_s3d/"))
		return begin_admin(r);
	if (req_parse(r) || route_find(r))
		return -1;
	op = r->op;
	if (auth_check(r))
		return -1;
	r->lacks = r->bucket ? settings_lacks(r->bucket) : 0;
	r->body.object = op->body == TAKES_OBJECT;
	if (r->body.object && r->body.content_length < 0 &&
	    r->body.payload < PAYLOAD_CHUNKED_UNSIGNED) {
		if (req_header(r, "Transfer-Encoding"))
			return req_fail_x(r, "NotImplemented",
					  "A header you provided implies"
					  " functionality that is not implemented",
					  "Header", "Transfer-Encoding", NULL);
		return req_fail(r, "MissingContentLength",
				"You must provide the Content-Length HTTP header.");
	}
	if (body_begin(r))
		return -1;
	if ((op->perm && access_bucket(r)) || settings_check(r))
		return -1;
	return op->pre ? op->pre(r) : 0;
}

static void set_linger(const struct req *r)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct linger l = { 1, 0 };

	if (i)
		setsockopt(i->connect_fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static void fault_status(struct req *r)
{
	const char *code = r->fault.code[0]	    ? r->fault.code
			   : r->fault.status == 503 ? "SlowDown"
						    : "InternalError";

	req_fail(r, code, "This error was asked for.");
	r->status = r->fault.status;
	if (r->fault.retry_after >= 0)
		req_setf(r, "Retry-After", "%lld", (long long)r->fault.retry_after);
}

/* Runs the operation once its body is complete. */
static void finish(struct req *r)
{
	if (r->failed)
		return;
	if (r->admin) {
		if (starts_with(r->uri, "/_s3d/settings"))
			settings_admin(r);
		else
			fault_admin(r);
		return;
	}
	if (body_finish(r))
		return;
	fault_match(r, false);
	fault_wait(r);
	switch (r->fault.action) {
	case FAULT_RESET: r->close_silently = true; return;
	case FAULT_STATUS: fault_status(r); return;
	case FAULT_ERROR200:
		req_fail(r, "InternalError", "We encountered an internal error. Please try again.");
		r->status = 200;
		return;
	default: break;
	}
	r->op->run(r);
	if (r->fault.action == FAULT_RESET_AFTER)
		r->close_silently = true;
}

static void spoil_etag(struct req *r)
{
	bool drop = r->fault.action == FAULT_DROP_ETAG;
	const char *etag = req_get_set(r, "ETag");

	if (etag) {
		char *wrong = x_strdup(etag);
		req_unset(r, "ETag");
		for (int i = 1; i < 9 && wrong[i] && wrong[i] != '"'; i++)
			wrong[i] = wrong[i] == '0' ? '1' : '0';
		if (!drop)
			req_set(r, "ETag", wrong);
		free(wrong);
	}
	char *x = r->out.p ? strstr(r->out.p, "<ETag>") : NULL;
	char *end = x ? strstr(x, "</ETag>") : NULL;
	if (!end)
		return;
	if (drop) {
		end += 7;
		memmove(x, end, r->out.len - (size_t)(end - r->out.p) + 1);
		r->out.len -= (size_t)(end - x);
		return;
	}
	x += 6;
	if (starts_with(x, "&quot;"))
		x += 6;
	for (int i = 0; i < 8 && x < end && *x != '&'; i++, x++)
		*x = *x == '0' ? '1' : '0';
}

static void spoil_checksum(struct req *r)
{
	for (int i = 1; i < CSUM_N; i++) {
		char name[40];
		snprintf(name, sizeof(name), "x-amz-checksum-%s", csum_names[i]);
		const char *sum = req_get_set(r, name);
		if (!sum)
			continue;
		char *wrong = x_strdup(sum);
		req_unset(r, name);
		*wrong = *wrong == 'A' ? 'B' : 'A';
		req_set(r, name, wrong);
		free(wrong);
	}
}

/* Those in the XML, too. */
static void spoil_checksum_element(struct req *r)
{
	for (int i = 1; i < CSUM_N; i++) {
		char name[24], begin[32];
		csum_element((enum csum_alg)i, name);
		snprintf(begin, sizeof(begin), "<%s>", name);
		char *x = r->out.p ? strstr(r->out.p, begin) : NULL;
		if (x)
			x[strlen(begin)] = x[strlen(begin)] == 'A' ? 'B' : 'A';
	}
}

static ssize_t read_damaged(void *cls, uint64_t pos, char *out, size_t max)
{
	struct req *r = cls;
	ssize_t n;

	if (max > (uint64_t)r->len - pos)
		max = (size_t)((uint64_t)r->len - pos);
	if (r->fd < 0) {
		memcpy(out, r->out.p + pos, max);
		n = (ssize_t)max;
	} else {
		n = pread(r->fd, out, max, r->off + (int64_t)pos);
	}
	if (n > 0 && !pos)
		*out ^= 1;
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_half(void *cls, uint64_t pos, char *out, size_t max)
{
	struct req *r = cls;
	uint64_t half = (uint64_t)r->len / 2;

	if (pos >= half)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (max > half - pos)
		max = (size_t)(half - pos);
	if (r->fd < 0) {
		memcpy(out, r->out.p + pos, max);
		return (ssize_t)max;
	}
	ssize_t n = pread(r->fd, out, max, r->off + (int64_t)pos);
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_nothing(void *cls, uint64_t pos, char *out, size_t max)
{
	(void)cls;
	(void)pos;
	(void)out;
	(void)max;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *small_file(struct req *r)
{
	char *p = x_malloc((size_t)r->len);

	for (int64_t at = 0; at < r->len;) {
		ssize_t n = pread(r->fd, p + at, (size_t)(r->len - at), r->off + at);
		if (n <= 0) {
			free(p);
			return NULL;
		}
		at += n;
	}
	return MHD_create_response_from_buffer((size_t)r->len, p, MHD_RESPMEM_MUST_FREE);
}

static struct MHD_Response *make_response(struct req *r)
{
	if (r->fault.action == FAULT_TRUNCATE && !r->head && !r->failed) {
		if (!r->has_len)
			r->len = (int64_t)r->out.len;
		return MHD_create_response_from_callback((uint64_t)r->len, 65536, read_half, r,
							 NULL);
	}
	if (r->fault.action == FAULT_DAMAGE && !r->body.expected && r->has_len && r->len &&
	    !r->head && !r->failed)
		return MHD_create_response_from_callback((uint64_t)r->len, 65536, read_damaged, r,
							 NULL);
	if (r->head)
		return r->has_len && r->len
			       ? MHD_create_response_from_callback((uint64_t)r->len, 1024,
								   read_nothing, NULL, NULL)
			       : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (r->fd >= 0 && r->len <= SMALL_BODY)
		return small_file(r);
	if (r->fd >= 0) {
		struct MHD_Response *m =
			MHD_create_response_from_fd_at_offset64((uint64_t)r->len, r->fd,
								(uint64_t)r->off);
		if (m)
			r->fd = -1;
		return m;
	}
	size_t n = r->out.len;
	return MHD_create_response_from_buffer(n, buf_take(&r->out), MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer(struct req *r)
{
	if (r->fault.action == FAULT_WRONG_ETAG || r->fault.action == FAULT_DROP_ETAG)
		spoil_etag(r);
	if (r->fault.action == FAULT_WRONG_CHECKSUM) {
		spoil_checksum(r);
		spoil_checksum_element(r);
	}
	if (r->close_silently)
		r->status = 0;
	log_request(r);
	if (r->close_silently) {
		set_linger(r);
		return MHD_NO;
	}
	struct MHD_Response *m = make_response(r);
	if (!m)
		return MHD_NO;
	for (size_t i = 0; i < r->hdr.len;) {
		const char *name = r->hdr.p + i, *value = name + strlen(name) + 1;
		/* it sends no header without a value, and S3 does */
		MHD_add_response_header(m, name, *value ? value : " ");
		i += strlen(name) + strlen(value) + 2;
	}
	MHD_add_response_header(m, "x-amz-request-id", r->reqid);
	MHD_add_response_header(m, "x-amz-id-2", "s3d");
	MHD_add_response_header(m, "Server", conf.minio ? "MinIO" : "s3d");
	enum MHD_Result ok =
		MHD_queue_response(r->conn, (unsigned)(r->status ? r->status : 200), m);
	MHD_destroy_response(m);
	return ok;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct req *r = *con_cls;

	(void)cls;
	(void)conn;
	(void)url;
	(void)version;
	if (!r->started) {
		r->started = true;
		snprintf(r->method, sizeof(r->method), "%s", method);
		r->head = !strcmp(method, "HEAD");
		begin_op(r);
		if (!r->failed && !r->admin)
			fault_match(r, true);
		r->body.damage = r->fault.action == FAULT_DAMAGE;
		if (r->fault.action == FAULT_RESET_EARLY) {
			r->close_silently = true;
			return answer(r);
		}
		return r->failed && r->expect && r->body.expected ? answer(r) : MHD_YES;
	}
	if (*size) {
		if (!r->failed && r->admin)
			buf_add(&r->body.mem, data, *size);
		else
			body_feed(r, data, *size);
		*size = 0;
		return MHD_YES;
	}
	finish(r);
	return answer(r);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
			 enum MHD_RequestTerminationCode code)
{
	struct req *r = *con_cls;

	(void)cls;
	(void)conn;
	(void)code;
	if (!r)
		return;
	if (!r->logged && r->started) {
		r->status = 499;
		log_request(r);
	}
	if (r->fd >= 0)
		close(r->fd);
	req_free(r);
	*con_cls = NULL;
}

static size_t keep_escapes(void *cls, struct MHD_Connection *conn, char *s)
{
	(void)cls;
	(void)conn;
	return strlen(s);
}

static char *read_file(const char *path)
{
	struct buf b = { 0 };
	char chunk[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&b, chunk, (size_t)n);
	if (fd >= 0)
		close(fd);
	return b.len ? buf_take(&b) : NULL;
}

int http_start(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(conf.port) };
	unsigned flags =
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
	struct MHD_OptionItem tls[3] = { { MHD_OPTION_END, 0, NULL } };

	if (inet_pton(AF_INET, conf.host, &addr.sin_addr) != 1)
		return -EINVAL;
	if (conf.tls_cert) {
		tls_key = read_file(conf.tls_key);
		tls_cert = read_file(conf.tls_cert);
		if (!tls_key || !tls_cert)
			return -ENOENT;
		flags |= MHD_USE_TLS;
		tls[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, tls_key };
		tls[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, tls_cert };
		tls[2] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	}
	http_daemon =
		MHD_start_daemon(flags, conf.port, NULL, NULL, on_request, NULL,
				 MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
				 MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
				 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				 MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 * KIB),
				 MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)(16 * KIB),
				 MHD_OPTION_CONNECTION_LIMIT, 2000U, MHD_OPTION_CONNECTION_TIMEOUT,
				 300U, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U,
				 MHD_OPTION_LISTEN_BACKLOG_SIZE, 512U, MHD_OPTION_THREAD_STACK_SIZE,
				 (size_t)(512 * KIB), MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	return http_daemon ? 0 : -EADDRINUSE;
}

uint16_t http_port(void)
{
	const union MHD_DaemonInfo *i = MHD_get_daemon_info(http_daemon, MHD_DAEMON_INFO_BIND_PORT);

	return i ? i->port : conf.port;
}

void http_stop(void)
{
	fault_stop();
	if (http_daemon)
		MHD_stop_daemon(http_daemon);
	free(tls_key);
	free(tls_cert);
}
