/* test_upload.c - upload.c and upload_finish.c against a tiny S3 in memory: what is sent, how
 * often, and what comes of it. */
#include "tests/unit/upload_fake.h"

#include <pthread.h>
#include <stdatomic.h>

#include "s3/part.h"
#include "s3/upload_i.h"

#define PARTS 24

/* Waits for what another thread is about to do. */
#define UNTIL(expr)                                                                                \
	do {                                                                                       \
		int64_t until_ms = clock_deadline(10000);                                          \
		while (!(expr) && CHECK(clock_mono_ms() < until_ms))                               \
			;                                                                          \
	} while (0)

/* The bytes: a generation per part, and a value per part that changes with it. */
struct source {
	struct lock lock;
	uint64_t gen[PARTS + 1];
	int retained;
	int restless; /* so many reads change what they read */
	unsigned reads;
	const char *base_version; /* NULL: there is no base */
	uint64_t base_size;
};

struct world {
	struct fake_s3 fake;
	struct source src;
	struct s3_client *client;
	struct pool *pool;
	struct kv meta, tags;
	struct s3_put_opts opts;
	_Atomic unsigned ids;
	_Atomic unsigned parts_done;
};

/* A run inside one part. */
static void fill(const struct source *s, char *dst, size_t n, uint64_t off)
{
	uint64_t gen = s->gen[part_of(off)];

	for (size_t k = 0; k < n; k++)
		dst[k] = (char)((off + k) * 7 + ((off + k) >> 13) + 31 * gen);
}

static int src_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct source *s = arg;

	scoped_lock(&s->lock);
	s->reads++;
	fill(s, dst, n, off);
	if (s->restless > 0) {
		s->restless--;
		s->gen[part_of(off)]++;
	}
	return 0;
}

static uint64_t src_gen(void *arg, unsigned part)
{
	struct source *s = arg;

	scoped_lock(&s->lock);
	return s->gen[part];
}

static void src_retain(void *arg)
{
	struct source *s = arg;

	scoped_lock(&s->lock);
	s->retained++;
}

static void src_release(void *arg)
{
	struct source *s = arg;

	scoped_lock(&s->lock);
	s->retained--;
}

/* A write to the part. */
static void touch(struct world *w, unsigned part)
{
	scoped_lock(&w->src.lock);
	w->src.gen[part]++;
}

static void on_id(void *arg, const char *key, const char *id)
{
	struct world *w = arg;

	CHECK_STR(key, "k");
	CHECK(id && *id);
	w->ids++;
}

static void on_part(void *arg)
{
	struct world *w = arg;

	w->parts_done++;
}

static void world_init(struct world *w, unsigned threads, unsigned queue)
{
	memset(w, 0, sizeof(*w));
	fake_init(&w->fake);
	lock_init(&w->src.lock);
	for (unsigned n = 0; n <= PARTS; n++)
		w->src.gen[n] = 1;
	w->client = fake_client(&w->fake);
	CHECK_INT(pool_new("test", threads, queue, &w->pool), 0);
	CHECK_INT(pool_start(w->pool), 0);
	CHECK_INT(kv_set(&w->meta, "token", "t1"), 0);
	w->opts = (struct s3_put_opts){ .meta = &w->meta, .tags = &w->tags, .token_name = "token" };
}

/* The first version is a base for all that was not touched since. */
static bool src_base(void *arg, struct s3_range range, struct upload_base *ret_base)
{
	struct source *s = arg;

	scoped_lock(&s->lock);
	CHECK(range.start == part_range(part_of(range.start)).start);
	if (!s->base_version || s->gen[part_of(range.start)] != 1 || range.end > s->base_size)
		return false;
	*ret_base = (struct upload_base){ "k", s->base_version, "e" };
	return true;
}

/* Ends the pool first: then nothing is in flight, and everything must have been let go. */
static void world_free(struct world *w)
{
	pool_free(w->pool);
	CHECK_INT(w->src.retained, 0);
	s3_client_free(w->client);
	kv_free(&w->meta);
	kv_free(&w->tags);
	lock_free(&w->src.lock);
	fake_free(&w->fake);
}

