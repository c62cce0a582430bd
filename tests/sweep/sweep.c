#include "tests/sweep/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sweep *shared;
static _Thread_local int paused;

/* With the sanitizers: who called, by file and line. */
void __sanitizer_print_stack_trace(void) __attribute__((weak));

struct sweep *sweep_shared(void)
{
	return shared;
}

static void begin(int64_t kind, int how, int64_t at, int64_t times)
{
	shared->kind = -1;
	shared->hits = 0;
	for (int k = 0; k < SWEEP_KINDS; k++)
		shared->seen[k] = 0;
	shared->how = how;
	shared->times = times;
	shared->at = at;
	shared->kind = kind;
}

void sweep_arm(enum sweep_kind kind, int how, int64_t at, int64_t times)
{
	begin(kind, how, at, times);
}

void sweep_count(void)
{
	begin(SWEEP_MEMORY, 0, 0, 0);
}

void sweep_disarm(void)
{
	shared->kind = -1;
}

void sweep_pause(void)
{
	paused++;
}

void sweep_resume(void)
{
	paused--;
}

bool sweep_fails(enum sweep_kind kind, const char *what)
{
	int64_t n, at;

	if (!shared || paused || shared->kind < 0)
		return false;
	n = ++shared->seen[kind];
	at = shared->at;
	if ((int64_t)kind != shared->kind || at == 0 || n < at || n - at >= shared->times)
		return false;
	paused++;
	if (shared->hits++ == 0 && getenv("SWEEP_SHOW")) {
		fprintf(stderr, "sweep: %s fails here:\n", what);
		if (__sanitizer_print_stack_trace)
			__sanitizer_print_stack_trace();
	}
	paused--;
	return true;
}

/* --- memory ----------------------------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t count, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list ap);
char *__real_realpath(const char *path, char *dst);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t count, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);
char *__wrap_realpath(const char *path, char *dst);

static bool no_memory(const char *what)
{
	if (!sweep_fails(SWEEP_MEMORY, what))
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return no_memory("malloc") ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
	return no_memory("calloc") ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return no_memory("realloc") ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t count, size_t n)
{
	return no_memory("reallocarray") ? NULL : __real_reallocarray(p, count, n);
}

char *__wrap_strdup(const char *s)
{
	return no_memory("strdup") ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return no_memory("strndup") ? NULL : __real_strndup(s, n);
}

int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
	return no_memory("vasprintf") ? -1 : __real_vasprintf(ret, format, ap);
}

char *__wrap_realpath(const char *path, char *dst)
{
	return no_memory("realpath") ? NULL : __real_realpath(path, dst);
}

/* --- files ------------------------------------------------------------------------------------ */

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
ssize_t __real_pread(int fd, void *dst, size_t n, off_t off);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t off);
ssize_t __real_read(int fd, void *dst, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t off, off_t n);
int __real_fstat(int fd, struct stat *ret_st);
int __real_stat(const char *path, struct stat *ret_st);
int __real_lstat(const char *path, struct stat *ret_st);
int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_mkdir(const char *path, mode_t mode);
int __real_mkstemp(char *pattern);
int __real_memfd_create(const char *name, unsigned flags);
DIR *__real_opendir(const char *path);
FILE *__real_fopen(const char *path, const char *mode);
ssize_t __real_copy_file_range(int in, off_t *in_off, int out, off_t *out_off, size_t n,
			       unsigned flags);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
