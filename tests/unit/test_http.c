/* test_http.c - single attempts against a TCP server in this process that misbehaves on command. */
#include "s3/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/io.h"
#include "tests/unit/check.h"

/* ---- the server: one connection at a time, one step a request ---- */

enum after { AFTER_KEEP, AFTER_CLOSE, AFTER_RESET, AFTER_STALL, AFTER_DRIP };

struct step {
	const char *reply; /* NULL = none */
	size_t fill;	   /* so many bytes after it */
	enum after after;
	bool early; /* answer before the body is read */
};

struct server {
	int fd, stop[2];
	unsigned port;
	pthread_t thread;
	const struct step *steps;
	size_t n;
	/* read after server_stop */
	char head[4096]; /* of the last request */
	unsigned connections, requests;
	uint64_t body_bytes;
	uint8_t md5[16]; /* of the last body */
};

/* false when the peer is gone or the test ends. */
static bool wait_readable(struct server *s, int fd)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { s->stop[0], POLLIN, 0 } };

	return poll(p, 2, 20000) > 0 && !p[1].revents;
}

static bool read_head(struct server *s, int fd)
{
	char head[sizeof(s->head)];
	size_t n = 0;

	while (n < sizeof(head) - 1 && wait_readable(s, fd) && recv(fd, head + n, 1, 0) == 1) {
		head[++n] = '\0';
		if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) {
			memcpy(s->head, head, n + 1);
			s->requests++;
			return true;
		}
	}
	return false;
}

static void read_body(struct server *s, int fd)
{
	const char *length = strcasestr(s->head, "\r\ncontent-length: ");
	uint64_t left = length ? strtoull(length + 18, NULL, 10) : 0;
	static char chunk[65536];
	struct digest *d = NULL;

	CHECK_INT(digest_new(DIGEST_MD5, &d), 0);
	while (left && wait_readable(s, fd)) {
		ssize_t n = recv(fd, chunk, min_of(left, (uint64_t)sizeof(chunk)), 0);

		if (n <= 0)
			break;
		digest_add(d, chunk, (size_t)n);
		left -= (uint64_t)n;
		s->body_bytes += (uint64_t)n;
	}
	CHECK_INT(digest_end(d, s->md5), 0);
	digest_free(d);
}

static void send_reply(int fd, const struct step *st)
{
	static const char zeros[65536];
	size_t left = st->fill;

	if (st->reply && send(fd, st->reply, strlen(st->reply), MSG_NOSIGNAL) < 0)
		return;
	while (left) {
		ssize_t n = send(fd, zeros, min_of(left, sizeof(zeros)), MSG_NOSIGNAL);

		if (n <= 0)
			return;
		left -= (size_t)n;
	}
}

/* Has the other side hung up within a moment? */
static bool wait_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 20) == 1;
}

