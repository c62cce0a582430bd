#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/io.h"

#define MESSAGE_MAX 4096

/* One byte, the code, and the message. */
static void wait_for_child(int fd, pid_t child)
{
	auto_with(buf_free) struct buf b;
	char piece[512];
	int status = 0;

	buf_init(&b, MESSAGE_MAX);
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_add(&b, piece, (size_t)n);
	}
	if (b.len > 0) {
		if (b.len > 1)
			fprintf(stderr, "crrfs: %s\n", buf_str(&b) + 1);
		_exit(b.data[0]);
	}
	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		fprintf(stderr, "crrfs: killed by signal %d before it was mounted\n",
			WTERMSIG(status));
	else
		fprintf(stderr, "crrfs: ended before it was mounted; see the system log\n");
	_exit(DAEMON_FAILED);
}

/* What every crrfs process wants: no core dump with credentials in it, files of its own, enough
 * descriptors. */
static void settle_in(void)
{
	struct rlimit files;

	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Keeps nothing of the caller's but *fd, the way to the parent, which gets another number. */
static int leave_caller(int *fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int i = 0; i <= 2; i++)
		if (dup2(null, i) < 0)
			return -errno;
	close(null);
	if (setsid() < 0 && errno != EPERM)
		return -errno;
	if (*fd != 3) {
		if (dup3(*fd, 3, O_CLOEXEC) < 0)
			return -errno;
		close(*fd);
		*fd = 3;
	}
	close_range(4, ~0U, 0); /* an old kernel cannot: then they stay open */
	return chdir("/") == 0 ? 0 : -errno;
}

/* A program started with closed standard files must not get them as its sockets. */
static int fill_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	return 0;
}

int daemon_start(bool front, enum log_level level, struct daemon *ret_d)
{
	int ends[2], err = fill_standard_files();
	pid_t child;

	if (err < 0)
		return err;
	if (front) {
		*ret_d = (struct daemon){ .fd = -1, .front = true };
		settle_in();
		log_to_stderr(level);
		return chdir("/") == 0 ? 0 : -errno;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		err = -errno;
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(ends[0], child);
	}
	close(ends[0]);
	settle_in();
	err = leave_caller(&ends[1]);
	if (err < 0) {
		close(ends[1]);
		return err;
	}
	log_to_syslog("crrfs", level);
	*ret_d = (struct daemon){ .fd = ends[1] };
	return 0;
}

void daemon_report(struct daemon *d, enum daemon_exit code, const char *message)
{
	char head = (char)code;
	int err;

	if (d->front && message)
		fprintf(stderr, "crrfs: %s\n", message);
	if (d->fd < 0)
		return;
	/* A parent that is gone hears nothing, and that is all. */
	err = io_write_full(d->fd, &head, 1);
	if (err == 0 && message)
		err = io_write_full(d->fd, message, strlen(message));
	if (err < 0)
		log_debug("parent=gone");
	close(d->fd);
	d->fd = -1;
}
