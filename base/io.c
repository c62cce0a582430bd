#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK (16 * 1024)

int io_pread_full(int fd, void *dst, size_t n, uint64_t off)
{
	char *d = dst;

	while (n > 0) {
		ssize_t k = pread(fd, d, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return -EIO;
		d += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

int io_pwrite_full(int fd, const void *p, size_t n, uint64_t off)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = pwrite(fd, s, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		/* POSIX allows it, no file system should do it: do not spin. */
		if (k == 0)
			return -EIO;
		s += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

int io_write_full(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return -EIO;
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

static int read_all(int fd, size_t limit, struct buf *b)
{
	auto_free char *chunk = malloc(CHUNK);
	size_t total = 0;

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t k = read(fd, chunk, CHUNK);
		int r;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return 0;
		if ((size_t)k > limit - total)
			return -E2BIG;
		total += (size_t)k;
		r = buf_add(b, chunk, (size_t)k);
		if (r < 0)
			return r;
	}
}

int io_read_file(const char *path, size_t limit, struct buf *ret_b)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t start = ret_b->len;
	int r;

	if (fd < 0)
		return -errno;
	r = read_all(fd, limit, ret_b);
	if (r < 0 && ret_b->data) {
		ret_b->len = start;
		ret_b->data[start] = '\0';
	}
	return r;
}

static int write_new_file(const char *path, const void *p, size_t n, mode_t mode)
{
	auto_close int fd = -1;
	int r;

	/* What a crash left behind; O_EXCL so that nobody else's file or symlink is written to. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = io_write_full(fd, p, n);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return close(take_fd(&fd)) < 0 ? -errno : 0;
}

/* Returns the directory part of path as a new string. */
static int directory_of(const char *path, char **ret_dir)
{
	const char *slash = strrchr(path, '/');
	char *dir;

	if (!slash)
		return str_dup(".", ret_dir);
	dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	*ret_dir = dir;
	return 0;
}

int io_replace_file(const char *path, const void *p, size_t n, mode_t mode)
{
	auto_free char *tmp = NULL;
	auto_free char *dir = NULL;
	int r;

	r = str_format(&tmp, "%s.tmp", path);
	if (r == 0)
		r = directory_of(path, &dir);
	if (r)
		return r;
	r = write_new_file(tmp, p, n, mode);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	return io_fsync_dir(dir);
}

int io_fsync_dir(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* last: the component the caller asked for, whose mode is exact whatever the umask. */
static int make_dir(const char *path, mode_t mode, bool last)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return last && chmod(path, mode) < 0 ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int io_mkdirs(const char *path, mode_t mode)
{
	auto_free char *copy = NULL;
	size_t n;
	int r = str_dup(path, &copy);

	if (r < 0)
		return r;
	n = strlen(copy);
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (n == 0)
		return -EINVAL;
	for (size_t i = 1; i < n; i++) {
		if (copy[i] != '/' || copy[i - 1] == '/')
			continue;
		copy[i] = '\0';
		r = make_dir(copy, 0755, false);
		copy[i] = '/';
		if (r < 0)
			return r;
	}
	return make_dir(copy, mode, true);
}

const char *io_remedy(int err)
{
	switch (-err) {
	case EDQUOT:
	case ENOSPC: return "free some space there";
	case EROFS:
		return "mount that file system for writing; after an error of the disk it becomes "
		       "read-only (dmesg)";
	case EIO: return "look at the disk (dmesg)";
	case EACCES: return "it must be writable for the mount's user";
	case EMFILE: return "raise LimitNOFILE= of the service, or ulimit -n";
	default: return "";
	}
}
