/*
 * test_cache.c - the read cache: no byte twice, the budget, what is read ahead, errors that wake
 * whoever waits. A server in memory behind http_attempt_fn answers ranges of a pattern, and can be
 * told to hold its answers back, to break off, or to fail.
 */
#include "tests/unit/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/lock.h"

#include "s3/checksum.h"

#include "fs/cache_i.h"

#define PAGE	((unsigned)CACHE_PAGE)
#define PAGES	6144u
#define SIZE	(PAGES * PAGE - 100)
#define READERS 8
#define PIECE	10000u

struct server {
	struct lock l;
	struct cond changed;
	bool hold;	      /* answers wait until it is false */
	int fail;	      /* status to answer with; 0 = none */
	const char *etag;     /* of the object now */
	unsigned gets[PAGES]; /* by page */
	unsigned total, waiting;
	uint64_t bytes;	   /* asked for */
	unsigned break_at; /* bytes after which an answer breaks off, once; 0 = never */
	char crc[CHECKSUM_CRC32C_TEXT]; /* of the whole, as HEAD tells; "" = none */
	bool replaced;			/* since the GETs, says HEAD */
	unsigned heads;
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

static unsigned take_break(struct server *s)
{
	unsigned cut = s->break_at;

	s->break_at = 0;
	return cut;
}

/* In pieces, as they come from a wire. cut: so many bytes, and then the connection is gone. */
static int answer_range(const struct server *s, struct http_res *res, const struct http_req *q,
			uint64_t first, uint64_t end, unsigned cut)
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
	if (!r)
		r = q->head(q->write_arg, res->status, &res->headers);
	for (uint64_t at = first, n; !r && at < end; at += n) {
		n = min_of(end - at, (uint64_t)PIECE);
		if (cut && at + n - first > cut)
			return -ECONNRESET;
		r = q->write(q->write_arg, body + (at - first), (size_t)n);
		res->received += n;
	}
	return r;
}

static int answer_head(struct server *s, struct http_res *res)
{
	char quoted[80];
	int r;

	s->heads++;
	snprintf(quoted, sizeof(quoted), "\"%s\"", s->replaced ? "other" : s->etag);
	res->status = 200;
	r = kv_set(&res->headers, "etag", quoted);
	if (!r && s->crc[0])
		r = kv_set(&res->headers, "x-amz-checksum-crc32c", s->crc);
	return r ? r : kv_set(&res->headers, "x-amz-checksum-type", "FULL_OBJECT");
}

static int attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	struct server *s = arg;
	const char *range = kv_get(q->headers, "range"), *match = kv_get(q->headers, "if-match");
	unsigned long long first = 0, last = 0;
	unsigned cut;

	res->sent = true;
	if (!strcmp(q->method, "HEAD")) {
		scoped_lock(&s->l);
		return answer_head(s, res);
	}
	CHECK_STR(q->method, "GET");
	CHECK(range && sscanf(range, "bytes=%llu-%llu", &first, &last) == 2);
	scoped_lock(&s->l);
	for (uint64_t at = first; at <= last && at < SIZE; at += PAGE)
		s->gets[at / PAGE]++;
	s->total++;
	s->bytes += last + 1 - first;
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
	cut = take_break(s);
	return answer_range(s, res, q, first, min_of((uint64_t)last + 1, (uint64_t)SIZE), cut);
}

struct world {
	struct server s;
	struct s3_client *client;
	struct pool *pool;
	struct read_cache *c;
	struct read_id id;
};

static void open_world(struct world *w, uint64_t max_bytes, bool pool_runs)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1:9",
				       .region = "us-east-1",
				       .bucket = "b",
				       .path_style = 1,
				       .max_attempts = 2,
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
	const struct read_cache_conf cc = { .client = w->client,
					    .pool = w->pool,
					    .max_bytes = max_bytes };

	CHECK_INT(read_cache_new(&cc, &w->c, why, sizeof(why)), 0);
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

