#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

static char dir[] = "/tmp/test_io.XXXXXX";
static char path[4096];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static mode_t mode_of(const char *p)
{
	struct stat st;

	return stat(p, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void test_offsets(void)
{
	int fd = open(in_dir("offsets"), O_RDWR | O_CREAT, 0600);
	char b[8] = "";

	CHECK_INT(io_pwrite_full(fd, "world", 5, 6), 0);
	CHECK_INT(io_pwrite_full(fd, "hello ", 6, 0), 0);
	CHECK_INT(io_pread_full(fd, b, 5, 3), 0);
	CHECK_MEM(b, "lo wo", 5);
	CHECK_INT(io_pread_full(fd, b, 5, 6), 0);
	CHECK_INT(io_pread_full(fd, b, 6, 6), -EIO);
	CHECK_INT(io_pread_full(fd, b, 0, 100), 0);
	CHECK_INT(io_write_full(fd, "HELLO", 5), 0);
	CHECK_INT(io_pread_full(fd, b, 6, 0), 0);
	CHECK_MEM(b, "HELLO ", 6);
	close(fd);
	CHECK_INT(io_pread_full(-1, b, 1, 0), -EBADF);
	CHECK_INT(io_pwrite_full(-1, b, 1, 0), -EBADF);
	CHECK_INT(io_write_full(-1, b, 1), -EBADF);
	fd = open("/dev/full", O_WRONLY);
	CHECK_INT(io_write_full(fd, "x", 1), -ENOSPC);
	close(fd);
	unlink(in_dir("offsets"));
}

static void test_read_file(void)
{
	auto_with(buf_free) struct buf b;
	char *big = calloc(1, 100000);

	memset(big, 'x', 100000);
	buf_init(&b, BUF_LIMIT_DOC);
	CHECK_INT(io_replace_file(in_dir("big"), big, 100000, 0600), 0);
	buf_adds(&b, "before:");
	CHECK_INT(io_read_file(path, 99999, &b), -E2BIG);
	CHECK_STR(buf_str(&b), "before:");
	CHECK_INT(io_read_file(path, 100000, &b), 0);
	CHECK_INT(b.len, 100007);
	CHECK_MEM(b.data + 7, big, 100000);
	CHECK_INT(io_read_file(in_dir("none"), 10, &b), -ENOENT);
	CHECK_INT(io_read_file(dir, 10, &b), -EISDIR);
	buf_reset(&b);
	/* A file without a size of its own. */
	CHECK_INT(io_read_file("/proc/self/status", BUF_LIMIT_SMALL, &b), 0);
	CHECK(b.len > 0);
	unlink(in_dir("big"));
	free(big);
}

static void test_replace_file(void)
{
	auto_with(buf_free) struct buf b;
	mode_t mask = umask(0777);
	int fd;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(io_replace_file(in_dir("f"), "one", 3, 0640), 0);
	CHECK_INT(mode_of(path), 0640);
	umask(mask);
	/* A left-over from a crash is no obstacle, nor a way out of the directory. */
	CHECK_INT(symlink("/dev/null", in_dir("f.tmp")), 0);
	CHECK_INT(io_replace_file(in_dir("f"), "two", 3, 0600), 0);
	CHECK_INT(mode_of(path), 0600);
	CHECK_INT(io_read_file(path, 10, &b), 0);
	CHECK_STR(buf_str(&b), "two");
	CHECK_INT(access(in_dir("f.tmp"), F_OK), -1);
	CHECK_INT(io_replace_file(in_dir("no/f"), "x", 1, 0600), -ENOENT);
	CHECK_INT(mkdir(in_dir("d"), 0700), 0);
	CHECK_INT(io_replace_file(in_dir("d"), "x", 1, 0600), -EISDIR);
	CHECK_INT(access(in_dir("d.tmp"), F_OK), -1);
	rmdir(in_dir("d"));
	unlink(in_dir("f"));
	/* A name without a directory. */
	fd = open(".", O_RDONLY);
	CHECK_INT(chdir(dir), 0);
	CHECK_INT(io_replace_file("plain", "x", 1, 0600), 0);
	CHECK_INT(unlink("plain"), 0);
	CHECK_INT(fchdir(fd), 0);
	close(fd);
	CHECK_INT(io_fsync_dir(dir), 0);
	CHECK_INT(io_fsync_dir(in_dir("none")), -ENOENT);
}

static void test_mkdirs(void)
{
	mode_t mask = umask(077);

	CHECK_INT(io_mkdirs(in_dir("a/b//c/"), 0750), 0);
	CHECK_INT(mode_of(path), 0750);
	CHECK_INT(mode_of(in_dir("a")), 0700);
	CHECK_INT(io_mkdirs(in_dir("a/b/c"), 0700), 0);
	CHECK_INT(mode_of(path), 0750);
	CHECK_INT(io_replace_file(in_dir("a/file"), "", 0, 0600), 0);
	CHECK_INT(io_mkdirs(path, 0700), -ENOTDIR);
	CHECK_INT(io_mkdirs(in_dir("a/file/x"), 0700), -ENOTDIR);
	CHECK_INT(io_mkdirs("", 0700), -EINVAL);
	CHECK_INT(io_mkdirs("/", 0700), 0);
	unlink(in_dir("a/file"));
	rmdir(in_dir("a/b/c"));
	rmdir(in_dir("a/b"));
	rmdir(in_dir("a"));
	umask(mask);
}

int main(void)
{
	CHECK(mkdtemp(dir) != NULL);
	test_offsets();
	test_read_file();
	test_replace_file();
	test_mkdirs();
	CHECK_INT(rmdir(dir), 0);
	return check_done();
}
