/*
 * fuzz_http.c - the bytes that a server sends, through libcurl and the client: status lines,
 * headers, chunks, bodies. A server on loopback answers every request of one round with the input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "s3/acl.h"
#include "s3/bucket.h"
#include "s3/list.h"
#include "s3/lock.h"
#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/tagging.h"
#include "tests/fuzz/fuzz.h"

static int listen_fd;
static struct lock answer_lock;
static const uint8_t *answer;
static size_t answer_size;
static struct s3_client *client;

static void serve(int fd)
{
	char request[16384];
	size_t got = 0;
	ssize_t n;

	while (got + 1 < sizeof(request) &&
	       (n = recv(fd, request + got, sizeof(request) - 1 - got, 0)) > 0) {
		got += (size_t)n;
		request[got] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	lock_take(&answer_lock);
	for (size_t sent = 0; sent < answer_size; sent += (size_t)n) {
		n = send(fd, answer + sent, answer_size - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	lock_drop(&answer_lock);
	shutdown(fd, SHUT_WR);
	/* what is still on its way would become a reset, and take the answer along */
	while (recv(fd, request, sizeof(request), 0) > 0)
		;
	close(fd);
}

static void *run(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(listen_fd, NULL, NULL);

		if (fd >= 0)
			serve(fd);
	}
	return NULL;
}

static void start(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	struct s3_client_conf conf = {
		.region = "us-east-1",
		.bucket = "b",
		.path_style = 1,
		.max_attempts = 1,
		.stall_ms = 500,
		.call_ms = 1000,
	};
	char url[64], why[200];
	pthread_t thread;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lock_init(&answer_lock);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(listen_fd, 16) ||
	    getsockname(listen_fd, (struct sockaddr *)&addr, &len))
		abort();
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)ntohs(addr.sin_port));
	conf.url = url;
	if (cred_source_static("AKIDEXAMPLE", "secret", NULL, &conf.cred) ||
	    s3_client_new(&conf, &client, why, sizeof(why)) ||
	    pthread_create(&thread, NULL, run, NULL))
		abort();
}

static void head(void)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_error e = { 0 };
	char text[400];
	int err = object_head(client, "k", NULL, &info, &e);

	if (err)
		FUZZ_MUST(strlen(s3_error_text(&e, text, sizeof(text))) < sizeof(text));
}

/* An answer that is no whole 206 or 200 of the right length never becomes file data. */
static void get(void)
{
	unsigned char data[64];
	size_t got = 0;

	memset(data, 0xa5, sizeof(data));
	if (!object_get_range(client, "k", "v", "e", (struct s3_range){ 16, 48 }, data, &got, NULL))
		FUZZ_MUST(got <= 32);
	FUZZ_MUST(data[32] == 0xa5 && data[63] == 0xa5);
}

static void list(bool versions)
{
	auto_with(s3_page_free) struct s3_page p = { 0 };

	if (versions)
		(void)!list_versions(client, "d/", "/", NULL, NULL, 1000, &p, NULL);
	else
		(void)!list_keys(client, "d/", "/", NULL, 1000, &p, NULL);
	for (size_t i = 0; i < p.n; i++)
		FUZZ_MUST(!strncmp(p.entries[i].key, "d/", 2));
}

static int no_bytes(void *arg, void *dst, size_t n, uint64_t off)
{
	(void)arg;
	(void)off;
	memset(dst, 'x', n);
	return 0;
}

static void put(void)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_put_opts opts = { 0 };

	(void)!object_put(client, "k", &opts, no_bytes, NULL, 10, &info, NULL);
}

static void copy(void)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct mpu_part part = { .number = 1 };

	(void)!object_copy(client, "k", "v", "e", 10, "k2", NULL, &info, NULL);
	(void)!mpu_part_copy(client, "k", "id", MPU_SUM_CRC32C, 1, "k", "v", "e",
			     (struct s3_range){ 0, 10 }, &part, NULL);
}

static void multipart(void)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct s3_put_opts opts = { 0 };
	struct mpu_part part = { .number = 1, .etag = "e", .size = 10 };
	enum mpu_sum sum = MPU_SUM_NONE;
	auto_free char *id = NULL;

	(void)!mpu_create(client, "k", &opts, &id, &sum, NULL);
	(void)!mpu_complete(client, "k", "id", &part, 1, NULL, NULL, &info, NULL);
}

static void settings(void)
{
	auto_with(kv_free) struct kv tags = KV_EMPTY;
	auto_with(acl_free) struct acl a = { 0 };
	enum bucket_versioning v;
	auto_free char *version = NULL;

	(void)!tagging_get(client, "k", NULL, &tags, NULL);
	(void)!acl_get(client, "k", NULL, &a, NULL);
	(void)!bucket_versioning_get(client, &v, NULL);
	(void)!object_delete(client, "k", &version, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = fuzz_choose(&data, &size, 8);

	if (!client)
		start();
	lock_take(&answer_lock);
	answer = data;
	answer_size = size;
	lock_drop(&answer_lock);
	switch (choice) {
	case 0: head(); break;
	case 1: get(); break;
	case 2: list(false); break;
	case 3: list(true); break;
	case 4: put(); break;
	case 5: copy(); break;
	case 6: multipart(); break;
	default: settings(); break;
	}
	lock_take(&answer_lock);
	answer_size = 0;
	lock_drop(&answer_lock);
	return 0;
}
