/* test_quota.c - who waits for room, for what, and for how long. */
#include "tests/unit/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "fs/quota.h"

#define TIMEOUT 60000

/* --- the decision ----------------------------------------------------------------------------- */

struct row {
	const char *what;
	struct quota_view v;
	enum quota_step step;
	int error;
};

/* max is 100, and timeout TIMEOUT */
static const struct row rows[] = {
	{ "room", { .want = 10, .used = 90 }, QUOTA_GO, 0 },
	{ "room, and no more may be kept", { .want = 10, .used = 90, .kept = 90 }, QUOTA_GO, 0 },
	{ "kept bodies go first",
	  { .want = 10, .used = 91, .kept = 1, .leaving = 50, .any_leaving = true },
	  QUOTA_DROP,
	  0 },
	{ "on a full disk too",
	  { .full = true, .want = 10, .used = 20, .kept = 1 },
	  QUOTA_DROP,
	  0 },
	{ "who is interrupted lets kept bodies go, and tries",
	  { .full = true, .want = 10, .used = 20, .kept = 1, .given_up = true },
	  QUOTA_DROP,
	  0 },
	{ "what leaves makes room",
	  { .want = 10, .used = 100, .leaving = 10, .any_leaving = true },
	  QUOTA_WAIT,
	  0 },
	{ "what leaves does not make room enough",
	  { .want = 10, .used = 100, .leaving = 9, .any_leaving = true },
	  QUOTA_GO,
	  0 },
	{ "nothing leaves: the quota is soft", { .want = 10, .used = 100 }, QUOTA_GO, 0 },
	{ "torn bytes are nothing to wait for, for the quota",
	  { .want = 10, .used = 100, .any_torn = true },
	  QUOTA_GO,
	  0 },
	{ "a file larger than the quota",
	  { .want = 10, .own = 91, .used = 100, .leaving = 60, .any_leaving = true },
	  QUOTA_GO,
	  0 },
	{ "a write larger than the quota",
	  { .want = 101, .used = 50, .leaving = 50, .any_leaving = true },
	  QUOTA_GO,
	  0 },
	{ "too many wait",
	  { .want = 10, .used = 100, .leaving = 50, .any_leaving = true, .crowd = true },
	  QUOTA_GO,
	  0 },
	{ "nobody overtakes", { .want = 10, .used = 50, .behind = true }, QUOTA_WAIT, 0 },
	{ "but who need not wait does not",
	  { .want = 10, .used = 100, .behind = true },
	  QUOTA_GO,
	  0 },
	{ "interrupted",
	  { .want = 10, .used = 100, .leaving = 50, .any_leaving = true, .given_up = true },
	  QUOTA_FAIL,
	  -EINTR },
	{ "interrupted where nobody waits",
	  { .want = 10, .used = 100, .given_up = true },
	  QUOTA_GO,
	  0 },
	{ "the source takes nothing",
	  { .want = 10,
	    .used = 100,
	    .leaving = 50,
	    .any_leaving = true,
	    .idle_ms = TIMEOUT,
	    .waited_ms = TIMEOUT },
	  QUOTA_FAIL,
	  -ETIMEDOUT },
	{ "not for that long",
	  { .want = 10,
	    .used = 100,
	    .leaving = 50,
	    .any_leaving = true,
	    .idle_ms = TIMEOUT - 1,
	    .waited_ms = TIMEOUT - 1 },
	  QUOTA_WAIT,
	  0 },
	{ "it takes something, but not enough",
	  { .want = 10,
	    .used = 100,
	    .leaving = 50,
	    .any_leaving = true,
	    .idle_ms = 5,
	    .waited_ms = TIMEOUT },
	  QUOTA_GO,
	  0 },
	{ "behind one who does not move",
	  { .want = 10, .used = 50, .behind = true, .idle_ms = TIMEOUT, .waited_ms = TIMEOUT },
	  QUOTA_GO,
	  0 },
	{ "a full disk", { .full = true, .want = 10, .used = 20 }, QUOTA_FAIL, -ENOSPC },
	{ "a full disk, that something leaves",
	  { .full = true, .want = 10, .used = 20, .leaving = 1, .any_leaving = true },
	  QUOTA_WAIT,
	  0 },
	{ "that a file leaves which is larger than the quota",
	  { .full = true, .want = 10, .used = 20, .any_leaving = true },
	  QUOTA_WAIT,
	  0 },
	{ "that something leaves, for ever",
	  { .full = true,
	    .want = 10,
	    .used = 20,
	    .leaving = 1,
	    .any_leaving = true,
	    .idle_ms = 5,
	    .waited_ms = 10 * TIMEOUT },
	  QUOTA_WAIT,
	  0 },
	{ "that nothing has left",
	  { .full = true,
	    .want = 10,
	    .used = 20,
	    .leaving = 1,
	    .any_leaving = true,
	    .idle_ms = TIMEOUT,
	    .waited_ms = TIMEOUT },
	  QUOTA_FAIL,
	  -ENOSPC },
	{ "on which something is torn",
	  { .full = true, .want = 10, .used = 20, .any_torn = true, .idle_ms = 999 },
	  QUOTA_WAIT,
	  0 },
	{ "and nobody closes it",
	  { .full = true, .want = 10, .used = 20, .any_torn = true, .idle_ms = 1000 },
	  QUOTA_FAIL,
	  -ENOSPC },
	{ "a full disk, and too many wait",
	  { .full = true, .want = 10, .used = 20, .any_leaving = true, .crowd = true },
	  QUOTA_FAIL,
	  -ENOSPC },
	{ "a full disk, and interrupted",
	  { .full = true, .want = 10, .used = 20, .any_leaving = true, .given_up = true },
	  QUOTA_FAIL,
	  -EINTR },
};

