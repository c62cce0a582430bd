/* fuzz_control.c - the control socket: one line of whatever in, one line of JSON out. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "fs/attr.h"
#include "fs/control.h"
#include "fs/file.h"
#include "tests/fuzz/fuzz.h"

static struct control *control;
static struct fs fs;
static char dir[] = "/tmp/crrfs-fuzz-XXXXXX";

/* Its threads go on: what they hold is no leak. */
static void clean(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/ctl.sock", dir);
	unlink(path);
	rmdir(dir);
}

/* No source answers: it is the questions that are tried here. */
static int no_answer(void *arg, const struct http_req *req, struct http_res *res)
{
	(void)arg;
	(void)req;
	(void)res;
	return -ECONNREFUSED;
}

static void start(void)
{
	struct s3_client_conf s3 = { .url = "http://127.0.0.1:9",
				     .region = "us-east-1",
				     .bucket = "b",
				     .path_style = 1,
				     .max_attempts = 1,
				     .attempt = no_answer };
	struct control_conf conf = {
		.dir = dir, .mountpoint = "/m", .bucket = "b", .prefix = "", .fs = &fs
	};
	char why[200];

	if (!mkdtemp(dir) || cred_source_static("AKIDEXAMPLE", "secret", NULL, &s3.cred) ||
	    s3_client_new(&s3, &fs.source, why, sizeof(why)) || file_table_new(&fs, &fs.files) ||
	    attr_cache_new(16, 1000, &fs.attrs) || control_new(&conf, &control) ||
	    control_start(control))
		abort();
	fs.conf.prefix = "";
	atexit(clean);
}

/* These take nothing from the line, and need a whole mount. */
static bool needs_mount(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "status", "reload", "wake" };

	for (size_t i = 0; i < array_size(names); i++)
		if (size >= strlen(names[i]) && !memcmp(data, names[i], strlen(names[i])))
			return true;
	return false;
}

static int dial(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/ctl.sock", dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		abort();
	return fd;
}

static void check_answer(const char *text, size_t n)
{
	struct doc_node *doc = NULL;

	FUZZ_MUST(text[n - 1] == '\n' && !memchr(text, '\n', n - 1));
	FUZZ_MUST(!json_read(text, n, &doc, NULL));
	doc_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[65536];
	size_t got = 0;
	ssize_t n;
	int fd;

	if (needs_mount(data, size))
		return 0;
	if (!control)
		start();
	fd = dial();
	if (size && send(fd, data, size, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		abort();
	shutdown(fd, SHUT_WR);
	while (got < sizeof(text) && (n = recv(fd, text + got, sizeof(text) - got, 0)) > 0)
		got += (size_t)n;
	close(fd);
	if (got)
		check_answer(text, got);
	return 0;
}