static struct upload *make(struct world *w)
{
	struct upload_conf conf = { .client = w->client,
				    .pool = w->pool,
				    .key = "k",
				    .opts = &w->opts,
				    .on_id = on_id,
				    .on_id_arg = w,
				    .on_part = on_part,
				    .on_part_arg = w,
				    .src = { src_read, src_gen, src_retain, src_release,
					     &w->src, src_base } };
	struct upload *u = NULL;

	CHECK_INT(upload_new(&conf, &u), 0);
	return u;
}

/* The newest version is what the source holds now. */
static void check_version(struct world *w, uint64_t size, const struct s3_info *i)
{
	struct fake_version *v = &w->fake.versions[w->fake.n_versions - 1];
	char name[16];

	if (!CHECK(w->fake.n_versions > 0) || !CHECK_INT(v->size, size))
		return;
	snprintf(name, sizeof(name), "v%u", w->fake.n_versions);
	CHECK_STR(i->version_id, name);
	CHECK_INT(i->size, size);
	CHECK_STR(v->token, "t1");
	for (unsigned n = 1; n <= part_count(size); n++) {
		struct s3_range r = part_range_in(n, size);
		auto_free char *wanted = malloc((size_t)(r.end - r.start) + 1);

		fill(&w->src, wanted, (size_t)(r.end - r.start), r.start);
		CHECK_INT(memcmp(v->data + r.start, wanted, (size_t)(r.end - r.start)), 0);
	}
}

static void finish(struct world *w, struct upload *u, uint64_t size)
{
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };

	if (CHECK_INT(upload_finish(u, size, &i, &e), 0))
		check_version(w, size, &i);
	s3_info_free(&i);
}

static void test_small(void)
{
	static const uint64_t sizes[] = { 0, 1, 5 * MIB };
	struct world w;

	world_init(&w, 2, 8);
	for (size_t k = 0; k < array_size(sizes); k++) {
		struct upload *u = make(&w);

		finish(&w, u, sizes[k]);
		CHECK(!upload_started(u));
		CHECK_INT(upload_finish(u, sizes[k], NULL, NULL), -EBUSY);
		upload_drop(u);
	}
	CHECK_INT(fake_calls(&w.fake, FAKE_PUT), 3);
	CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), 0);
	CHECK_INT(w.fake.n_versions, 3);
	world_free(&w);
}

/* Each part once, with and without a pool that has room. */
static void test_large(unsigned threads, unsigned queue, bool offer)
{
	uint64_t size = 8 * 5 * MIB + 77;
	struct world w;
	struct upload *u;

	world_init(&w, threads, queue);
	u = make(&w);
	for (unsigned n = 1; offer && n <= 8; n++)
		upload_offer(u, n);
	finish(&w, u, size);
	CHECK(upload_started(u));
	upload_drop(u);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 9);
	CHECK_INT(w.parts_done, 9);
	CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), 1);
	CHECK_INT(fake_calls(&w.fake, FAKE_COMPLETE), 1);
	CHECK_INT(fake_calls(&w.fake, FAKE_PUT), 0);
	CHECK_INT(fake_calls(&w.fake, FAKE_ABORT), 0);
	CHECK_INT(w.ids, 1);
	CHECK(w.fake.most_in_flight <= 7);
	world_free(&w);
}

static void wait_part(struct upload *u, unsigned n)
{
	struct mpu_part parts[PARTS];
	int64_t deadline = clock_deadline(10000);
	size_t count, k;

	do {
		count = upload_parts(u, parts, PARTS);
		for (k = 0; k < count && parts[k].number != n; k++)
			;
	} while (k == count && CHECK(clock_mono_ms() < deadline));
}

/* The server may hold it, and did not say so. */
static bool is_unclear(struct upload *u, unsigned n)
{
	const struct upload_part *p;

	scoped_lock(&u->lock);
	if (u->locked.n_parts < n)
		return false;
	p = &u->locked.parts[n - 1];
	return p->on_server && !p->sending && p->gen == 0;
}