static void test_decision(void)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		struct quota_view v = rows[i].v;
		int error = 0;

		CHECK_CASE(rows[i].what);
		v.max = 100;
		v.timeout_ms = TIMEOUT;
		CHECK_INT(quota_decide(&v, &error), rows[i].step);
		CHECK_INT(rows[i].step == QUOTA_FAIL ? error : 0, rows[i].error);
	}
}

/* --- the count -------------------------------------------------------------------------------- */

static _Atomic uint64_t kept;
static atomic_uint drops;
static bool fast; /* it is not to be had */

static uint64_t kept_now(void *arg)
{
	(void)arg;
	return atomic_load(&kept);
}

static int drop_all(void *arg)
{
	(void)arg;
	atomic_fetch_add(&drops, 1);
	return !fast && atomic_exchange(&kept, 0) ? 0 : -ENOENT;
}

static struct quota *make(uint64_t max, int64_t timeout_ms)
{
	const struct quota_conf conf = { max, timeout_ms, kept_now, drop_all, NULL };
	struct quota *q = NULL;

	CHECK_INT(quota_new(&conf, &q), 0);
	return q;
}

static void test_count(void)
{
	struct quota *q = make(100, TIMEOUT);
	struct quota_share a = { 0 }, b = { 0 };

	CHECK_CASE("count");
	CHECK(quota_has_room(q, 100) && !quota_has_room(q, 101));
	quota_set(q, &a, 60, QUOTA_OPEN);
	quota_set(q, &b, 30, QUOTA_LEAVING);
	CHECK(quota_has_room(q, 10) && !quota_has_room(q, 11));
	atomic_store(&kept, 5);
	CHECK(quota_has_room(q, 5) && !quota_has_room(q, 6));
	atomic_store(&kept, 0);
	quota_set(q, &a, 101, QUOTA_OPEN); /* larger than all: it is not in the way of others */
	CHECK(quota_has_room(q, 70) && !quota_has_room(q, 71));
	quota_set(q, &a, 20, QUOTA_TORN);
	CHECK(quota_has_room(q, 50) && !quota_has_room(q, 51));
	quota_set(q, &a, 20, QUOTA_GIVEN); /* the queue counts it */
	CHECK(quota_has_room(q, 70) && !quota_has_room(q, 71));
	quota_set(q, &a, 0, QUOTA_OPEN);
	quota_set(q, &b, 0, QUOTA_OPEN);
	CHECK(quota_has_room(q, 100));
	quota_free(q);
}

/* --- waits ------------------------------------------------------------------------------------ */

struct writer {
	struct quota *q;
	struct cancel cancel;
	bool full;
	uint64_t want;
	int r; /* of quota_room */
	pthread_t thread;
};