ssize_t __wrap_pread(int fd, void *dst, size_t n, off_t off);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t off);
ssize_t __wrap_read(int fd, void *dst, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fallocate(int fd, int mode, off_t off, off_t n);
int __wrap_fstat(int fd, struct stat *ret_st);
int __wrap_stat(const char *path, struct stat *ret_st);
int __wrap_lstat(const char *path, struct stat *ret_st);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkstemp(char *pattern);
int __wrap_memfd_create(const char *name, unsigned flags);
DIR *__wrap_opendir(const char *path);
FILE *__wrap_fopen(const char *path, const char *mode);
ssize_t __wrap_copy_file_range(int in, off_t *in_off, int out, off_t *out_off, size_t n,
			       unsigned flags);

bool sweep_no_file(enum sweep_kind kind, const char *what, bool room)
{
	if (!sweep_fails(kind, what))
		return false;
	errno = room && shared->how == 1 ? ENOSPC : EIO;
	return true;
}

static bool is_file(int fd)
{
	struct stat st;

	return __real_fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return sweep_no_file(SWEEP_FILE, "open", flags & O_CREAT) ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (sweep_no_file(SWEEP_FILE, "openat", flags & O_CREAT))
		return -1;
	return __real_openat(dir, path, flags, mode);
}

ssize_t __wrap_pread(int fd, void *dst, size_t n, off_t off)
{
	return sweep_no_file(SWEEP_FILE, "pread", false) ? -1 : __real_pread(fd, dst, n, off);
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (!sweep_no_file(SWEEP_FILE, "pwrite", true))
		return __real_pwrite(fd, p, n, off);
	/* As a disk that becomes full does: some of it is there. */
	return shared->how == 1 && n > 1 ? __real_pwrite(fd, p, n / 2, off) : -1;
}

ssize_t __wrap_read(int fd, void *dst, size_t n)
{
	return is_file(fd) && sweep_no_file(SWEEP_FILE, "read", false) ? -1 : __real_read(fd, dst, n);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	return is_file(fd) && sweep_no_file(SWEEP_FILE, "write", true) ? -1 : __real_write(fd, p, n);
}

int __wrap_fsync(int fd)
{
	return sweep_no_file(SWEEP_FILE, "fsync", true) ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
	return sweep_no_file(SWEEP_FILE, "fdatasync", true) ? -1 : __real_fdatasync(fd);
}

int __wrap_ftruncate(int fd, off_t size)
{
	return sweep_no_file(SWEEP_FILE, "ftruncate", true) ? -1 : __real_ftruncate(fd, size);
}

int __wrap_fallocate(int fd, int mode, off_t off, off_t n)
{
	return sweep_no_file(SWEEP_FILE, "fallocate", true) ? -1 : __real_fallocate(fd, mode, off, n);
}

int __wrap_fstat(int fd, struct stat *ret_st)
{
	return sweep_no_file(SWEEP_FILE, "fstat", false) ? -1 : __real_fstat(fd, ret_st);
}

int __wrap_stat(const char *path, struct stat *ret_st)
{
	return sweep_no_file(SWEEP_FILE, "stat", false) ? -1 : __real_stat(path, ret_st);
}

int __wrap_lstat(const char *path, struct stat *ret_st)
{
	return sweep_no_file(SWEEP_FILE, "lstat", false) ? -1 : __real_lstat(path, ret_st);
}

int __wrap_rename(const char *from, const char *to)
{
	return sweep_no_file(SWEEP_FILE, "rename", true) ? -1 : __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to)
{
	return sweep_no_file(SWEEP_FILE, "link", true) ? -1 : __real_link(from, to);
}

int __wrap_unlink(const char *path)
{
	return sweep_no_file(SWEEP_FILE, "unlink", false) ? -1 : __real_unlink(path);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	return sweep_no_file(SWEEP_FILE, "unlinkat", false) ? -1 : __real_unlinkat(dir, path, flags);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	return sweep_no_file(SWEEP_FILE, "mkdir", true) ? -1 : __real_mkdir(path, mode);
}

int __wrap_mkstemp(char *pattern)
{
	return sweep_no_file(SWEEP_FILE, "mkstemp", true) ? -1 : __real_mkstemp(pattern);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	return no_memory("memfd_create") ? -1 : __real_memfd_create(name, flags);
}

DIR *__wrap_opendir(const char *path)
{
	return sweep_no_file(SWEEP_FILE, "opendir", false) ? NULL : __real_opendir(path);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return sweep_no_file(SWEEP_FILE, "fopen", false) ? NULL : __real_fopen(path, mode);
}

ssize_t __wrap_copy_file_range(int in, off_t *in_off, int out, off_t *out_off, size_t n,
			       unsigned flags)
{
	if (sweep_no_file(SWEEP_FILE, "copy_file_range", true))
		return -1;
	return __real_copy_file_range(in, in_off, out, out_off, n, flags);
}

/* --- threads ---------------------------------------------------------------------------------- */

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	if (sweep_fails(SWEEP_THREAD, "pthread_create"))
		return EAGAIN;
	return __real_pthread_create(t, a, fn, arg);
}

/* --- S3 --------------------------------------------------------------------------------------- */

int __real_http_attempt(struct http *h, const struct http_req *req, struct http_res *res);
int __wrap_http_attempt(struct http *h, const struct http_req *req, struct http_res *res);

static int refuse(struct http_res *res, int status, const char *code)
{
	sweep_pause();
	http_res_free(res);
	http_res_init(res);
	res->sent = true;
	res->status = status;
	if (buf_addf(&res->body, "<Error><Code>%s</Code><Message>by the sweep</Message></Error>",
		     code) < 0)
		abort();
	sweep_resume();
	return 0;
}

int sweep_attempt(http_attempt_fn *attempt, void *arg, const struct http_req *req,
		  struct http_res *res)
{
	if (!sweep_fails(SWEEP_S3, req->url))
		return attempt(arg, req, res);
	switch (atomic_load(&shared->how)) {
	case SWEEP_S3_500: return refuse(res, 500, "InternalError");
	case SWEEP_S3_403: return refuse(res, 403, "AccessDenied");
	case SWEEP_S3_LOST:
		attempt(arg, req, res);
		http_res_free(res);
		http_res_init(res);
		res->sent = true;
		snprintf(res->why, sizeof(res->why), "the answer is lost by the sweep");
		return -ECONNRESET;
	default:
		snprintf(res->why, sizeof(res->why), "not sent by the sweep");
		return -ECONNREFUSED;
	}
}

static int attempt_really(void *arg, const struct http_req *req, struct http_res *res)
{
	return __real_http_attempt(arg, req, res);
}

int __wrap_http_attempt(struct http *h, const struct http_req *req, struct http_res *res)
{
	return sweep_attempt(attempt_really, h, req, res);
}

/* ---------------------------------------------------------------------------------------------- */

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("SWEEP_FILE");
	int fd = path ? __real_open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	if (path && fd < 0)
		abort();
	at = mmap(NULL, sizeof(struct sweep), PROT_READ | PROT_WRITE,
		  fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	if (fd >= 0)
		close(fd);
	else
		((struct sweep *)at)->kind = -1;
	sweep_take_libraries();
	shared = at;
}