static void test_generations(void)
{
	uint64_t size = 3 * 5 * MIB;
	struct mpu_part parts[2];
	struct world w;
	struct upload *u;

	world_init(&w, 2, 8);
	u = make(&w);
	upload_offer(u, 1);
	wait_part(u, 1);
	upload_offer(u, 1); /* sent in this generation */
	upload_offer(u, 0);
	upload_offer(u, PART_COUNT_MAX + 1);
	upload_offer(u, 2);
	wait_part(u, 2);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 2);
	touch(&w, 1);
	CHECK_INT(upload_parts(u, parts, 2), 1);
	CHECK_INT(parts[0].number, 2);
	upload_offer(u, 1);
	wait_part(u, 1);
	CHECK_INT(upload_parts(u, parts, 2), 2);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 3);
	CHECK(!upload_exceeds(u, 6 * MIB));
	CHECK(upload_exceeds(u, 4 * MIB));
	touch(&w, 2);
	finish(&w, u, size); /* 2 again, 3 */
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 5);
	upload_drop(u);
	world_free(&w);
}

/* Bytes that change while they are read do not count as sent. */
static void test_restless(void)
{
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };
	struct world w;
	struct upload *u;

	world_init(&w, 2, 8);
	w.src.restless = 3;
	u = make(&w);
	finish(&w, u, 5 * MIB);
	upload_drop(u);
	w.src.restless = 3;
	u = make(&w);
	finish(&w, u, 11 * MIB);
	upload_drop(u);
	w.src.restless = 1000000;
	u = make(&w);
	CHECK_INT(upload_finish(u, 11 * MIB, &i, &e), -EAGAIN);
	CHECK_INT(e.class, FAULT_CONFLICT);
	upload_drop(u);
	u = make(&w);
	CHECK_INT(upload_finish(u, MIB, &i, &e), -EAGAIN);
	upload_drop(u);
	CHECK_INT(w.fake.n_versions, 2);
	world_free(&w);
}

/* The object became smaller after parts beyond its end were sent. */
static void test_truncated(void)
{
	static const struct {
		uint64_t size;
		unsigned creates, puts;
	} rows[] = { { 15 * MIB, 1, 0 }, { 14 * MIB, 1, 0 }, { 10 * MIB, 2, 0 }, { 9 * MIB, 2, 0 },
		     { 5 * MIB, 1, 1 },	 { MIB, 1, 1 },	     { 0, 1, 1 } };

	for (size_t k = 0; k < array_size(rows); k++) {
		struct world w;
		struct upload *u;

		world_init(&w, 3, 8);
		u = make(&w);
		for (unsigned n = 1; n <= 3; n++)
			upload_offer(u, n);
		for (unsigned n = 1; n <= 3; n++)
			wait_part(u, n);
		finish(&w, u, rows[k].size);
		upload_drop(u);
		CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), rows[k].creates);
		CHECK_INT(fake_calls(&w.fake, FAKE_PUT), rows[k].puts);
		CHECK_INT(w.fake.n_versions, 1);
		CHECK_INT(fake_open_uploads(&w.fake), 0);
		world_free(&w);
	}
}

/* A failed offer stops further ones; finish tries again. */
static void test_failure_then_finish(void)
{
	struct world w;
	struct upload *u;

	world_init(&w, 1, 8);
	fake_fault(&w.fake, FAKE_CREATE, 0, 1, 403, false);
	u = make(&w);
	upload_offer(u, 1);
	fake_wait_calls(&w.fake, FAKE_CREATE, 1);
	UNTIL(!upload_started(u)); /* its failure is known */
	finish(&w, u, 11 * MIB);
	CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), 2);
	CHECK_INT(w.fake.n_versions, 1);
	upload_drop(u);

	fake_fault(&w.fake, FAKE_PART, 1, 1, 0, false);
	u = make(&w);
	upload_offer(u, 1);
	wait_part(u, 1);
	upload_offer(u, 2);
	fake_wait_calls(&w.fake, FAKE_PART, 3 + 2);
	UNTIL(is_unclear(u, 2));
	upload_offer(u, 3);
	finish(&w, u, 15 * MIB);
	CHECK_INT(w.fake.n_versions, 2);
	upload_drop(u);
	CHECK_INT(fake_open_uploads(&w.fake), 0);
	world_free(&w);
}

