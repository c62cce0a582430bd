/* EPOCH_MS METHOD OP BUCKET KEY STATUS BYTES_IN BYTES_OUT REQID query EPOCH_US
 * One write per line. */
#include "s3d.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1;

int log_open(const char *file)
{
	if (!file)
		return 0;
	log_fd = open(file, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	return log_fd < 0 ? -errno : 0;
}

void log_close(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

static void add_query(struct buf *b, const char *query)
{
	size_t start = b->len;

	for (const char *p = query; *p;) {
		size_t len = strcspn(p, "&");
		if (len && strncasecmp(p, "X-Amz-", 6) && strncmp(p, "Signature=", 10) &&
		    strncmp(p, "AWSAccessKeyId=", 15)) {
			if (b->len > start)
				buf_str(b, "&");
			buf_url(b, p, len, "%!$'()*+,;=:@/?", false);
		}
		p += len + (p[len] == '&');
	}
	if (b->len == start)
		buf_str(b, "-");
}

void log_request(struct req *r)
{
	struct buf b = { 0 };
	struct timespec now;
	int64_t out = r->head || !r->status ? 0 : r->has_len ? r->len : (int64_t)r->out.len;

	if (r->logged || r->admin)
		return;
	r->logged = true;
	if (log_fd < 0)
		return;
	buf_fmt(&b, "%lld ", (long long)r->start_ms);
	buf_url(&b, r->method, strlen(r->method), "", false);
	buf_fmt(&b, " %s ", r->op ? r->op->name : "-");
	if (r->bucket && *r->bucket)
		buf_url(&b, r->bucket, strlen(r->bucket), "", false);
	else
		buf_str(&b, "-");
	buf_str(&b, " ");
	if (r->key)
		buf_url(&b, r->key, strlen(r->key), "/", false);
	else
		buf_str(&b, "-");
	buf_fmt(&b, " %03d %lld %lld %s ", r->status, (long long)r->body.wire, (long long)out,
		r->reqid);
	add_query(&b, r->raw_query ? r->raw_query : "");
	clock_gettime(CLOCK_REALTIME, &now);
	buf_fmt(&b, " %lld%06ld\n", (long long)now.tv_sec, now.tv_nsec / 1000);
	ssize_t n = write(log_fd, b.p, b.len);
	(void)n;
	buf_free(&b);
}
