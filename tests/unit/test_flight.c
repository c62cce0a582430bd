/* test_flight.c - who lists, who asks alone, and who waits for whom. */
#include "fs/flight.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "tests/unit/check.h"

#define WAITERS 4

static struct flights *make(void)
{
	struct flights *f = NULL;

	CHECK_INT(flights_new(&f), 0);
	return f;
}

static struct flight_seat enter(struct flights *f, const char *dir, const char *from, bool worth)
{
	struct flight_seat seat = { 0 };

	CHECK_INT(flight_enter(f, dir, from, worth, NULL, &seat), 0);
	return seat;
}

static void test_roles(void)
{
	struct flights *f = make();
	struct flight_seat a = enter(f, "d/", "", false), b, c, d;

	CHECK_INT(a.role, FLIGHT_ALONE);
	b = enter(f, "e/", "", false); /* another directory */
	CHECK_INT(b.role, FLIGHT_ALONE);
	c = enter(f, "d/", "x", false); /* other names of the same */
	CHECK_INT(c.role, FLIGHT_ALONE);
	d = enter(f, "d/", "", false);
	CHECK_INT(d.role, FLIGHT_LIST);
	flight_leave(f, &d, 0);
	d = enter(f, "d/", "", false); /* somebody still asks */
	CHECK_INT(d.role, FLIGHT_LIST);
	flight_leave(f, &d, 0);
	flight_leave(f, &a, 0);
	flight_leave(f, &b, 0);
	flight_leave(f, &c, 0);
	a = enter(f, "d/", "", false); /* nobody does */
	CHECK_INT(a.role, FLIGHT_ALONE);
	flight_leave(f, &a, 0);
	a = enter(f, "d/", "", true);
	CHECK_INT(a.role, FLIGHT_LIST);
	flight_leave(f, &a, 0);
	flights_free(f);
	flights_free(NULL);
}

struct waiter {
	pthread_t thread;
	struct flights *f;
	struct cancel cancel;
	int r;
	enum flight_role role;
};

static void *wait_for_it(void *arg)
{
	struct waiter *w = arg;
	struct flight_seat seat;

	w->r = flight_enter(w->f, "d/", "", true, &w->cancel, &seat);
	if (!w->r) {
		w->role = seat.role;
		flight_leave(w->f, &seat, 0);
	}
	return NULL;
}

static void until_waiting(struct flights *f, unsigned n)
{
	while (flights_waiting(f) != n)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void start(struct flights *f, struct waiter w[WAITERS])
{
	for (int i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){ .f = f, .r = 1 };
		cancel_init(&w[i].cancel);
		CHECK_INT(pthread_create(&w[i].thread, NULL, wait_for_it, &w[i]), 0);
	}
	until_waiting(f, WAITERS);
}

static void finish(struct waiter w[WAITERS])
{
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(w[i].thread, NULL);
		cancel_free(&w[i].cancel);
	}
}

/* What becomes of those who wait: of all but the first, whom nobody wants an answer for any more. */
static void test_result(void)
{
	static const struct {
		int result, want;
	} rows[] = {
		{ 0, 0 },
		{ -ETIMEDOUT, -ETIMEDOUT }, /* it would be no other for them */
		{ -EACCES, -EACCES },
		{ -EINTR, 0 }, /* he was killed; they were not */
		{ -ENOMEM, 0 },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct flights *f = make();
		struct flight_seat seat = enter(f, "d/", "", true);
		struct waiter w[WAITERS];

		CHECK_INT(seat.role, FLIGHT_LIST);
		start(f, w);
		cancel_fire(&w[0].cancel);
		until_waiting(f, WAITERS - 1);
		flight_leave(f, &seat, rows[i].result);
		finish(w);
		CHECK_INT(w[0].r, -EINTR);
		for (int k = 1; k < WAITERS; k++) {
			CHECK_INT(w[k].r, rows[i].want);
			if (!rows[i].want)
				CHECK_INT(w[k].role, FLIGHT_OVER);
		}
		CHECK_INT(flights_waiting(f), 0);
		seat = enter(f, "d/", "", false);
		CHECK_INT(seat.role, FLIGHT_ALONE);
		flight_leave(f, &seat, 0);
		flights_free(f);
	}
}

int main(void)
{
	test_roles();
	test_result();
	return check_done();
}