/* finish itself fails, and is called again. */
static void test_finish_again(void)
{
	static const struct {
		enum fake_op op;
		uint64_t size;
		int rc;
	} rows[] = { { FAKE_CREATE, 11 * MIB, -EACCES },
		     { FAKE_PART, 11 * MIB, -EACCES },
		     { FAKE_COMPLETE, 11 * MIB, -EACCES },
		     { FAKE_PUT, MIB, -EACCES },
		     { FAKE_TAGS_PUT, 11 * MIB, -EACCES },
		     { FAKE_LOCK_PUT, 11 * MIB, -EACCES } };

	for (size_t k = 0; k < array_size(rows); k++) {
		struct s3_info i = { 0 };
		struct s3_error e = { 0 };
		struct world w;
		struct upload *u;

		world_init(&w, 2, 8);
		CHECK_INT(kv_set(&w.tags, "a", "b"), 0);
		w.opts.legal_hold = true;
		w.opts.lock_mode = "GOVERNANCE";
		w.opts.retain_until_ms = 1767225600000;
		fake_fault(&w.fake, rows[k].op, 0, 1, 403, false);
		u = make(&w);
		CHECK_INT(upload_finish(u, rows[k].size, &i, &e), rows[k].rc);
		CHECK_STR(e.code, "Refused");
		CHECK(!i.version_id);
		finish(&w, u, rows[k].size);
		CHECK_INT(w.fake.n_versions, 1);
		/* this server drops both of a multipart upload */
		if (rows[k].size > 5 * MIB) {
			CHECK(strstr(w.fake.versions[0].tags, "<Key>a</Key>"));
			CHECK(strstr(w.fake.versions[0].lock, "2026-01-01T00:00:00"));
			CHECK(strstr(w.fake.versions[0].lock, "<Status>ON</Status>"));
		}
		upload_drop(u);
		CHECK_INT(fake_open_uploads(&w.fake), 0);
		world_free(&w);
	}
}

/* The answer is lost after it was carried out: one version. */
static void test_lost_answers(void)
{
	static const struct {
		enum fake_op op;
		uint64_t size;
	} rows[] = { { FAKE_PUT, MIB }, { FAKE_COMPLETE, 11 * MIB } };

	for (size_t k = 0; k < array_size(rows); k++)
		for (int after = 0; after < 2; after++) {
			struct world w;
			struct upload *u;

			world_init(&w, 2, 8);
			fake_fault(&w.fake, rows[k].op, 0, 1, 0, after);
			u = make(&w);
			finish(&w, u, rows[k].size);
			CHECK_INT(w.fake.n_versions, 1);
			CHECK_INT(fake_calls(&w.fake, rows[k].op), after ? 1 : 2);
			upload_drop(u);
			world_free(&w);
		}
}

/* Lost for good: finish is called again, and finds what it has made. */
static void test_lost_for_good(void)
{
	struct s3_info i = { 0 };
	struct s3_error e = { 0 };
	struct world w;
	struct upload *u;

	world_init(&w, 2, 8);
	fake_fault(&w.fake, FAKE_PUT, 0, 1, 0, true);
	u = make(&w);
	w.fake.deaf = true; /* to every question after the PUT */
	CHECK_INT(upload_finish(u, MIB, &i, &e), -EIO);
	CHECK(e.unclear);
	w.fake.deaf = false;
	finish(&w, u, MIB);
	CHECK_INT(w.fake.n_versions, 1);
	upload_drop(u);
	world_free(&w);
}

/* Somebody aborted the multipart upload under us. */
static void test_aborted_by_others(void)
{
	struct world w;
	struct upload *u;

	world_init(&w, 2, 8);
	u = make(&w);
	upload_offer(u, 1);
	wait_part(u, 1);
	lock_take(&w.fake.lock);
	w.fake.uploads[0].over = true;
	lock_drop(&w.fake.lock);
	finish(&w, u, 11 * MIB);
	CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), 2);
	CHECK_INT(w.ids, 2);
	upload_drop(u);
	world_free(&w);
}

