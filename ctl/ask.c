/* ask.c - one question to the running mount over its control socket: a line out, a line of JSON
 * back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/json.h"
#include "ctl/ctl.h"

#define ANSWER_MAX (64 * 1024)

/* Through /proc, since the path of a socket may be longer than an address holds. */
static int connect_to(const char *dir, int *ret_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 120 };
	auto_close int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;

	if (dir_fd < 0)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/ctl.sock", dir_fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return errno == ENOENT || errno == ECONNREFUSED ? -ENOTCONN : -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int read_line(int fd, struct buf *out)
{
	char piece[4096];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return out->len ? 0 : -EPIPE;
		if (buf_add(out, piece, (size_t)n))
			return out->error;
		if (memchr(piece, '\n', (size_t)n))
			return 0;
	}
}

int ctl_ask(const char *dir, const char *question, struct doc_node **ret_answer)
{
	auto_with(buf_free) struct buf answer;
	auto_free char *line = NULL;
	auto_close int fd = -1;
	int r;

	buf_init(&answer, ANSWER_MAX);
	r = str_format(&line, "%s\n", question);
	if (!r)
		r = connect_to(dir, &fd);
	if (!r)
		r = io_write_full(fd, line, strlen(line));
	if (!r)
		r = read_line(fd, &answer);
	/* it died over the question */
	if (r == -EPIPE || r == -ECONNRESET)
		r = -ENOTCONN;
	return r ? r : json_read(answer.data, answer.len, ret_answer, NULL);
}
