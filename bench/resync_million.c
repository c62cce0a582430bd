/*
 * resync_million.c - a resync of a bucket with many versions, from the listing to the rows and out
 * of the queue again, without a network: the listing is made up, and each row is called done as
 * soon as it is ready. Prints one line: versions, requests, rows, seconds of CPU, and the memory it
 * took, which must not depend on the number.
 *
 *	bench/resync_million [VERSIONS]		default 1,000,000
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "queue/scan.h"
#include "queue/scan_plan.h"
#include "queue/store_scan.h"

#define PAGE 1000
#define RULES                                                                                      \
	"<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role><Rule><ID>all</ID>" \
	"<Prefix></Prefix><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::copy</Bucket>" \
	"</Destination></Rule></ReplicationConfiguration>"

struct bench {
	uint64_t versions;
	uint64_t requests; /* atomic */
	uint64_t done;
	struct store *store;
	struct dest_set *dests;
	struct repl *repl;
	struct scan *scan;
	struct s3_client *source;
	struct rule_set *rules;
	char dir[64];
};

static void must(int err, const char *what)
{
	char text[64];

	if (err >= 0)
		return;
	fprintf(stderr, "resync_million: %s: %s\n", what, errno_text(err, text, sizeof(text)));
	exit(1);
}

/* --- a bucket that is made up: one version of each key -------------------------------------------- */

static int add_version(struct buf *b, uint64_t k)
{
	return buf_addf(b,
			"<Version><Key>photos/2026/%012llu.jpg</Key><VersionId>v%llu</VersionId>"
			"<IsLatest>true</IsLatest><LastModified>2026-01-01T00:00:00.000Z"
			"</LastModified><ETag>\"d41d8cd98f00b204e9800998ecf8427e\"</ETag>"
			"<Size>4096</Size><StorageClass>STANDARD</StorageClass></Version>",
			(unsigned long long)k, (unsigned long long)k);
}

static uint64_t first_key(const char *url)
{
	const char *at = strstr(url, "key-marker=");
	const char *digits = at ? strstr(at, "2026") : NULL;

	if (!digits)
		return 0;
	digits = strpbrk(digits + 4, "/%");
	digits += *digits == '%' ? 3 : 1;
	return strtoull(digits, NULL, 10) + 1;
}

static int list(void *arg, const struct http_req *q, struct http_res *res)
{
	struct bench *b = arg;
	uint64_t k = first_key(q->url);
	uint64_t end = min_of(k + PAGE, b->versions);
	int err;

	__atomic_add_fetch(&b->requests, 1, __ATOMIC_RELAXED);
	res->sent = true;
	res->status = 200;
	err = buf_addf(&res->body, "<ListVersionsResult><Name>b</Name><Prefix></Prefix>"
				   "<MaxKeys>1000</MaxKeys><IsTruncated>%s</IsTruncated>",
		       end < b->versions ? "true" : "false");
	for (; err == 0 && k < end; k++)
		err = add_version(&res->body, k);
	if (err == 0 && end < b->versions)
		err = buf_addf(&res->body,
			       "<NextKeyMarker>photos/2026/%012llu.jpg</NextKeyMarker>"
			       "<NextVersionIdMarker>v%llu</NextVersionIdMarker>",
			       (unsigned long long)end - 1, (unsigned long long)end - 1);
	err = err < 0 ? err : buf_adds(&res->body, "</ListVersionsResult>");
	res->received = res->body.len;
	return err;
}

/* --- rows go out as they come --------------------------------------------------------------------- */

static bool allow(void *arg, const char *dest)
{
	(void)arg;
	(void)dest;
	return true;
}

