/*
 * powercut.c - what a disk remembers when the power goes: only what was synced. To be preloaded into
 * a mount (LD_PRELOAD); the state directory is then rebuilt by powercut.py as a disk would have it.
 *
 *      POWERCUT_DIR     the directory on that disk
 *      POWERCUT_SHADOW  a folder elsewhere: what is on the disk for good
 *      POWERCUT_BOOT    stands for /proc/sys/kernel/random/boot_id, which another boot changes
 *
 * Strict, as POSIX has it: fsync of a file saves its bytes, fsync of a directory its names, and
 * neither saves the other. In the shadow, "f-INODE" holds the bytes of a file as they were last
 * synced, "d-INODE" a directory's names, each line "INODE TYPE NAME". The real sync is left out.
 */
#define _GNU_SOURCE
#include <dirent.h>
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
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
	abort();
}

static int real_open(const char *path, int flags, mode_t mode)
{
	static int (*next)(const char *, int, ...);

	if (!next)
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
	return next(path, flags, mode);
}

/* Does fd belong to the disk? Its path, then, as of now. */
static int is_ours(int fd, char path[PATH_MAX])
{
	const char *dir = getenv("POWERCUT_DIR");
	char link[64];
	size_t n = dir ? strlen(dir) : 0;
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = n ? readlink(link, path, PATH_MAX - 1) : -1;
	if (got < (ssize_t)n)
		return 0;
	path[got] = '\0';
	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static void shadow_path(char path[PATH_MAX], char kind, ino_t ino, const char *end)
{
	snprintf(path, PATH_MAX, "%s/%c-%llu%s", getenv("POWERCUT_SHADOW"), kind,
		 (unsigned long long)ino, end);
}

static void save_file(int fd, int out)
{
	char piece[65536];
	off_t off = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), off)) > 0) {
		if (pwrite(out, piece, (size_t)n, off) != n)
			die("write");
		off += n;
	}
	if (n < 0 || ftruncate(out, off))
		die("copy");
}

static void save_dir(int fd, int out)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);

	if (!dir)
		die("directory");
	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			dprintf(out, "%llu %c %s\n", (unsigned long long)e->d_ino,
				e->d_type == DT_DIR ? 'd' : e->d_type == DT_REG ? 'f' : '-', e->d_name);
	closedir(dir);
}

/* A file opened for writing only is read by another descriptor; no other is: closing that would drop
 * the locks which SQLite has on the file (fcntl(2)), and another program's SQLite, when it ends,
 * takes itself for the last one and removes the log. */
static int readable(int fd)
{
	char link[64];
	int in, flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		die("flags");
	if ((flags & O_ACCMODE) != O_WRONLY)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	in = real_open(link, O_RDONLY | O_CLOEXEC, 0);
	if (in < 0)
		die("reopen");
	return in;
}

static int save(int fd)
{
	char path[PATH_MAX], to[PATH_MAX];
	struct stat st;
	int out;

	if (!is_ours(fd, path))
		return 0;
	pthread_mutex_lock(&one);
	if (fstat(fd, &st))
		die("stat");
	shadow_path(path, S_ISDIR(st.st_mode) ? 'd' : 'f', st.st_ino, ".new");
	out = real_open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		die(path);
	if (S_ISDIR(st.st_mode)) {
		save_dir(fd, out);
	} else {
		int in = readable(fd);

		save_file(in, out);
		if (in != fd)
			close(in);
	}
	close(out);
	shadow_path(to, S_ISDIR(st.st_mode) ? 'd' : 'f', st.st_ino, "");
	if (rename(path, to))
		die(to);
	pthread_mutex_unlock(&one);
	return 1;
}

int fsync(int fd)
{
	static int (*next)(int);

	if (save(fd))
		return 0;
	if (!next)
		next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	return next(fd);
}

int fdatasync(int fd)
{
	static int (*next)(int);

	if (save(fd))
		return 0;
	if (!next)
		next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	return next(fd);
}

/* An inode's number is used again: what the shadow has of the one before is not the new one's. */
static int opened(int fd, int flags)
{
	char path[PATH_MAX];
	struct stat st;

	if (fd < 0 || !(flags & O_CREAT) || !is_ours(fd, path) || fstat(fd, &st) || st.st_size ||
	    st.st_blocks)
		return fd;
	shadow_path(path, 'f', st.st_ino, "");
	if (flags & O_EXCL)
		unlink(path);
	return fd;
}

static const char *redirected(const char *path)
{
	const char *boot = strcmp(path, BOOT_ID) ? NULL : getenv("POWERCUT_BOOT");

	return boot ? boot : path;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(real_open(redirected(path), flags, mode), flags);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(real_open(redirected(path), flags, mode), flags);
}
