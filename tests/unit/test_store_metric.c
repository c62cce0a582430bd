#include "tests/unit/store_fixture.h"

static struct job job_of(const char *key, const char *dest, const char *rule, uint64_t size)
{
	struct job j = make_job(JOB_OBJECT, key, "v", dest);

	j.rule_id = (char *)(uintptr_t)rule;
	j.spec = (struct job_spec){ .known = true, .size = size };
	return j;
}

static int note(void *arg, const struct store_metric *m)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 600 - n, "%s/%s p%llu b%llu f%llu d%llu F%llu D%llu B%llu; ",
		 strrchr(m->dest, ':') + 1, m->rule, (unsigned long long)m->pending,
		 (unsigned long long)m->pending_bytes, (unsigned long long)m->failed,
		 (unsigned long long)m->done, (unsigned long long)m->failed_ever,
		 (unsigned long long)m->done_ever, (unsigned long long)m->done_bytes_ever);
	return 0;
}

static const char *metrics(struct store *s)
{
	static char text[600];

	text[0] = '\0';
	CHECK_INT(store_each_metric(s, note, text), 0);
	return text;
}

static void test_counts(void)
{
	struct store *s = fresh();

	CHECK_STR(metrics(s), "");
	CHECK(add_job(s, job_of("a", A, "one", 100)) > 0);
	CHECK(add_job(s, job_of("a", A, "one", 10)) > 0); /* waits */
	CHECK(add_job(s, job_of("b", A, "two", 1)) > 0);
	CHECK(add_job(s, job_of("b", B, NULL, 7)) > 0);
	CHECK_STR(metrics(s), "alpha/one p2 b110 f0 d0 F0 D0 B0; alpha/two p1 b1 f0 d0 F0 D0 B0; "
			      "beta/ p1 b7 f0 d0 F0 D0 B0; ");
	CHECK_INT(work(s, OUTCOME_DONE), 1);
	CHECK_INT(work(s, OUTCOME_PARK), 2);
	CHECK_INT(work(s, OUTCOME_DONE), 3);
	CHECK_STR(metrics(s), "alpha/one p0 b0 f1 d1 F1 D1 B100; alpha/two p0 b0 f0 d1 F0 D1 B1; "
			      "beta/ p1 b7 f0 d0 F0 D0 B0; ");
	/* what was done counts after its rows are gone */
	CHECK_INT(store_prune(s, -1000), 0);
	CHECK_STR(metrics(s), "alpha/one p0 b0 f1 d0 F1 D1 B100; alpha/two p0 b0 f0 d0 F0 D1 B1; "
			      "beta/ p1 b7 f0 d0 F0 D0 B0; ");
	check_sound(s);
	store_close(s);
}

static void test_lag(void)
{
	struct store *s = fresh();
	struct store_lag l = { 0 };

	CHECK_INT(store_get_lag(s, A, "one", 0, &l), 0);
	CHECK(l.n == 0 && l.pending_since_ms == 0 && !l.oldest_key);
	/* 1 to 200 ms, in no order; what is of another rule, too old, backfill or nothing is left out */
	for (int i = 0; i < 200; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		CHECK(add_job(s, job_of(key, A, "one", 1)) > 0);
		CHECK(work(s, OUTCOME_DONE) > 0);
	}
	CHECK_INT(sql(s->db, "UPDATE job SET created_ms = 10000,"
			       " done_ms = 10000 + (id * 77) % 200 + 1"),
		  0);
	CHECK(add_job(s, job_of("w", A, "two", 1)) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK(add_job(s, job_of("x", A, "one", 1)) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_INT(sql(s->db, "UPDATE job SET done_ms = 9000 WHERE key = 'x'"), 0);
	CHECK(add_job(s, job_of("y", A, "one", 1)) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_INT(sql(s->db, "UPDATE job SET code = 'Nothing' WHERE key = 'y'"), 0);
	CHECK(add_job(s, job_of("z", A, "one", 1)) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_INT(sql(s->db, "UPDATE job SET class = 1 WHERE key = 'z'"), 0);
	CHECK_INT(store_get_lag(s, A, "one", 10000, &l), 0);
	CHECK_INT(l.n, 200);
	CHECK_INT(l.p50_ms, 100);
	CHECK_INT(l.p99_ms, 198);
	CHECK_INT(l.max_ms, 200);
	CHECK_INT(store_get_lag(s, A, "one", 10200, &l), 0);
	CHECK(l.n == 1 && l.p50_ms == 200 && l.p99_ms == 200 && l.max_ms == 200);
	store_lag_free(&l);
	store_close(s);
}

static void test_oldest(void)
{
	struct job j = job_of("parked", A, "one", 1);
	struct store_lag l = { 0 };
	struct store *s = fresh();

	j.created_ms = 100;
	CHECK(add_job(s, j) > 0);
	CHECK(work(s, OUTCOME_PARK) > 0);
	j = job_of("pending", A, "one", 1);
	j.created_ms = 200;
	j.version = NULL;
	CHECK(add_job(s, j) > 0);
	CHECK_INT(store_get_lag(s, A, "one", 0, &l), 0);
	CHECK_STR(l.oldest_key, "parked");
	CHECK_STR(l.oldest_version, "v");
	CHECK(l.oldest_ms == 100 && l.pending_since_ms == 200);
	store_lag_free(&l);
	CHECK_INT(store_get_lag(s, B, "one", 0, &l), 0);
	CHECK(!l.oldest_key);
	store_close(s);
}

int main(void)
{
	fixture_start();
	test_counts();
	test_lag();
	test_oldest();
	fixture_end();
	return check_done();
}