/* true = the connection stays for the next step */
static bool serve(struct server *s, int fd, const struct step *st)
{
	const struct linger hard = { 1, 0 };
	char c;

	if (!st->early)
		read_body(s, fd);
	send_reply(fd, st);
	if (st->early) {
		shutdown(fd, SHUT_WR);
		read_body(s, fd);
	}
	if (st->after == AFTER_STALL)
		while (wait_readable(s, fd) && recv(fd, &c, 1, 0) == 1)
			;
	if (st->after == AFTER_DRIP)
		while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && !wait_gone(fd))
			;
	if (st->after == AFTER_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	return st->after == AFTER_KEEP;
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	int fd = -1;

	for (size_t i = 0; i < s->n;) {
		if (fd < 0) {
			if (!wait_readable(s, s->fd))
				break;
			fd = accept(s->fd, NULL, NULL);
			s->connections++;
		}
		if (read_head(s, fd) && serve(s, fd, &s->steps[i++]))
			continue;
		close(fd);
		fd = -1;
	}
	while (fd >= 0 && read_head(s, fd)) /* one request too many shows in the count */
		;
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void server_start(struct server *s, const struct step *steps, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	*s = (struct server){ .steps = steps, .n = n };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(s->fd, (struct sockaddr *)&a, len), 0);
	CHECK_INT(listen(s->fd, 16), 0);
	CHECK_INT(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	CHECK_INT(pipe(s->stop), 0);
	CHECK_INT(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static void server_stop(struct server *s)
{
	CHECK_INT(write(s->stop[1], "x", 1), 1);
	CHECK_INT(pthread_join(s->thread, NULL), 0);
	close(s->fd);
	close(s->stop[0]);
	close(s->stop[1]);
}

/* ---- the client's side ---- */

struct sink {
	uint64_t bytes;
	int error;
};

static int sink_write(void *arg, const void *p, size_t n)
{
	struct sink *s = arg;

	(void)p;
	s->bytes += n;
	return s->error;
}

struct source {
	int error;
	uint64_t error_at;
	unsigned from_start;
};

static int source_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct source *s = arg;

	if (s->error && off + n > s->error_at)
		return s->error;
	s->from_start += off == 0;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = (uint8_t)((off + i) * 7 >> 8);
	return 0;
}

static struct http *http_make(void)
{
	const struct http_conf conf = { .connect_ms = 2000, .max_idle = 4 };
	struct http *h = NULL;

	CHECK_INT(http_new(&conf, &h), 0);
	return h;
}

static int attempt(struct http *h, unsigned port, struct http_req *q, struct http_res *r)
{
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/b/../k//x", port);
	q->url = url;
	if (!q->method)
		q->method = "GET";
	if (!q->deadline_mono_ms)
		q->deadline_mono_ms = clock_deadline(10000);
	if (!q->stall_ms)
		q->stall_ms = 5000;
	http_res_init(r);
	return http_attempt(h, q, r);
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct one {
	const char *name, *method;
	struct step step;
	int rc, status;
	uint64_t sunk;
	size_t body;
} ones[] = {
	{ "whole",
	  "GET",
	  { OK "Content-Length: 5\r\n\r\nhello", 0, AFTER_KEEP, false },
	  0,
	  200,
	  5,
	  0 },
	{ "chunked",
	  "GET",
	  { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nETag: no\r\n\r\n", 0,
	    AFTER_KEEP, false },
	  0,
	  200,
	  5,
	  0 },
	{ "continue first",
	  "PUT",
	  { "HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n" OK "Content-Length: 0\r\n\r\n", 0,
	    AFTER_KEEP, false },
	  0,
	  200,
	  0,
	  0 },
	{ "partial content",
	  "GET",
	  { "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nhe", 0, AFTER_CLOSE, false },
	  0,
	  206,
	  2,
	  0 },
	{ "no content",
	  "DELETE",
	  { "HTTP/1.1 204 No Content\r\n\r\n", 0, AFTER_KEEP, false },
	  0,
	  204,
	  0,
	  0 },
	{ "not modified",
	  "GET",
	  { "HTTP/1.1 304 Not Modified\r\n\r\n", 0, AFTER_KEEP, false },
	  0,
	  304,
	  0,
	  0 },
	{ "HEAD",
	  "HEAD",
	  { OK "Content-Length: 500\r\n\r\n", 0, AFTER_KEEP, false },
	  0,
	  200,
	  0,
	  0 },
	{ "error body",
	  "GET",
	  { "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n<Error>", 0, AFTER_KEEP, false },
	  0,
	  404,
	  0,
	  7 },
	{ "long error body",
	  "GET",
	  { "HTTP/1.1 500 X\r\nContent-Length: 200000\r\n\r\n", 200000, AFTER_KEEP, false },
	  0,
	  500,
	  0,
	  65536 },
	{ "endless error body",
	  "GET",
	  { "HTTP/1.1 500 X\r\nContent-Length: 20000000\r\n\r\n", 20000000, AFTER_CLOSE, false },
	  -EIO,
	  500,
	  0,
	  65536 },
	{ "redirect stays here",
	  "GET",
	  { "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    0, AFTER_KEEP, false },
	  0,
	  301,
	  0,
	  0 },
	{ "truncated",
	  "GET",
	  { OK "Content-Length: 50\r\n\r\nhello", 0, AFTER_CLOSE, false },
	  -EIO,
	  200,
	  5,
	  0 },
	{ "truncated chunk",
	  "GET",
	  { OK "Transfer-Encoding: chunked\r\n\r\n50\r\nhello", 0, AFTER_CLOSE, false },
	  -EIO,
	  200,
	  5,
	  0 },
	{ "truncated error",
	  "GET",
	  { "HTTP/1.1 404 X\r\nContent-Length: 50\r\n\r\nhello", 0, AFTER_CLOSE, false },
	  -EIO,
	  404,
	  0,
	  5 },
	{ "no answer", "PUT", { NULL, 0, AFTER_CLOSE, false }, -ECONNRESET, 0, 0, 0 },
	{ "reset", "PUT", { NULL, 0, AFTER_RESET, false }, -ECONNRESET, 0, 0, 0 },
	{ "half a head",
	  "PUT",
	  { "HTTP/1.1 200 OK\r\nContent-Le", 0, AFTER_CLOSE, false },
	  1,
	  0,
	  0,
	  0 },
	{ "no HTTP", "GET", { "hello\r\n\r\n", 0, AFTER_CLOSE, false }, -EIO, 0, 0, 0 },
	{ "flood of headers",
	  "GET",
	  { "HTTP/1.1 200 OK\r\nx: ", 200000, AFTER_CLOSE, false },
	  -EIO,
	  0,
	  0,
	  0 },
	{ "stall before", "PUT", { NULL, 0, AFTER_STALL, false }, -ETIMEDOUT, 0, 0, 0 },
	{ "stall in the middle",
	  "GET",
	  { OK "Content-Length: 50\r\n\r\nhello", 0, AFTER_STALL, false },
	  -ETIMEDOUT,
	  200,
	  5,
	  0 },
};

static void test_ones(void)
{
	for (size_t i = 0; i < array_size(ones); i++) {
		struct http *h = http_make();
		struct sink sink = { 0, 0 };
		struct http_req q = { .method = ones[i].method,
				      .write = sink_write,
				      .write_arg = &sink,
				      .stall_ms = 400 };
		struct http_res r;
		struct server s;
		int rc;

		CHECK_CASE(ones[i].name);
		server_start(&s, &ones[i].step, 1);
		rc = attempt(h, s.port, &q, &r);
		if (ones[i].rc == 1) /* either will do */
			CHECK(rc == -EIO || rc == -ECONNRESET);
		else
			CHECK_INT(rc, ones[i].rc);
		CHECK_INT(r.status, ones[i].status);
		CHECK_INT(sink.bytes, ones[i].sunk);
		CHECK_INT(r.body.len, ones[i].body);
		CHECK(r.sent);
		CHECK((rc == 0) == (r.why[0] == '\0'));
		CHECK_STR(kv_get(&r.headers, "etag"), NULL);
		CHECK_STR(kv_get(&r.headers, "x-early"), NULL);
		http_res_free(&r);
		http_free(h);
		server_stop(&s);
		CHECK_INT(s.requests, 1);
		CHECK(strstr(s.head, " /b/../k//x HTTP/1.1\r\n") != NULL);
	}
	CHECK_CASE(NULL);
}

/* A byte now and then keeps a request alive, but for one that moves bulk data. */
static void test_drip(void)
{
	static const struct {
		uint64_t stall_bytes;
		int64_t stall_ms, deadline_ms;
	} rows[] = { { 0, 3000, 4000 }, { 1000, 1000, 60000 } };

	for (size_t i = 0; i < array_size(rows); i++) {
		const struct step step = { OK "Content-Length: 100000\r\n\r\n", 0, AFTER_DRIP,
					   false };
		int64_t deadline = clock_deadline(rows[i].deadline_ms);
		struct http *h = http_make();
		struct sink sink = { 0, 0 };
		struct http_req q = { .method = "GET",
				      .write = sink_write,
				      .write_arg = &sink,
				      .stall_ms = rows[i].stall_ms,
				      .stall_bytes = rows[i].stall_bytes,
				      .deadline_mono_ms = deadline };
		struct http_res r;
		struct server s;

		server_start(&s, &step, 1);
		CHECK_INT(attempt(h, s.port, &q, &r), -ETIMEDOUT);
		CHECK(sink.bytes > 0);
		CHECK((clock_mono_ms() >= deadline) == (i == 0));
		CHECK(strstr(s.head, "\r\nAccept-Encoding: identity\r\n") != NULL);
		http_res_free(&r);
		http_free(h);
		server_stop(&s);
	}
}

/* Kept connections; and curl's own second try of a request, which must not happen. */
static void test_reuse(void)
{
	static const struct step steps[] = {
		{ OK "Content-Length: 1\r\n\r\na", 0, AFTER_KEEP, false },
		{ "HTTP/1.1 404 X\r\nContent-Length: 1\r\n\r\nb", 0, AFTER_KEEP, false },
		{ OK "Content-Length: 1\r\n\r\nc", 0, AFTER_KEEP, false },
		{ NULL, 0, AFTER_CLOSE, false },
		{ OK "Content-Length: 1\r\n\r\nd", 0, AFTER_KEEP, false },
	};
	static const int want[] = { 0, 0, 0, -ECONNRESET, 0 };
	struct http *h = http_make();
	struct server s;

	server_start(&s, steps, array_size(steps));
	for (size_t i = 0; i < array_size(steps); i++) {
		struct http_req q = { .method = "POST" };
		struct http_res r;

		CHECK_INT(attempt(h, s.port, &q, &r), want[i]);
		CHECK(r.sent);
		http_res_free(&r);
	}
	http_free(h);
	server_stop(&s);
	CHECK_INT(s.requests, 5);
	CHECK_INT(s.connections, 3); /* the second is the one that curl made and was not let use */
	CHECK(strstr(s.head, "Content-Length: 0\r\n") != NULL);
}

static void test_upload(void)
{
	static const struct step steps[] = {
		{ NULL, 0, AFTER_RESET, false },
		{ OK "Content-Length: 0\r\n\r\n", 0, AFTER_KEEP, false },
	};
	struct http *h = http_make();
	struct source src = { 0 };
	struct kv headers = KV_EMPTY;
	struct http_req q = { .method = "PUT",
			      .read = source_read,
			      .read_arg = &src,
			      .want_md5 = true,
			      .body_size = 3 * MIB + 17,
			      .headers = &headers };
	struct http_res r;
	struct server s;

	CHECK_INT(kv_set(&headers, "host", "named.example:99"), 0);
	CHECK_INT(kv_set(&headers, "x-empty", ""), 0);
	CHECK_INT(kv_set(&headers, "x-full", "a  b"), 0);
	server_start(&s, steps, array_size(steps));
	CHECK_INT(attempt(h, s.port, &q, &r), -ECONNRESET);
	http_res_free(&r);
	CHECK_INT(attempt(h, s.port, &q, &r), 0);
	CHECK_INT(src.from_start, 2);
	CHECK(r.body_md5_valid);
	http_free(h);
	server_stop(&s);
	CHECK_MEM(r.body_md5, s.md5, 16);
	CHECK_INT(s.body_bytes, 2 * q.body_size);
	CHECK(strstr(s.head, "\r\nContent-Length: 3145745\r\n") != NULL);
	CHECK(strcasestr(s.head, "\r\nHost: named.example:99\r\n") != NULL);
	CHECK(strcasestr(strcasestr(s.head, "host:") + 1, "\nhost:") == NULL);
	CHECK(strstr(s.head, "\r\nx-empty:\r\n") != NULL);
	CHECK(strstr(s.head, "\r\nx-full: a  b\r\n") != NULL);
	CHECK(strstr(s.head, "\r\nUser-Agent: crrfs") != NULL);
	CHECK(strcasestr(s.head, "expect:") == NULL);
	CHECK(strcasestr(s.head, "accept:") == NULL);
	CHECK(strcasestr(s.head, "content-type") == NULL);
	http_res_free(&r);
	kv_free(&headers);
}

/* A small body goes out with its head: its bytes, sum and headers are as those of others. */
static void test_small_upload(void)
{
	static const struct step step = { OK "Content-Length: 0\r\n\r\n", 0, AFTER_CLOSE, false };
	static const struct {
		uint64_t size;
		const char *type;
	} cases[] = { { 1, NULL }, { 4096, NULL }, { 4096, "a/b" }, { 65535, NULL }, { 65536, NULL } };

	for (size_t i = 0; i < array_size(cases); i++) {
		struct http *h = http_make();
		struct source src = { 0 };
		struct kv headers = KV_EMPTY;
		struct http_req q = { .method = "PUT",
				      .read = source_read,
				      .read_arg = &src,
				      .want_md5 = true,
				      .body_size = cases[i].size,
				      .headers = &headers };
		struct http_res r;
		struct server s;

		CHECK_CASE(cases[i].type ? cases[i].type : "no type");
		if (cases[i].type)
			CHECK_INT(kv_set(&headers, "content-type", cases[i].type), 0);
		server_start(&s, &step, 1);
		CHECK_INT(attempt(h, s.port, &q, &r), 0);
		CHECK(r.body_md5_valid);
		http_free(h);
		server_stop(&s);
		CHECK_MEM(r.body_md5, s.md5, 16);
		CHECK_INT(s.body_bytes, cases[i].size);
		CHECK_INT(strncmp(s.head, "PUT ", 4), 0);
		CHECK_INT(strcasestr(s.head, "content-type: a/b\r\n") != NULL, !!cases[i].type);
		CHECK_INT(strcasestr(s.head, "content-type") != NULL, !!cases[i].type);
		CHECK(strcasestr(s.head, "expect:") == NULL);
		http_res_free(&r);
		kv_free(&headers);
	}
}

/* Refused before the body was wanted: the answer counts. */
static void test_early_answer(void)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", 0,
		  AFTER_CLOSE, true },
	};
	struct http *h = http_make();
	struct source src = { 0 };
	struct http_req q = {
		.method = "PUT", .read = source_read, .read_arg = &src, .body_size = 64 * MIB
	};
	struct http_res r;
	struct server s;

	server_start(&s, steps, array_size(steps));
	CHECK_INT(attempt(h, s.port, &q, &r), 0);
	CHECK_INT(r.status, 403);
	CHECK(!r.body_md5_valid);
	http_res_free(&r);
	http_free(h);
	server_stop(&s);
}

static void test_own_errors(void)
{
	static const struct step steps[] = {
		{ OK "Content-Length: 0\r\n\r\n", 0, AFTER_CLOSE, false },
		{ OK "Content-Length: 1\r\n\r\nx", 0, AFTER_CLOSE, false },
		{ OK "Content-Length: 18000000\r\n\r\n", 18000000, AFTER_CLOSE, false },
	};
	struct http *h = http_make();
	struct source src = { .error = -EXDEV, .error_at = 700000 };
	struct sink sink = { 0, -ENOSPC };
	struct http_req up = {
		.method = "PUT", .read = source_read, .read_arg = &src, .body_size = MIB
	};
	struct http_req down = { .write = sink_write, .write_arg = &sink }, large = { 0 };
	struct http_res r;
	struct server s;

	server_start(&s, steps, array_size(steps));
	CHECK_INT(attempt(h, s.port, &up, &r), -EXDEV);
	CHECK(!r.body_md5_valid);
	http_res_free(&r);
	src.error_at = 0;
	up.body_size = 100; /* nothing is sent */
	CHECK_INT(attempt(h, s.port, &up, &r), -EXDEV);
	CHECK(!r.sent && !r.body_md5_valid);
	http_res_free(&r);
	CHECK_INT(attempt(h, s.port, &down, &r), -ENOSPC);
	http_res_free(&r);
	CHECK_INT(attempt(h, s.port, &large, &r), -EIO); /* over the cap, without a sink */
	http_res_free(&r);
	http_free(h);
	server_stop(&s);
}

static void test_not_sent(void)
{
	struct http *h = http_make();
	struct http_req late = { .deadline_mono_ms = 1 }, refused = { 0 }, evil = { 0 },
			file = { 0 };
	struct kv headers = KV_EMPTY;
	struct http_res r;

	CHECK_INT(attempt(h, 1, &late, &r), -ETIMEDOUT);
	CHECK(!r.sent);
	http_res_free(&r);
	CHECK_INT(attempt(h, 1, &refused, &r), -ECONNREFUSED);
	CHECK(!r.sent && r.why[0]);
	http_res_free(&r);
	CHECK_INT(kv_set(&headers, "x-a", "b\r\nx-c: d"), 0);
	evil.headers = &headers;
	CHECK_INT(attempt(h, 1, &evil, &r), -EINVAL);
	CHECK(!r.sent);
	http_res_free(&r);
	file = (struct http_req){ .method = "GET",
				  .url = "file:///etc/passwd",
				  .deadline_mono_ms = clock_deadline(1000),
				  .stall_ms = 1000 };
	http_res_init(&r);
	CHECK_INT(http_attempt(h, &file, &r), -EINVAL);
	CHECK(strstr(r.why, "rotocol"));
	CHECK_INT(r.body.len, 0);
	http_res_free(&r);
	file.url = "http://no-such-host.invalid/";
	http_res_init(&r);
	CHECK_INT(http_attempt(h, &file, &r), -ENOTCONN);
	CHECK(!r.sent && r.why[0]);
	http_res_free(&r);
	kv_free(&headers);
	http_free(h);
}

static void test_deadline(void)
{
	static const struct step steps[] = { { NULL, 0, AFTER_STALL, false } };
	struct http *h = http_make();
	struct http_req q = { .deadline_mono_ms = clock_deadline(300) };
	struct http_res r;
	struct server s;

	server_start(&s, steps, array_size(steps));
	CHECK_INT(attempt(h, s.port, &q, &r), -ETIMEDOUT);
	CHECK(r.sent);
	http_res_free(&r);
	http_free(h);
	server_stop(&s);
}

struct abort_job {
	struct http *h;
	struct server *s;
	int rc;
};

static void *abort_attempt(void *arg)
{
	struct abort_job *j = arg;
	struct http_req q = { .stall_ms = 20000, .deadline_mono_ms = clock_deadline(20000) };
	struct http_res r;

	j->rc = attempt(j->h, j->s->port, &q, &r);
	http_res_free(&r);
	return NULL;
}

static void test_abort(void)
{
	static const struct step steps[] = { { OK "Content-Length: 9\r\n\r\nx", 0, AFTER_STALL,
					       false } };
	struct http *h = http_make();
	struct abort_job j;
	struct http_req q = { 0 };
	struct http_res r;
	pthread_t t;
	struct server s;
	int64_t start;

	server_start(&s, steps, array_size(steps));
	j = (struct abort_job){ h, &s, 0 };
	CHECK_INT(pthread_create(&t, NULL, abort_attempt, &j), 0);
	poll(NULL, 0, 200);
	start = clock_mono_ms();
	http_abort(h);
	CHECK_INT(pthread_join(t, NULL), 0);
	CHECK_INT(j.rc, -ECANCELED);
	CHECK(clock_mono_ms() - start < 15000); /* not until it stalls */
	CHECK_INT(attempt(h, s.port, &q, &r), -ECANCELED); /* and so do all after it */
	http_res_free(&r);
	http_free(h);
	server_stop(&s);
}

int main(void)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be asked for this host */
	test_ones();
	test_drip();
	test_reuse();
	test_upload();
	test_small_upload();
	test_early_answer();
	test_own_errors();
	unsetenv("http_proxy");
	test_not_sent();
	test_deadline();
	test_abort();
	http_free(NULL);
	return check_done();
}
