#include "base/log.h"

#include <errno.h>

#include "base/io.h"
#include "tests/unit/check.h"

static char path[] = "/tmp/test_log.XXXXXX";
static int saved_stderr = -1;

/* From here on stderr goes to the file. */
static void capture(void)
{
	fflush(stderr);
	CHECK_INT(ftruncate(STDERR_FILENO, 0), 0);
	lseek(STDERR_FILENO, 0, SEEK_SET);
}

static void expect(const char *want)
{
	auto_with(buf_free) struct buf b;
	int file = dup(STDERR_FILENO);

	buf_init(&b, BUF_LIMIT_SMALL);
	dup2(saved_stderr, STDERR_FILENO);
	CHECK_INT(io_read_file(path, BUF_LIMIT_SMALL, &b), 0);
	CHECK_STR(buf_str(&b), want);
	dup2(file, STDERR_FILENO);
	close(file);
	capture();
}

static void test_levels(void)
{
	log_to_stderr(LOG_LEVEL_INFO);
	CHECK_INT(log_get_level(), LOG_LEVEL_INFO);
	log_error("event=%s n=%d", "a", 1);
	log_warn("w");
	log_info("i");
	log_debug("d");
	expect("crrfs: error: event=a n=1\ncrrfs: warn: w\ncrrfs: info: i\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("w");
	expect("");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d");
	expect("crrfs: debug: d\n");
	log_error("%s", "forged\ncrrfs: info: line\r");
	expect("crrfs: error: forged crrfs: info: line \n");
	errno = ENOENT;
	log_error("x");
	CHECK_INT(errno, ENOENT);
	expect("crrfs: error: x\n");
}

static void test_long_line(void)
{
	auto_with(buf_free) struct buf b;
	char want[2049] = "crrfs: error: ";
	char text[4000];

	buf_init(&b, BUF_LIMIT_SMALL);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memset(want + 14, 'x', 2046 - 14);
	want[2046] = '\n';
	log_error("%s", text);
	expect(want);
}

static void test_errno_text(void)
{
	char dst[64], small[4];

	CHECK_STR(errno_text(ENOENT, dst, sizeof(dst)), "No such file or directory");
	CHECK_STR(errno_text(-ENOENT, dst, sizeof(dst)), "No such file or directory");
	CHECK_STR(errno_text(ENOENT, small, sizeof(small)), "No ");
	CHECK_STR(errno_text(99999, dst, sizeof(dst)), "Unknown error 99999");
}

int main(void)
{
	int fd = mkstemp(path);

	saved_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	test_levels();
	test_long_line();
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	unlink(path);
	test_errno_text();
	return check_done();
}
