/*
 * test_cache.c - the read cache: one fetch per block, the bound, readahead, errors that wake
 * whoever waits. A server in memory behind http_attempt_fn answers ranges of a pattern, and can be
 * told to hold its answers back or to fail.
 */
#include "tests/unit/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "fs/cache.h"

#define BLOCK	4096u
#define BLOCKS	64u
#define SIZE	(BLOCKS * BLOCK - 100)
#define READERS 8

struct server {
	struct lock l;
	struct cond changed;
	bool hold;	       /* answers wait until it is false */
	int fail;	       /* status to answer with; 0 = none */
	const char *etag;      /* of the object now */
	unsigned gets[BLOCKS]; /* by block */
	unsigned total, waiting;
};

static uint8_t pattern(uint64_t off)
{
	return (uint8_t)(off * 31 + off / 251);
}

static int answer_error(struct http_res *res, int status, const char *code)
{
	char text[200];

	res->status = status;
	snprintf(text, sizeof(text), "<Error><Code>%s</Code><Message>m</Message></Error>", code);
	return buf_add(&res->body, text, strlen(text));
}

static int answer_range(const struct server *s, struct http_res *res, const struct http_req *q,
			uint64_t first, uint64_t end)
{
	auto_free uint8_t *body = malloc(end - first);
	char range[100], quoted[80];
	int r;

	if (!body)
		return -ENOMEM;
	for (uint64_t i = first; i < end; i++)
		body[i - first] = pattern(i);
	snprintf(range, sizeof(range), "bytes %llu-%llu/%u", (unsigned long long)first,
		 (unsigned long long)end - 1, SIZE);
	snprintf(quoted, sizeof(quoted), "\"%s\"", s->etag);
	res->status = 206;
	r = kv_set(&res->headers, "content-range", range);
	if (!r)
		r = kv_set(&res->headers, "etag", quoted);
	res->received = end - first;
	return r ? r : q->write(q->write_arg, body, (size_t)(end - first));
}

static int attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	struct server *s = arg;
	const char *range = kv_get(q->headers, "range"), *match = kv_get(q->headers, "if-match");
	unsigned long long first = 0, last = 0;

	res->sent = true;
	CHECK_STR(q->method, "GET");
	CHECK(range && sscanf(range, "bytes=%llu-%llu", &first, &last) == 2);
	scoped_lock(&s->l);
	if (first / BLOCK < BLOCKS)
		s->gets[first / BLOCK]++;
	s->total++;
	s->waiting++;
	cond_broadcast(&s->changed);
	while (s->hold)
		cond_wait(&s->changed, &s->l);
	s->waiting--;
	if (s->fail)
		return answer_error(res, s->fail, "AccessDenied");
	if (match &&
	    (strlen(match) != strlen(s->etag) + 2 || strncmp(match + 1, s->etag, strlen(s->etag))))
		return answer_error(res, 412, "PreconditionFailed");
	if (first >= SIZE)
		return answer_error(res, 416, "InvalidRange");
	return answer_range(s, res, q, first, min_of((uint64_t)last + 1, (uint64_t)SIZE));
}

struct world {
	struct server s;
	struct s3_client *client;
	struct pool *pool;
	struct read_cache *c;
	struct read_id id;
};

static void open_world(struct world *w, uint64_t max_bytes, unsigned ahead_max, bool pool_runs)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1:9",
				       .region = "us-east-1",
				       .bucket = "b",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = attempt,
				       .attempt_arg = &w->s };
	char why[200];

	*w = (struct world){ .s = { .etag = "aaaa" }, .id = { "k", NULL, "aaaa", SIZE } };
	lock_init(&w->s.l);
	cond_init(&w->s.changed);
	CHECK_INT(cred_source_static("ID", "SECRET", NULL, &conf.cred), 0);
	CHECK_INT(s3_client_new(&conf, &w->client, why, sizeof(why)), 0);
	CHECK_INT(pool_new("ahead", 4, pool_runs ? 64 : 1, &w->pool), 0);
	if (pool_runs)
		CHECK_INT(pool_start(w->pool), 0);
	const struct read_cache_conf cc = { w->client, w->pool, max_bytes, BLOCK, ahead_max };

	CHECK_INT(read_cache_new(&cc, &w->c), 0);
}