static void *write_one(void *arg)
{
	struct writer *wr = arg;
	struct quota_wait w;

	quota_begin(wr->q, &wr->cancel, &w);
	wr->r = quota_room(&w, wr->full, 0, wr->want);
	quota_end(&w);
	return NULL;
}

static void start(struct writer *wr, struct quota *q, bool full, uint64_t want)
{
	*wr = (struct writer){ .q = q, .full = full, .want = want, .r = 1 };
	cancel_init(&wr->cancel);
	CHECK_INT(pthread_create(&wr->thread, NULL, write_one, wr), 0);
}

static int end_of(struct writer *wr)
{
	pthread_join(wr->thread, NULL);
	cancel_free(&wr->cancel);
	return wr->r;
}

/* Nothing but a waiting writer takes the room that there is. */
static void until_one_waits(struct quota *q)
{
	while (quota_has_room(q, 0))
		sched_yield();
}

static void test_waits(void)
{
	struct quota *q = make(100, TIMEOUT);
	struct quota_share a = { 0 };
	struct writer one, two;

	CHECK_CASE("what leaves ends a wait");
	quota_set(q, &a, 100, QUOTA_LEAVING);
	start(&one, q, false, 10);
	until_one_waits(q);
	start(&two, q, false, 20);
	quota_set(q, &a, 0, QUOTA_OPEN);
	CHECK_INT(end_of(&one), 0);
	CHECK_INT(end_of(&two), 0);
	CHECK(quota_has_room(q, 100));

	CHECK_CASE("so does it that nothing leaves any more");
	quota_set(q, &a, 100, QUOTA_LEAVING);
	start(&one, q, false, 10);
	until_one_waits(q);
	quota_set(q, &a, 100, QUOTA_OPEN);
	CHECK_INT(end_of(&one), 0);

	CHECK_CASE("interrupted");
	quota_set(q, &a, 100, QUOTA_LEAVING);
	start(&one, q, false, 10);
	until_one_waits(q);
	cancel_fire(&one.cancel);
	CHECK_INT(end_of(&one), -EINTR);

	CHECK_CASE("a full disk is tried again when something has left");
	start(&one, q, true, 10);
	until_one_waits(q);
	quota_set(q, &a, 50, QUOTA_LEAVING);
	CHECK_INT(end_of(&one), 0);

	CHECK_CASE("the end of the mount");
	quota_set(q, &a, 100, QUOTA_LEAVING);
	start(&one, q, false, 10);
	until_one_waits(q);
	quota_stop(q);
	CHECK_INT(end_of(&one), -ETIMEDOUT);
	quota_set(q, &a, 0, QUOTA_OPEN);
	quota_free(q);
}

static void test_kept(void)
{
	struct quota *q = make(100, TIMEOUT);
	struct writer one;

	CHECK_CASE("kept bodies go before anybody waits, and only then");
	atomic_store(&kept, 90);
	atomic_store(&drops, 0);
	start(&one, q, false, 10);
	CHECK_INT(end_of(&one), 0);
	CHECK_INT(atomic_load(&drops), 0);
	start(&one, q, false, 11);
	CHECK_INT(end_of(&one), 0);
	CHECK_INT(atomic_load(&drops), 1);
	CHECK_CASE("what cannot be let go is not asked for again and again");
	atomic_store(&kept, 90);
	fast = true;
	start(&one, q, true, 10);
	CHECK_INT(end_of(&one), -ENOSPC);
	CHECK_INT(atomic_load(&drops), 2);
	start(&one, q, false, 11);
	CHECK_INT(end_of(&one), 0);
	CHECK_INT(atomic_load(&drops), 3);
	atomic_store(&kept, 0);
	fast = false;
	quota_free(q);
}

static void test_timeout(void)
{
	struct quota *q = make(100, 20);
	struct quota_share a = { 0 };
	struct writer one;

	CHECK_CASE("in vain");
	quota_set(q, &a, 100, QUOTA_LEAVING);
	start(&one, q, false, 10);
	CHECK_INT(end_of(&one), -ETIMEDOUT);
	quota_set(q, &a, 0, QUOTA_OPEN);
	quota_free(q);
}

int main(void)
{
	test_decision();
	test_count();
	test_waits();
	test_kept();
	test_timeout();
	return check_done();
}
