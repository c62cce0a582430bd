#include "base/lock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/unit/check.h"

struct shared {
	struct lock l;
	struct cond c;
	int n;
	bool go;
};

static void *add_many(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < 10000; i++) {
		scoped_lock(&s->l);
		s->n++;
	}
	return NULL;
}

static void test_exclusion(void)
{
	struct shared s = { .n = 0 };
	pthread_t threads[4];

	lock_init(&s.l);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_create(&threads[i], NULL, add_many, &s);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(s.n, 40000);
	lock_free(&s.l);
}

static void *wait_for_go(void *arg)
{
	struct shared *s = arg;

	scoped_lock(&s->l);

	while (!s->go)
		cond_wait(&s->c, &s->l);
	lock_assert_held(&s->l);
	s->n++;
	while (s->n < 3) {
		if (!cond_wait_until(&s->c, &s->l, clock_deadline(60000)))
			break;
	}
	return NULL;
}

static void test_conditions(void)
{
	struct shared s = { .n = 0 };
	pthread_t threads[2];
	int64_t start;

	lock_init(&s.l);
	cond_init(&s.c);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_create(&threads[i], NULL, wait_for_go, &s);
	lock_take(&s.l);
	s.go = true;
	cond_broadcast(&s.c);
	lock_drop(&s.l);
	lock_take(&s.l);
	s.n++;
	cond_broadcast(&s.c);
	lock_drop(&s.l);
	/*
	 * The last of the three to add sees 3 and does not wait; it leaves the others to be woken.
	 */
	lock_take(&s.l);
	while (s.n < 3) {
		lock_drop(&s.l);
		sched_yield();
		lock_take(&s.l);
	}
	cond_broadcast(&s.c);
	lock_drop(&s.l);
	for (size_t i = 0; i < array_size(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(s.n, 3);

	lock_take(&s.l);
	start = clock_mono_ms();
	while (cond_wait_until(&s.c, &s.l, start + 30))
		;
	CHECK(clock_mono_ms() >= start + 30);
	CHECK(!cond_wait_until(&s.c, &s.l, start));
	CHECK(!cond_wait_until(&s.c, &s.l, -5));
	lock_assert_held(&s.l);
	lock_drop(&s.l);
	cond_free(&s.c);
	lock_free(&s.l);
}

static void take_twice(struct lock *l)
{
	lock_take(l);
	lock_take(l);
}

static void drop_free(struct lock *l)
{
	lock_drop(l);
}

static void assert_free(struct lock *l)
{
	lock_assert_held(l);
}

static void *drop_in_thread(void *l)
{
	lock_drop(l);
	return NULL;
}

static void drop_by_stranger(struct lock *l)
{
	pthread_t t;

	lock_take(l);
	pthread_create(&t, NULL, drop_in_thread, l);
	pthread_join(t, NULL);
}

static void take_and_drop(struct lock *l)
{
	lock_take(l);
	lock_assert_held(l);
	lock_drop(l);
}

/* The signal that fn in a child of its own dies of, or 0. */
static int death_of(void (*fn)(struct lock *l))
{
	struct rlimit no_core = { 0, 0 };
	struct lock l;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		lock_init(&l);
		fn(&l);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_abuse(void)
{
	CHECK_INT(death_of(take_and_drop), 0);
	CHECK_INT(death_of(take_twice), SIGABRT);
	CHECK_INT(death_of(drop_free), SIGABRT);
	CHECK_INT(death_of(assert_free), SIGABRT);
	CHECK_INT(death_of(drop_by_stranger), SIGABRT);
}

int main(void)
{
	test_exclusion();
	test_conditions();
	test_abuse();
	return check_done();
}