static void close_world(struct world *w)
{
	pool_stop(w->pool);
	read_cache_free(w->c);
	pool_free(w->pool);
	s3_client_free(w->client);
	cond_free(&w->s.changed);
	lock_free(&w->s.l);
}

static void set_hold(struct server *s, bool hold)
{
	scoped_lock(&s->l);
	s->hold = hold;
	cond_broadcast(&s->changed);
}

static unsigned total(struct server *s)
{
	scoped_lock(&s->l);
	return s->total;
}

static unsigned gets(struct server *s, unsigned block)
{
	scoped_lock(&s->l);
	return s->gets[block];
}

/* Until n requests have been made, or five seconds have passed. */
static bool await_total(struct server *s, unsigned n)
{
	int64_t until = clock_mono_ms() + 5000;

	scoped_lock(&s->l);
	while (s->total < n)
		if (!cond_wait_until(&s->changed, &s->l, until) && s->total < n)
			return false;
	return true;
}

static void let_pass(struct server *s, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	scoped_lock(&s->l);
	while (cond_wait_until(&s->changed, &s->l, until) || clock_mono_ms() < until)
		;
}

static int read_check(struct world *w, struct read_pos *pos, size_t n, uint64_t off)
{
	auto_free uint8_t *got = calloc(1, n + 1);
	int r = got ? read_cache_read(w->c, &w->id, pos, got, n, off) : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++)
		if (got[i] != pattern(off + i)) {
			fprintf(stderr, "\twrong byte at %zu\n", (size_t)off + i);
			CHECK(false);
			return -EILSEQ;
		}
	if (got)
		CHECK_INT(got[n], 0);
	return r;
}

/* --- threads ---------------------------------------------------------------------------------- */

struct reader {
	struct world *w;
	pthread_t thread;
	uint64_t off;
	size_t n;
	int r;
};

static void *reader_run(void *arg)
{
	struct reader *r = arg;
	uint8_t got[2 * BLOCK];

	r->r = read_cache_read(r->w->c, &r->w->id, NULL, got, r->n, r->off);
	for (size_t i = 0; !r->r && i < r->n; i++)
		if (got[i] != pattern(r->off + i))
			r->r = -EILSEQ;
	return NULL;
}

static void start_readers(struct world *w, struct reader *r, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++) {
		r[i] = (struct reader){ .w = w, .off = off + i, .n = 50, .r = 1 };
		CHECK_INT(pthread_create(&r[i].thread, NULL, reader_run, &r[i]), 0);
	}
}