static bool finish_one(struct bench *b)
{
	const struct outcome good = { .kind = OUTCOME_DONE, .replica_version = "r" };
	auto_with(job_free) struct job j = { 0 };
	auto_free char *unstaged = NULL;
	int64_t next;
	int r = store_claim(b->store, clock_wall_ms(), allow, NULL, &j, &next);

	must(r, "claim");
	if (r == 0)
		return false;
	must(store_finish(b->store, &j, &good, &unstaged), "finish");
	b->done++;
	return true;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void set_up(struct bench *b)
{
	struct s3_client_conf s3 = { .url = "http://127.0.0.1:9",
				     .region = "us-east-1",
				     .bucket = "b",
				     .path_style = 1,
				     .attempt = list,
				     .attempt_arg = b };
	const struct store_conf store = { .dir = b->dir, .instance = "bench" };
	struct dest_set_conf dests = { .source = &s3 };
	char why[400];

	snprintf(b->dir, sizeof(b->dir), "/tmp/crrfs-bench.XXXXXX");
	must(mkdtemp(b->dir) ? 0 : -errno, "folder");
	must(cred_source_static("ID", "SECRET", NULL, &s3.cred), "credentials");
	must(s3_client_new(&s3, &b->source, why, sizeof(why)), "client");
	must(dest_set_new(&dests, &b->dests, why, sizeof(why)), "destinations");
	must(store_open(&store, &b->store, why, sizeof(why)), "store");
	must(rules_parse(RULES, strlen(RULES), &b->rules, NULL), "rules");
	const struct repl_conf repl = {
		.store = b->store, .dests = b->dests, .source = b->source, .staging_dir = b->dir
	};

	must(repl_new(&repl, b->rules, &b->repl), "repl");
	const struct scan_conf scan = {
		.store = b->store, .repl = b->repl, .source = b->source, .prefix = ""
	};

	must(scan_new(&scan, &b->scan), "scan");
}

static void take_down(struct bench *b)
{
	static const char *const files[] = { "queue.db", "queue.db-wal", "queue.db-shm" };
	char path[128];

	scan_free(b->scan);
	repl_free(b->repl);
	rules_unref(b->rules);
	store_close(b->store);
	dest_set_free(b->dests);
	s3_client_free(b->source);
	for (size_t i = 0; i < array_size(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, files[i]);
		unlink(path);
	}
	rmdir(b->dir);
}

static int64_t begin(struct bench *b)
{
	struct scan_args args = { .prefix = (char[]){ "" }, .statuses = SCAN_STATUS_DEFAULT };
	auto_with(buf_free) struct buf json;
	int64_t id;

	buf_init(&json, BUF_LIMIT_SMALL);
	must(scan_args_to_json(&args, &json), "args");
	must(store_scan_add(b->store, false, buf_str(&json), &id), "scan row");
	must(scan_start(b->scan), "scan start");
	return id;
}

static bool is_running(struct bench *b, int64_t id)
{
	struct scan_row row = { 0 };
	bool running;

	must(store_scan_get(b->store, id, &row), "scan row");
	running = row.state == SCAN_RUNNING;
	if (row.state == SCAN_BROKEN)
		must(-EIO, row.why);
	scan_row_free(&row);
	return running;
}

static long rss_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void report(const struct bench *b, long before)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("versions=%llu requests=%llu rows=%llu cpu_s=%ld rss_before_kib=%ld "
	       "rss_peak_kib=%ld\n",
	       (unsigned long long)b->versions, (unsigned long long)b->requests,
	       (unsigned long long)b->done, (long)(u.ru_utime.tv_sec + u.ru_stime.tv_sec), before,
	       rss_kib());
}

int main(int argc, char **argv)
{
	struct bench b = { .versions = 1000000 };
	long before;
	int64_t id;
	bool found = true;

	log_to_stderr(LOG_LEVEL_WARN);
	if (argc > 1 && parse_u64(argv[1], &b.versions) != 0) {
		fputs("usage: resync_million [VERSIONS]\n", stderr);
		return 2;
	}
	set_up(&b);
	before = rss_kib();
	id = begin(&b);
	while (found || is_running(&b, id)) {
		if (!found)
			poll(NULL, 0, 5); /* the walk waits, too, while its rows are many */
		found = finish_one(&b);
	}
	report(&b, before);
	take_down(&b);
	return b.done == b.versions ? 0 : 1;
}
