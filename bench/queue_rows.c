/*
 * queue_rows.c - what it costs to put one more row into a queue that has many. Fills the queue of a
 * state directory up to ROWS, then acknowledges some writes as a mount does: a ticket, a commit.
 * Prints one line of JSON with the CPU of one write in microseconds.
 *
 *	bench/queue_rows DIR DESTINATION-ARN WRITES ROWS
 *
 * The rows stay, for a mount to be started on them.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "queue/store.h"

#define BATCH  1000
#define ROUNDS 10 /* whose median counts */

struct bench {
	struct store *store;
	const char *dest;
	uint64_t made;
	char keys[BATCH][64], versions[BATCH][40];
	struct job jobs[BATCH];
};

static void must(int err, const char *what)
{
	char text[64];

	if (err >= 0)
		return;
	fprintf(stderr, "queue_rows: %s: %s\n", what, errno_text(err, text, sizeof(text)));
	exit(1);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* As fs/commit.c makes it of a new file of 4 KiB. Strings borrowed. */
static void make_job(struct bench *b, unsigned i)
{
	int64_t now = clock_wall_ms();

	snprintf(b->keys[i], sizeof(b->keys[i]), "photos/2026/%012llu.jpg",
		 (unsigned long long)b->made);
	snprintf(b->versions[i], sizeof(b->versions[i]), "v%030llu", (unsigned long long)b->made);
	b->made++;
	b->jobs[i] = (struct job){
		.kind = JOB_OBJECT,
		.key = b->keys[i],
		.version = b->versions[i],
		.dest = (char *)b->dest,
		.created_ms = now,
		.due_ms = now,
	};
	b->jobs[i].rule_id = (char *)"all";
	b->jobs[i].token = (char *)"0123456789abcdef0123456789abcdef";
	b->jobs[i].spec = (struct job_spec){ .known = true,
					     .size = 4096,
					     .etag = (char *)"d41d8cd98f00b204e9800998ecf8427e",
					     .mtime_ms = now };
}

static void fill(struct bench *b, uint64_t rows)
{
	while (b->made < rows) {
		unsigned n = (unsigned)min_of(rows - b->made, (uint64_t)BATCH);

		for (unsigned i = 0; i < n; i++)
			make_job(b, i);
		must(store_add(b->store, b->jobs, n), "rows");
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double one_write(struct bench *b, uint64_t writes)
{
	uint64_t n = max_of(writes / ROUNDS, (uint64_t)1);
	double rounds[ROUNDS];

	for (unsigned r = 0; r < ROUNDS; r++) {
		double before = cpu_us();

		for (uint64_t i = 0; i < n; i++) {
			int64_t ticket;

			make_job(b, 0);
			must(store_begin(b->store, JOB_OBJECT, b->keys[0], b->jobs[0].token,
					 &ticket),
			     "begin");
			must(store_commit(b->store, ticket, b->jobs, NULL, 1), "commit");
		}
		rounds[r] = (cpu_us() - before) / (double)n;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	return rounds[ROUNDS / 2];
}

/* Rows that are there already have other keys. */
static void count_rows(struct bench *b)
{
	struct store_counts c;

	must(store_count(b->store, NULL, &c), "count");
	b->made = c.waiting + c.ready + c.claimed + c.parked + c.done;
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct store_conf conf = { .instance = "bench" };
	uint64_t writes, rows;
	struct rusage u;
	char why[400];
	double us;

	log_to_stderr(LOG_LEVEL_WARN);
	if (argc != 5 || parse_u64(argv[3], &writes) < 0 || parse_u64(argv[4], &rows) < 0) {
		fputs("usage: queue_rows DIR DESTINATION-ARN WRITES ROWS\n", stderr);
		return 2;
	}
	conf.dir = argv[1];
	b.dest = argv[2];
	if (store_open(&conf, &b.store, why, sizeof(why)) < 0) {
		fprintf(stderr, "queue_rows: %s\n", why);
		return 1;
	}
	count_rows(&b);
	fill(&b, rows);
	us = one_write(&b, writes);
	store_close(b.store);
	getrusage(RUSAGE_SELF, &u);
	printf("{\"cpu_us_per_write\": %.2f, \"rows\": %llu, \"rss_kib\": %ld, \"cpu\": %.2f}\n",
	       us, (unsigned long long)b.made, u.ru_maxrss, cpu_us() / 1e6);
	return 0;
}
