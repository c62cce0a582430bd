/*
 * refuse.c - a machine that refuses: to be preloaded into a mount (LD_PRELOAD). FAULT_FILE is looked at with each call; its
 * lines are "CALL NUMBER [SKIP]": what fails, with which errno, and after how many that go well (one line for a call).
 *
 *      fsync    fsync, fdatasync        of what lies below FAULT_DIR
 *      write    pwrite, write, ftruncate, fallocate, copy_file_range, and what makes or removes a name
 *      thread   pthread_create
 *      clock    the wall clock is NUMBER seconds off
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static long threads;

#define NEXT(name)                                                                                 \
	static __typeof__(name) *next;                                                             \
	if (!next)                                                                                 \
		next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* The number and the skip of a call's line; 0: it has none. */
static int rule(const char *call, long *number, long *skip)
{
	const char *file = getenv("FAULT_FILE");
	char text[512], *line, *rest = text, name[32];
	long fd = file ? syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		*skip = 0;
		if (sscanf(line, "%31s %ld %ld", name, number, skip) >= 2 && !strcmp(name, call))
			return 1;
	}
	return 0;
}

static int is_below(const char *path)
{
	const char *dir = getenv("FAULT_DIR");
	size_t n = dir ? strlen(dir) : 0;

	return n && !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static int refused_path(const char *call, const char *path)
{
	long number, skip;

	if (!is_below(path) || !rule(call, &number, &skip))
		return 0;
	errno = (int)number;
	return 1;
}

static int refused(const char *call, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return refused_path(call, path);
}

int fsync(int fd)
{
	NEXT(fsync);
	return refused("fsync", fd) ? -1 : next(fd);
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	return refused("fsync", fd) ? -1 : next(fd);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	NEXT(pwrite64);
	return refused("write", fd) ? -1 : next(fd, p, n, off);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	return pwrite64(fd, p, n, off);
}

ssize_t write(int fd, const void *p, size_t n)
{
	NEXT(write);
	return refused("write", fd) ? -1 : next(fd, p, n);
}

ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t n, unsigned flags)
{
	NEXT(splice);
	return refused("write", out) ? -1 : next(in, in_off, out, out_off, n, flags);
}

ssize_t copy_file_range(int in, off64_t *in_off, int out, off64_t *out_off, size_t n, unsigned flags)
{
	NEXT(copy_file_range);
	return refused("write", out) ? -1 : next(in, in_off, out, out_off, n, flags);
}

int ftruncate64(int fd, off64_t size)
{
	NEXT(ftruncate64);
	return refused("write", fd) ? -1 : next(fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int unlink(const char *path)
{
	NEXT(unlink);
	return refused_path("write", path) ? -1 : next(path);
}

int rename(const char *from, const char *to)
{
	NEXT(rename);
	return refused_path("write", to) ? -1 : next(from, to);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	NEXT(open64);
	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if ((flags & (O_CREAT | O_TRUNC)) && access(path, F_OK) && refused_path("write", path))
		return -1;
	return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return open64(path, flags, mode);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	long number, skip, n;

	NEXT(pthread_create);
	pthread_mutex_lock(&one);
	n = threads++;
	pthread_mutex_unlock(&one);
	return rule("thread", &number, &skip) && n >= skip ? (int)number : next(thread, attr, run, arg);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long number, skip;
	int r;

	NEXT(clock_gettime);
	r = next(clock, ts);
	if (r == 0 && clock == CLOCK_REALTIME && rule("clock", &number, &skip))
		ts->tv_sec += number;
	return r;
}