/* A pool whose one thread is busy for ever, and whose queue is full. */
static void test_full_pool(void)
{
	struct world w, busy;
	struct upload *u, *blocker, *waiting;

	world_init(&w, 1, 1);
	world_init(&busy, 1, 1);
	pool_free(busy.pool);
	busy.pool = w.pool;
	fake_gate(&busy.fake, FAKE_CREATE, true);
	blocker = make(&busy);
	upload_offer(blocker, 1);
	fake_wait_at_gate(&busy.fake, 1);
	waiting = make(&busy);
	upload_offer(waiting, 1);
	u = make(&w);
	upload_offer(u, 1); /* a no-op */
	CHECK(!upload_started(u));
	finish(&w, u, 21 * MIB);
	upload_drop(u);
	u = make(&w);
	fake_fault(&w.fake, FAKE_PART, 0, 1, 403, false);
	CHECK_INT(upload_finish(u, 11 * MIB, NULL, NULL), -EACCES);
	upload_drop(u); /* aborts without the pool */
	CHECK_INT(fake_open_uploads(&w.fake), 0);
	upload_drop(blocker);
	upload_forget(waiting);
	fake_gate(&busy.fake, FAKE_CREATE, false);
	pool_stop(w.pool);
	CHECK_INT(fake_open_uploads(&busy.fake), 0);
	busy.pool = NULL;
	world_free(&busy);
	world_free(&w);
}

/* Dropped and forgotten while it is being created, and while a part is in flight. */
static void test_leave_early(void)
{
	static const struct {
		enum fake_op gate;
		bool drop;
		unsigned left;
	} rows[] = { { FAKE_CREATE, true, 0 },
		     { FAKE_CREATE, false, 0 },
		     { FAKE_PART, true, 0 },
		     { FAKE_PART, false, 1 } };

	for (size_t k = 0; k < array_size(rows); k++) {
		struct world w;
		struct upload *u;

		world_init(&w, 2, 8);
		fake_gate(&w.fake, rows[k].gate, true);
		u = make(&w);
		upload_offer(u, 1);
		fake_wait_at_gate(&w.fake, 1);
		CHECK_INT(upload_settle(u, clock_deadline(10)), -ETIMEDOUT);
		if (rows[k].drop)
			upload_drop(u);
		else
			upload_forget(u);
		fake_gate(&w.fake, rows[k].gate, false);
		pool_stop(w.pool);
		CHECK_INT(fake_open_uploads(&w.fake), rows[k].left);
		CHECK_INT(w.ids, rows[k].gate == FAKE_PART); /* nobody is told who has left */
		world_free(&w);
	}
	upload_drop(NULL);
	upload_forget(NULL);
}

static void test_settle(void)
{
	struct mpu_part parts[PARTS];
	struct s3_info i = { 0 };
	struct world w;
	struct upload *u;

	world_init(&w, 4, 8);
	u = make(&w);
	CHECK_INT(upload_settle(u, clock_deadline(1000)), 0);
	CHECK_STR(upload_id(u), NULL);
	CHECK_INT(upload_parts(u, parts, PARTS), 0);
	upload_drop(u);

	u = make(&w);
	for (unsigned n = 1; n <= 4; n++)
		upload_offer(u, n);
	for (unsigned n = 1; n <= 4; n++)
		wait_part(u, n);
	touch(&w, 2);
	CHECK_INT(upload_settle(u, clock_deadline(5000)), 0);
	CHECK_INT(upload_settle(u, clock_deadline(5000)), 0);
	CHECK_STR(upload_id(u), "id0");
	CHECK_INT(upload_parts(u, parts, PARTS), 3);
	CHECK_INT(parts[1].number, 3);
	CHECK_INT(parts[1].size, 5 * MIB);
	CHECK_INT(upload_parts(u, parts, 2), 2);
	upload_offer(u, 2);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 4);
	CHECK_INT(upload_finish(u, 20 * MIB, &i, NULL), -EBUSY);
	upload_forget(u);
	CHECK_INT(fake_open_uploads(&w.fake), 1);
	world_free(&w);
}

static void test_set_opts(void)
{
	auto_with(kv_free) struct kv meta = KV_EMPTY;
	struct s3_put_opts opts = { .meta = &meta, .token_name = "token" };
	struct world w;
	struct upload *u;

	world_init(&w, 2, 8);
	CHECK_INT(kv_set(&meta, "token", "t2"), 0);
	u = make(&w);
	CHECK_INT(upload_set_opts(u, &opts), 0);
	CHECK_INT(upload_set_opts(u, &w.opts), 0);
	upload_offer(u, 1);
	wait_part(u, 1);
	CHECK_INT(upload_set_opts(u, &opts), -EBUSY);
	finish(&w, u, 6 * MIB); /* with t1 */
	CHECK_INT(upload_set_opts(u, &opts), -EBUSY);
	upload_drop(u);
	world_free(&w);
}

