/* test_copy_crew.c - parts that several threads make. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "queue/copy_i.h"
#include "tests/unit/check.h"

#define PARTS	12
#define THREADS 4

static struct {
	struct lock l;
	struct cond changed;
	unsigned active, most, together; /* so many come together before any of them ends; 0 = 1 */
	unsigned made[PARTS + 1];
} seen;
static unsigned fails, at_source; /* part numbers; 0 = none */
static atomic_bool stop;

static bool is_missing(const struct copy *c, const struct copy_parts *p, unsigned number)
{
	(void)c;
	return !p->parts[number - 1].number;
}

static int make(const struct copy *c, const struct copy_parts *p, unsigned number,
		struct copy_body *b, struct mpu_part *ret_part, struct s3_error *e)
{
	(void)c;
	(void)p;
	lock_take(&seen.l);
	seen.made[number]++;
	seen.active++;
	seen.most = max_of(seen.most, seen.active);
	cond_broadcast(&seen.changed);
	while (seen.most < seen.together)
		cond_wait(&seen.changed, &seen.l);
	seen.active--;
	lock_drop(&seen.l);
	snprintf(ret_part->etag, sizeof(ret_part->etag), "e%u", number);
	if (number == fails) {
		e->class = FAULT_RETRY;
		snprintf(e->code, sizeof(e->code), "SlowDown");
		return -EIO;
	}
	if (number != at_source)
		return 0;
	b->err = -EACCES;
	snprintf(b->error.code, sizeof(b->error.code), "AccessDenied");
	return -EIO; /* as the request says it whose body ended */
}

static bool is_stopping(void *arg)
{
	(void)arg;
	return atomic_load(&stop);
}

struct run {
	struct mpu_part parts[PARTS];
	struct copy_conf conf;
	struct s3_error error;
	struct copy copy;
	struct copy_parts p;
};

static int run(struct run *r, struct pool *pool)
{
	memset(seen.made, 0, sizeof(seen.made));
	seen.active = seen.most = 0;
	r->conf = (struct copy_conf){ .pool = pool, .stopping = is_stopping };
	r->error = (struct s3_error){ .retry_after_ms = -1 };
	r->copy = (struct copy){ .conf = &r->conf, .err = &r->error, .body = { .fd = -1 } };
	r->p = (struct copy_parts){ .parts = r->parts, .n = PARTS };
	return copy_crew_run(&r->copy, &r->p, is_missing, make);
}

static struct pool *make_pool(void)
{
	struct pool *p = NULL;

	CHECK_INT(pool_new("helper", THREADS, 16, &p), 0);
	CHECK_INT(pool_start(p), 0);
	return p;
}

/* Each part that is missing, once. */
static void test_all(struct pool *pool, unsigned together)
{
	struct run r = { 0 };

	r.parts[4].number = 5;
	seen.together = together;
	CHECK_INT(run(&r, pool), 0);
	for (unsigned number = 1; number <= PARTS; number++) {
		CHECK_INT(seen.made[number], number != 5);
		CHECK_INT(r.parts[number - 1].number, number);
	}
	CHECK_STR(r.parts[0].etag, "e1");
	CHECK(seen.most >= together);
	if (!pool)
		CHECK_INT(seen.most, 1);
	CHECK_INT(run(&r, pool), 0); /* nothing is missing */
	for (unsigned number = 1; number <= PARTS; number++)
		CHECK_INT(seen.made[number], 0);
	seen.together = 0;
}

static void test_failure(struct pool *pool)
{
	struct run r = { 0 };
	unsigned begun = 0;

	fails = 3;
	CHECK_INT(run(&r, pool), -EIO);
	CHECK_STR(r.error.code, "SlowDown");
	CHECK(!r.copy.report.at_source);
	CHECK_INT(r.parts[2].number, 0);
	CHECK_INT(r.parts[0].number, 1); /* what stands is not made again */
	for (unsigned number = 1; number <= PARTS; number++)
		begun += seen.made[number];
	if (!pool)
		CHECK_INT(begun, 3); /* nothing after it */
	fails = 0;
	CHECK_INT(run(&r, pool), 0);
	CHECK_INT(seen.made[1], 0);
	CHECK_INT(seen.made[3], 1);

	r = (struct run){ 0 };
	at_source = 1;
	CHECK_INT(run(&r, pool), -EACCES);
	CHECK_STR(r.error.code, "AccessDenied");
	CHECK(r.copy.report.at_source);
	at_source = 0;

	r = (struct run){ 0 };
	atomic_store(&stop, true);
	CHECK_INT(run(&r, pool), -ECANCELED);
	CHECK_INT(seen.made[1], 0);
	atomic_store(&stop, false);
}

/* One that runs nothing any more: all is made here. */
static void test_stopped_pool(void)
{
	struct pool *pool = make_pool();

	pool_stop(pool);
	test_all(pool, 1);
	CHECK_INT(seen.most, 0);
	pool_free(pool);
}

int main(void)
{
	struct pool *pool = make_pool();

	lock_init(&seen.l);
	cond_init(&seen.changed);
	test_all(NULL, 1);
	test_all(pool, THREADS);
	for (int i = 0; i < 50; i++) {
		test_failure(NULL);
		test_failure(pool);
	}
	test_stopped_pool();
	pool_free(pool);
	cond_free(&seen.changed);
	lock_free(&seen.l);
	return check_done();
}