static void join_readers(struct reader *r, size_t n, int want)
{
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(pthread_join(r[i].thread, NULL), 0);
		CHECK_INT(r[i].r, want);
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_bytes(void)
{
	struct world w;

	CHECK_CASE("bytes");
	open_world(&w, MIB, 0, true);
	CHECK_INT(read_check(&w, NULL, 10, 5), 0);
	CHECK_INT(read_check(&w, NULL, 3 * BLOCK, BLOCK - 7), 0);
	CHECK_INT(read_check(&w, NULL, 50, SIZE - 50), 0);
	CHECK_INT(read_check(&w, NULL, SIZE, 0), 0);
	CHECK_INT(read_check(&w, NULL, 0, 0), 0);
	CHECK_INT(total(&w.s), BLOCKS);
	close_world(&w);
}

static void test_one_fetch(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("one fetch");
	open_world(&w, MIB, 0, true);
	set_hold(&w.s, true);
	start_readers(&w, r, READERS, 3 * BLOCK);
	CHECK(await_total(&w.s, 1));
	let_pass(&w.s, 50);
	CHECK_INT(total(&w.s), 1);
	set_hold(&w.s, false);
	join_readers(r, READERS, 0);
	CHECK_INT(gets(&w.s, 3), 1);
	close_world(&w);
}

static void test_bound(void)
{
	struct world w;

	CHECK_CASE("bound");
	open_world(&w, 4 * BLOCK, 0, true);
	for (unsigned i = 0; i < 4; i++)
		CHECK_INT(read_check(&w, NULL, 1, i * BLOCK), 0);
	CHECK_INT(read_check(&w, NULL, 1, 0), 0);	  /* 0 is the most recent now */
	CHECK_INT(read_check(&w, NULL, 1, 4 * BLOCK), 0); /* 1 goes */
	CHECK_INT(read_check(&w, NULL, 1, 0), 0);
	CHECK_INT(read_check(&w, NULL, 1, 2 * BLOCK), 0);
	CHECK_INT(total(&w.s), 5);
	CHECK_INT(read_check(&w, NULL, 1, BLOCK), 0);
	CHECK_INT(gets(&w.s, 1), 2);
	CHECK_INT(total(&w.s), 6);
	close_world(&w);

	CHECK_CASE("no room at all");
	open_world(&w, 0, 0, true);
	CHECK_INT(read_check(&w, NULL, 2 * BLOCK, 10), 0);
	CHECK_INT(read_check(&w, NULL, 2 * BLOCK, 10), 0);
	close_world(&w);
}

static void test_ahead(void)
{
	struct read_pos pos = { 0 };
	struct world w;

	CHECK_CASE("ahead grows");
	open_world(&w, MIB, 8, true);
	CHECK_INT(read_check(&w, &pos, BLOCK, 0), 0);
	CHECK_INT(pos.ahead, 0);
	CHECK_INT(total(&w.s), 1);
	for (unsigned i = 1, want = 1; i <= 6; i++, want = min_of(want * 2, 8u)) {
		CHECK_INT(read_check(&w, &pos, BLOCK, i * BLOCK), 0);
		CHECK_INT(pos.ahead, want);
		CHECK(await_total(&w.s, 1 + i + want));
	}
	CHECK_INT(total(&w.s), 15); /* 0 to 6 and eight more */
	let_pass(&w.s, 30);
	for (unsigned i = 0; i < 15; i++)
		CHECK_INT(gets(&w.s, i), 1);

	CHECK_CASE("a jump");
	CHECK_INT(read_check(&w, &pos, 10, 40 * BLOCK), 0);
	CHECK_INT(pos.ahead, 0);
	CHECK_INT(total(&w.s), 16);

	CHECK_CASE("not beyond the end");
	pos = (struct read_pos){ .next = (BLOCKS - 2) * BLOCK, .ahead = 8 };
	CHECK_INT(read_check(&w, &pos, BLOCK, (BLOCKS - 2) * BLOCK), 0);
	CHECK(await_total(&w.s, 18));
	let_pass(&w.s, 30);
	CHECK_INT(total(&w.s), 18);
	close_world(&w);
}

/* Nobody runs what is asked for ahead, and then there is no room for more: readers fetch for
 * themselves. */
static void test_ahead_refused(void)
{
	struct read_pos pos = { .next = BLOCK, .ahead = 4 };
	struct world w;

	CHECK_CASE("ahead refused");
	open_world(&w, MIB, 8, false);
	/* block 2 is queued and stays so, 3 is refused */
	CHECK_INT(read_check(&w, &pos, BLOCK, BLOCK), 0);
	CHECK_INT(total(&w.s), 1);
	CHECK_INT(read_check(&w, NULL, BLOCK, 3 * BLOCK), 0);
	CHECK_INT(total(&w.s), 2);
	CHECK_INT(pool_start(w.pool), 0);
	CHECK_INT(read_check(&w, NULL, BLOCK, 2 * BLOCK), 0);
	CHECK_INT(gets(&w.s, 2), 1);
	close_world(&w);
}

static void test_failure(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("failure");
	open_world(&w, MIB, 0, true);
	set_hold(&w.s, true);
	start_readers(&w, r, READERS, 0);
	CHECK(await_total(&w.s, 1));
	let_pass(&w.s, 50);
	w.s.fail = 403;
	set_hold(&w.s, false);
	join_readers(r, READERS, -EACCES);
	CHECK_INT(total(&w.s), 1);
	lock_take(&w.s.l);
	w.s.fail = 0;
	lock_drop(&w.s.l);
	CHECK_INT(read_check(&w, NULL, 10, 0), 0); /* it is not remembered */
	CHECK_INT(gets(&w.s, 0), 2);
	close_world(&w);
}

static void test_drop(void)
{
	struct read_id other = { "other", NULL, "aaaa", SIZE };
	struct reader r[READERS];
	uint8_t byte;
	struct world w;

	CHECK_CASE("drop");
	open_world(&w, MIB, 0, true);
	CHECK_INT(read_cache_read(w.c, &other, NULL, &byte, 1, 0), 0);
	CHECK_INT(read_check(&w, NULL, 10, BLOCK), 0);
	set_hold(&w.s, true);
	start_readers(&w, r, READERS, 0);
	CHECK(await_total(&w.s, 3));
	let_pass(&w.s, 30);
	/* fetched just now, and waited for */
	read_cache_drop_key(w.c, "k");
	read_cache_drop_key(w.c, "nobody");
	set_hold(&w.s, false);
	join_readers(r, READERS, 0);
	CHECK_INT(total(&w.s), 3);
	CHECK_INT(read_check(&w, NULL, 10, BLOCK), 0);
	CHECK_INT(gets(&w.s, 1), 2);
	CHECK_INT(read_check(&w, NULL, 10, 0), 0);
	CHECK_INT(read_cache_read(w.c, &other, NULL, &byte, 1, 0), 0);
	CHECK_INT(gets(&w.s, 0), 3); /* other's one, k's two */
	close_world(&w);
}

static void test_changed(void)
{
	struct world w;

	CHECK_CASE("changed");
	open_world(&w, MIB, 0, true);
	CHECK_INT(read_check(&w, NULL, 10, 0), 0);
	w.s.etag = "bbbb";
	CHECK_INT(read_check(&w, NULL, 10, 0), 0); /* what was read stays what it is */
	CHECK_INT(read_check(&w, NULL, 10, BLOCK), -ESTALE);
	CHECK_INT(read_check(&w, NULL, 2 * BLOCK, 0), -ESTALE);
	w.id.etag = "bbbb";
	CHECK_INT(read_check(&w, NULL, 2 * BLOCK, 0), 0);

	CHECK_CASE("shorter than it was");
	w.id.size = SIZE + 2 * BLOCK;
	CHECK_INT(read_cache_read(w.c, &w.id, NULL, &(uint8_t){ 0 }, 1, SIZE + BLOCK), -ESTALE);
	close_world(&w);
}

/* Many readers, little room, blocks that are dropped all the time: the bytes are right, and nothing
 * hangs. */
static void *storm_run(void *arg)
{
	struct reader *r = arg;
	struct read_pos pos = { 0 };
	uint8_t got[3 * BLOCK];
	unsigned seed = (unsigned)r->off;

	for (unsigned round = 0; round < 200 && r->r == 1; round++) {
		uint64_t off = (uint64_t)rand_r(&seed) % (SIZE - sizeof(got));
		size_t n = 1 + (size_t)rand_r(&seed) % sizeof(got);

		if (round % 3)
			off = min_of(pos.next, (uint64_t)(SIZE - sizeof(got)));
		if (read_cache_read(r->w->c, &r->w->id, &pos, got, n, off))
			r->r = -1;
		for (size_t i = 0; i < n; i++)
			if (got[i] != pattern(off + i))
				r->r = -2;
		if (round % 16 == 0)
			read_cache_drop_key(r->w->c, "k");
	}
	return NULL;
}

static void test_storm(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("storm");
	open_world(&w, 6 * BLOCK, 8, true);
	for (size_t i = 0; i < READERS; i++) {
		r[i] = (struct reader){ .w = &w, .off = i + 1, .r = 1 };
		CHECK_INT(pthread_create(&r[i].thread, NULL, storm_run, &r[i]), 0);
	}
	join_readers(r, READERS, 1);
	close_world(&w);
}

int main(void)
{
	test_bytes();
	test_one_fetch();
	test_bound();
	test_ahead();
	test_ahead_refused();
	test_failure();
	test_drop();
	test_changed();
	test_storm();
	return check_done();
}