static uint64_t bytes(struct server *s)
{
	scoped_lock(&s->l);
	return s->bytes;
}

/* The most and the fewest times that a page of [start, end) was asked for. */
static void gets(struct server *s, uint64_t start, uint64_t end, unsigned *ret_min,
		 unsigned *ret_max)
{
	scoped_lock(&s->l);
	*ret_min = UINT32_MAX;
	*ret_max = 0;
	for (uint64_t i = start / PAGE; i * PAGE < end; i++) {
		*ret_min = min_of(*ret_min, s->gets[i]);
		*ret_max = max_of(*ret_max, s->gets[i]);
	}
}

static void check_once(struct server *s, uint64_t start, uint64_t end)
{
	unsigned least, most;

	gets(s, start, end, &least, &most);
	CHECK_INT(least, 1);
	CHECK_INT(most, 1);
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
	uint8_t got[2 * PAGE];

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

static void test_window(void)
{
	CHECK_CASE("window");
	CHECK_INT(cache_window(0, GIB, 1), MIB);
	CHECK_INT(cache_window(128 * KIB, GIB, 1), MIB);
	CHECK_INT(cache_window(3 * MIB, GIB, 1), 6 * MIB);
	CHECK_INT(cache_window(GIB, GIB, 1), 64 * MIB);
	CHECK_INT(cache_window(GIB, 32 * MIB, 1), 32 * MIB);
	CHECK_INT(cache_window(GIB, 32 * MIB, 16), 2 * MIB);
	CHECK_INT(cache_window(GIB, 32 * MIB, 100000), 0);
	CHECK_INT(cache_window(GIB, 32 * MIB, 0), 32 * MIB);
	CHECK_INT(cache_step(64 * MIB), 8 * MIB);
	CHECK_INT(cache_step(16 * MIB), 4 * MIB);
	CHECK_INT(cache_step(MIB), MIB);
	CHECK_INT(cache_step(96 * KIB), 96 * KIB);
	CHECK_INT(cache_step(0), 0);

	CHECK_CASE("pages");
	CHECK_INT(cache_pages(0, 0, CACHE_BLOCK), 0xff);
	CHECK_INT(cache_pages(0, 0, 1), 0x01);
	CHECK_INT(cache_pages(0, PAGE - 1, PAGE + 1), 0x03);
	CHECK_INT(cache_pages(1, 0, UINT32_MAX), 0xff);
	CHECK_INT(cache_pages(1, CACHE_BLOCK + 7 * PAGE, GIB), 0x80);
	CHECK_INT(cache_pages(2, 0, 2 * CACHE_BLOCK), 0);
}

static void test_bytes(void)
{
	struct world w;

	CHECK_CASE("bytes");
	open_world(&w, 64 * MIB, true);
	CHECK_INT(read_check(&w, NULL, 10, 5), 0);
	CHECK_INT(bytes(&w.s), PAGE);
	CHECK_INT(read_check(&w, NULL, 3 * PAGE, PAGE - 7), 0);
	CHECK_INT(bytes(&w.s), 4 * PAGE);
	CHECK_INT(read_check(&w, NULL, 50, SIZE - 50), 0);
	CHECK_INT(read_check(&w, NULL, SIZE, 0), 0);
	CHECK_INT(read_check(&w, NULL, 0, 0), 0);
	CHECK_INT(bytes(&w.s), SIZE);
	check_once(&w.s, 0, SIZE);
	close_world(&w);
}

/* What is read at random is all that is fetched. */
static void test_random(void)
{
	struct read_pos pos = { .next = 0 };
	uint64_t asked = 0;
	unsigned seed = 7;
	struct world w;

	CHECK_CASE("random");
	open_world(&w, 64 * MIB, true);
	for (unsigned i = 0; i < 20; i++) {
		/* too far from one another to be in a row */
		uint64_t off =
			(uint64_t)(i * 7 % 20) * (SIZE / 20) + (uint64_t)rand_r(&seed) % PAGE;

		CHECK_INT(read_check(&w, &pos, 128 * KIB, off), 0);
		asked += 128 * KIB;
	}
	CHECK(bytes(&w.s) * 10 <= asked * 11);
	CHECK_INT(total(&w.s), 20);
	read_cache_leave(w.c, &pos);
	close_world(&w);
}

static void test_small_file(void)
{
	struct world w;

	CHECK_CASE("a small file comes whole");
	open_world(&w, 64 * MIB, true);
	w.id.size = 300000;
	CHECK_INT(read_check(&w, NULL, PAGE, 0), 0);
	CHECK_INT(read_check(&w, NULL, 300000, 0), 0);
	CHECK_INT(total(&w.s), 1);
	close_world(&w);
}

static void test_one_fetch(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("one fetch");
	open_world(&w, MIB, true);
	set_hold(&w.s, true);
	start_readers(&w, r, READERS, 3 * PAGE);
	CHECK(await_total(&w.s, 1));
	let_pass(&w.s, 50);
	CHECK_INT(total(&w.s), 1);
	set_hold(&w.s, false);
	join_readers(r, READERS, 0);
	check_once(&w.s, 3 * PAGE, 4 * PAGE);
	close_world(&w);
}

/* Bytes that came before a connection broke are not given out twice. */
static void test_broken(void)
{
	struct world w;

	CHECK_CASE("broken off");
	open_world(&w, 64 * MIB, true);
	w.s.break_at = 5 * PIECE + 1;
	CHECK_INT(read_check(&w, NULL, MIB, 8 * MIB), 0);
	CHECK_INT(total(&w.s), 2);
	close_world(&w);
}

static void test_bound(void)
{
	unsigned least, most;
	struct world w;

	CHECK_CASE("the least recently used go");
	open_world(&w, 1, true); /* the smallest: 4 MiB */
	for (unsigned i = 0; i < 4; i++)
		CHECK_INT(read_check(&w, NULL, MIB, 4 * MIB + i * MIB), 0);
	CHECK_INT(read_check(&w, NULL, MIB, 4 * MIB), 0); /* the most recent now */
	CHECK_INT(total(&w.s), 4);
	CHECK_INT(read_check(&w, NULL, MIB, 8 * MIB), 0); /* 5 to 6 MiB go */
	CHECK_INT(read_check(&w, NULL, MIB, 4 * MIB), 0);
	CHECK_INT(read_check(&w, NULL, MIB, 6 * MIB), 0);
	CHECK_INT(total(&w.s), 5);
	CHECK_INT(read_check(&w, NULL, PAGE, 5 * MIB), 0);
	gets(&w.s, 5 * MIB, 5 * MIB + 1, &least, &most);
	CHECK_INT(most, 2);
	CHECK(w.c->locked.used_n <= READ_CACHE_MIN / CACHE_BLOCK);
	close_world(&w);
}

/* A long read leaves no more than a share of the budget, its end: and that at hand. */
static void test_passed(void)
{
	struct read_pos pos = { .next = 0 };
	unsigned requests;
	struct world w;

	CHECK_CASE("a long read passes by");
	open_world(&w, 24 * MIB, true);
	for (uint64_t at = 0; at < SIZE; at += 128 * KIB) {
		CHECK_INT(read_check(&w, &pos, (size_t)min_of(128 * KIB, SIZE - at), at), 0);
		cache_check_step(w.c, pos.object, false);
	}
	check_once(&w.s, 0, SIZE);
	/* ahead is half the budget at most, and 8 MiB are kept */
	CHECK(w.c->locked.used_n <= 21 * MIB / CACHE_BLOCK);
	requests = total(&w.s);
	CHECK_INT(read_check(&w, NULL, 7 * MIB, SIZE - 7 * MIB), 0);
	CHECK_INT(total(&w.s), requests);
	read_cache_leave(w.c, &pos);
	close_world(&w);
}

static void test_ahead(void)
{
	struct read_pos pos = { .next = 0 };
	uint64_t at, most = 0;
	unsigned requests;
	struct world w;

	CHECK_CASE("ahead grows");
	open_world(&w, 64 * MIB, true);
	CHECK_INT(read_check(&w, &pos, 128 * KIB, 0), 0);
	CHECK_INT(total(&w.s), 1); /* one read says nothing */
	for (at = 128 * KIB; at < 8 * MIB; at += 128 * KIB) {
		CHECK_INT(read_check(&w, &pos, 128 * KIB, at), 0);
		CHECK(pos.planned >= pos.next);
		CHECK(pos.planned - pos.next <= max_of(2 * pos.next, (uint64_t)MIB));
		most = max_of(most, pos.planned - pos.next);
	}
	CHECK(most > 8 * MIB);
	requests = total(&w.s);
	CHECK(requests < 20);

	CHECK_CASE("a jump");
	CHECK_INT(read_check(&w, &pos, 10, 20 * MIB), 0);
	CHECK_INT(pos.ahead, 0);
	CHECK_INT(pos.planned, 20 * MIB + 10);
	CHECK_INT(w.c->locked.ahead_n, 0);

	CHECK_CASE("to the end");
	for (at = 8 * MIB; at < SIZE; at += 128 * KIB)
		CHECK_INT(read_check(&w, &pos, (size_t)min_of(128 * KIB, SIZE - at), at), 0);
	CHECK_INT(pos.planned, SIZE);
	check_once(&w.s, 0, SIZE);
	CHECK(total(&w.s) < requests + 20);
	read_cache_leave(w.c, &pos);
	CHECK(!pos.object);
	close_world(&w);
}

/* Several readers share what one budget allows, and who leaves gives back. */
static void test_share(void)
{
	struct read_pos pos[4] = { { .next = 0 } };
	struct world w;

	CHECK_CASE("shares");
	open_world(&w, 16 * MIB, true);
	for (unsigned round = 0; round < 16; round++)
		for (unsigned i = 0; i < 4; i++) {
			CHECK_INT(read_check(&w, &pos[i], 128 * KIB,
					     i * 6 * MIB + round * 128 * KIB),
				  0);
			CHECK(w.c->locked.ahead_n <= 8 * MIB / CACHE_BLOCK);
		}
	CHECK_INT(w.c->locked.ahead_readers, 4);
	check_once(&w.s, 0, 2 * MIB);
	check_once(&w.s, 6 * MIB, 8 * MIB);
	for (unsigned i = 0; i < 4; i++)
		read_cache_leave(w.c, &pos[i]);
	CHECK_INT(w.c->locked.ahead_n, 0);
	CHECK_INT(w.c->locked.ahead_readers, 0);
	close_world(&w);
}

/* Nobody runs what is asked for ahead, and then there is no room for more: readers fetch for
 * themselves. */
static void test_ahead_refused(void)
{
	struct read_pos pos = { .next = 0 };
	struct world w;

	CHECK_CASE("ahead refused");
	open_world(&w, 64 * MIB, false);
	CHECK_INT(read_check(&w, &pos, MIB, 0), 0);
	/* 2 to 3 MiB are queued and stay so, 3 to 4 are refused */
	CHECK_INT(read_check(&w, &pos, MIB, MIB), 0);
	CHECK_INT(total(&w.s), 2);
	CHECK_INT(read_check(&w, NULL, MIB, 3 * MIB), 0);
	CHECK_INT(total(&w.s), 3);
	CHECK_INT(pool_start(w.pool), 0);
	CHECK_INT(read_check(&w, NULL, MIB, 2 * MIB), 0);
	check_once(&w.s, 0, 4 * MIB);
	read_cache_leave(w.c, &pos);
	close_world(&w);
}

static void test_failure(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("failure");
	open_world(&w, MIB, true);
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
	CHECK_INT(total(&w.s), 2);
	close_world(&w);
}

static void test_drop(void)
{
	struct read_id other = { "other", NULL, "aaaa", SIZE };
	struct read_pos pos = { .next = 0 };
	struct reader r[READERS];
	uint8_t byte;
	struct world w;

	CHECK_CASE("drop");
	open_world(&w, 16 * MIB, true);
	CHECK_INT(read_cache_read(w.c, &other, NULL, &byte, 1, 0), 0);
	CHECK_INT(read_check(&w, &pos, 10, 4 * MIB), 0);
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
	CHECK_INT(read_check(&w, &pos, 10, 4 * MIB), 0);
	CHECK_INT(total(&w.s), 4);
	CHECK_INT(read_check(&w, NULL, 10, 0), 0);
	CHECK_INT(read_cache_read(w.c, &other, NULL, &byte, 1, 0), 0);
	CHECK_INT(total(&w.s), 5);
	read_cache_leave(w.c, &pos);
	close_world(&w);
}

static void test_changed(void)
{
	struct world w;

	CHECK_CASE("changed");
	open_world(&w, 16 * MIB, true);
	CHECK_INT(read_check(&w, NULL, 10, 0), 0);
	w.s.etag = "bbbb";
	CHECK_INT(read_check(&w, NULL, 10, 0), 0); /* what was read stays what it is */
	CHECK_INT(read_check(&w, NULL, 10, PAGE), -ESTALE);
	CHECK_INT(read_check(&w, NULL, 2 * PAGE, 0), -ESTALE);
	w.id.etag = "bbbb";
	CHECK_INT(read_check(&w, NULL, 2 * PAGE, 0), 0);

	CHECK_CASE("shorter than it was");
	w.id.size = SIZE + 2 * PAGE;
	CHECK_INT(read_cache_read(w.c, &w.id, NULL, &(uint8_t){ 0 }, 1, SIZE + PAGE), -ESTALE);
	close_world(&w);
}

static int read_whole(struct world *w)
{
	struct read_pos pos = { .next = 0 };
	int r = 0;

	for (uint64_t at = 0; at < SIZE && !r; at += 128 * KIB)
		r = read_check(w, &pos, (size_t)min_of(128 * KIB, SIZE - at), at);
	read_cache_leave(w->c, &pos);
	return r;
}

/* The MD5 of the whole, which the server tells as the ETag, against what it sends. */
static void test_check(void)
{
	static const struct {
		const char *what;
		bool wrong, multipart, jumps;
		int end;
	} cases[] = {
		{ "the bytes of the ETag", false, false, false, 0 },
		{ "others", true, false, false, -EIO },
		{ "others, and no MD5 of the whole", true, true, false, 0 },
		{ "others, not all of them read", true, false, true, 0 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct read_pos pos = { .next = 0 };
		auto_free uint8_t *whole = malloc(SIZE);
		uint8_t sum[MD5_SIZE];
		char etag[40];
		struct world w;
		int r = 0;

		CHECK_CASE(cases[i].what);
		for (uint64_t at = 0; at < SIZE; at++)
			whole[at] = pattern(at);
		whole[SIZE / 2] ^= cases[i].wrong;
		CHECK_INT(md5(whole, SIZE, sum), 0);
		hex_encode(sum, MD5_SIZE, etag);
		if (cases[i].multipart)
			snprintf(etag + 2 * MD5_SIZE, 4, "-2");
		open_world(&w, 8 * MIB, true);
		w.s.etag = w.id.etag = etag;
		for (uint64_t at = cases[i].jumps ? 128 * KIB : 0; at < SIZE && !r; at += 128 * KIB)
			r = read_check(&w, &pos, (size_t)min_of(128 * KIB, SIZE - at), at);
		CHECK_INT(r, cases[i].end);
		if (r) { /* the second time, until it is dropped */
			CHECK_INT(read_check(&w, &pos, 10, 5000), -EIO);
			CHECK_INT(read_whole(&w), -EIO);
			CHECK_INT(w.s.heads, 0);
			CHECK_INT(read_check(&w, &pos, 10, 5000), -EIO);
			read_cache_drop_key(w.c, "k");
			CHECK_INT(read_check(&w, &pos, 10, 5000), 0);
		}
		read_cache_leave(w.c, &pos);
		close_world(&w);
	}
	CHECK_CASE(NULL);
}

/* The CRC32C of the whole, which the server is asked for, against what it sends. */
static void test_check_crc(void)
{
	static const struct {
		const char *what;
		bool wrong, replaced;
		unsigned heads;
		int ends[3];
	} cases[] = {
		{ "the right bytes", .heads = 1, .ends = { 0, 0, 0 } },
		{ "others", .wrong = true, .heads = 2, .ends = { -EIO, -EIO, -EIO } },
		{ "others, but of another object by now", .wrong = true, .replaced = true,
		  .heads = 1, .ends = { 0, 0, 0 } },
	};
	auto_free uint8_t *whole = malloc(SIZE);

	for (uint64_t at = 0; at < SIZE; at++)
		whole[at] = pattern(at);
	for (size_t i = 0; i < array_size(cases); i++) {
		struct world w;

		CHECK_CASE(cases[i].what);
		open_world(&w, 8 * MIB, true);
		w.s.etag = w.id.etag = "900150983cd24fb0d6963f7d28e17f72-2";
		CHECK_INT(checksum_crc32c_text(crc32c(cases[i].wrong, whole, SIZE), w.s.crc), 0);
		w.s.replaced = cases[i].replaced;
		for (size_t n = 0; n < 3; n++)
			CHECK_INT(read_whole(&w), cases[i].ends[n]);
		CHECK_INT(w.s.heads, cases[i].heads);
		close_world(&w);
	}
	CHECK_CASE(NULL);
}

/* Many readers, little room, objects that are dropped all the time: the bytes are right, and
 * nothing hangs. */
static void *storm_run(void *arg)
{
	struct reader *r = arg;
	struct read_pos pos = { .next = 0 };
	size_t max = 300 * KIB;
	auto_free uint8_t *got = malloc(max);
	unsigned seed = (unsigned)r->off;

	for (unsigned round = 0; got && round < 200 && r->r == 1; round++) {
		uint64_t off = (uint64_t)rand_r(&seed) % (SIZE - max);
		size_t n = 1 + (size_t)rand_r(&seed) % max;

		if (round % 5)
			off = min_of(pos.next, (uint64_t)(SIZE - max));
		if (read_cache_read(r->w->c, &r->w->id, &pos, got, n, off))
			r->r = -1;
		for (size_t i = 0; i < n; i += 97)
			if (got[i] != pattern(off + i))
				r->r = -2;
		if (round % 16 == 0)
			read_cache_drop_key(r->w->c, "k");
	}
	read_cache_leave(r->w->c, &pos);
	return NULL;
}

static void test_storm(void)
{
	struct reader r[READERS];
	struct world w;

	CHECK_CASE("storm");
	open_world(&w, 5 * MIB, true);
	for (size_t i = 0; i < READERS; i++) {
		r[i] = (struct reader){ .w = &w, .off = i + 1, .r = 1 };
		CHECK_INT(pthread_create(&r[i].thread, NULL, storm_run, &r[i]), 0);
	}
	join_readers(r, READERS, 1);
	CHECK_INT(w.c->locked.ahead_n, 0);
	CHECK(w.c->locked.used_n <= 5 * MIB / CACHE_BLOCK);
	close_world(&w);
}

int main(void)
{
	test_window();
	test_bytes();
	test_random();
	test_small_file();
	test_one_fetch();
	test_broken();
	test_bound();
	test_passed();
	test_ahead();
	test_share();
	test_ahead_refused();
	test_failure();
	test_drop();
	test_changed();
	test_check();
	test_check_crc();
	test_storm();
	return check_done();
}