struct racer {
	struct world *w;
	struct upload *u;
	unsigned seed;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	for (unsigned k = 0; k < 60; k++) {
		unsigned n = 1 + (r->seed + k * 7) % 12;

		if (k % 5 == r->seed)
			touch(r->w, n);
		upload_offer(r->u, n);
		(void)upload_exceeds(r->u, 60 * MIB);
		(void)upload_started(r->u);
	}
	return NULL;
}

/* Writers that offer at once, some while finish runs. */
static void test_race(void)
{
	struct racer racers[4];
	pthread_t threads[4];
	struct world w;
	struct upload *u;

	world_init(&w, 6, 16);
	u = make(&w);
	for (unsigned k = 0; k < 4; k++) {
		racers[k] = (struct racer){ &w, u, k };
		CHECK_INT(pthread_create(&threads[k], NULL, race, &racers[k]), 0);
	}
	for (unsigned k = 0; k < 4; k++)
		CHECK_INT(pthread_join(threads[k], NULL), 0);
	finish(&w, u, 60 * MIB);
	upload_drop(u);
	CHECK_INT(w.fake.n_versions, 1);
	CHECK(w.fake.most_in_flight <= 7);

	/* Offers go on while it is finished: they are not heard. */
	u = make(&w);
	for (unsigned k = 0; k < 4; k++) {
		racers[k] = (struct racer){ &w, u, 9 };
		CHECK_INT(pthread_create(&threads[k], NULL, race, &racers[k]), 0);
	}
	finish(&w, u, 61 * MIB);
	for (unsigned k = 0; k < 4; k++)
		CHECK_INT(pthread_join(threads[k], NULL), 0);
	upload_drop(u);
	CHECK_INT(w.fake.n_versions, 2);
	world_free(&w);
}

/* An edit in the middle and at the end: the rest is copied where it is. */
static void test_base(void)
{
	uint64_t size = 8 * 5 * MIB + 77, longer = 8 * 5 * MIB + 500;
	struct world w;
	struct upload *u;

	world_init(&w, 4, 16);
	u = make(&w);
	finish(&w, u, size);
	upload_drop(u);
	w.src.base_version = "v1";
	w.src.base_size = size;
	touch(&w, 3);
	u = make(&w);
	finish(&w, u, size); /* the last part is short, and copied all the same */
	upload_drop(u);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 9 + 1);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART_COPY), 8);
	u = make(&w);
	finish(&w, u, longer);
	touch(&w, 5); /* after the end of it all: nothing to do */
	upload_drop(u);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART), 10 + 2);
	CHECK_INT(fake_calls(&w.fake, FAKE_PART_COPY), 8 + 7);
	world_free(&w);
}

/* The server copies no parts, or not of this base, or fails at it: all are sent, and few are asked
 * for. */
static void test_base_refused(void)
{
	/* 0: no answer, and it may be done */
	static const int statuses[] = { 501, 405, 412, 404, 403, 400, 500, 503, 504, 0 };
	uint64_t size = 20 * 5 * MIB;

	for (size_t k = 0; k < array_size(statuses); k++) {
		struct world w;
		struct upload *u;

		world_init(&w, 4, 16);
		w.src.base_version = "v1";
		w.src.base_size = size;
		fake_fault(&w.fake, FAKE_PART_COPY, 0, 100, statuses[k], statuses[k] == 0);
		u = make(&w);
		finish(&w, u, size);
		upload_drop(u);
		CHECK_INT(fake_calls(&w.fake, FAKE_PART), 20);
		CHECK(fake_calls(&w.fake, FAKE_PART_COPY) <= 7);
		CHECK_INT(fake_calls(&w.fake, FAKE_CREATE), 1);
		world_free(&w);
	}
}

int main(void)
{
	test_small();
	test_base();
	test_base_refused();
	test_large(4, 16, true);
	test_large(4, 16, false);
	test_large(1, 1, true);
	test_generations();
	test_restless();
	test_truncated();
	test_failure_then_finish();
	test_finish_again();
	test_lost_answers();
	test_lost_for_good();
	test_aborted_by_others();
	test_full_pool();
	test_leave_early();
	test_settle();
	test_set_opts();
	test_race();
	return check_done();
}
