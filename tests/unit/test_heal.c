#include <sched.h>

#include "queue/copy.h"
#include "queue/heal_i.h"
#include "tests/unit/queue_fixture.h"

#define DENIED "DstPutObjectNotPermitted"

static struct queue_fixture f;

/* --- when what is looked at: a fake clock ----------------------------------------------------- */

static bool is_due(struct heal_plan *p, int64_t now)
{
	return heal_plan_due(p, now) != NULL;
}

static void test_back_off(void)
{
	struct heal_plan p = { .first_ms = 5, .max_ms = 30 };
	int64_t now = 100;
	static const int64_t delays[] = { 5, 10, 20, 30, 30 };

	CHECK_INT(heal_plan_next(&p), CLOCK_NEVER);
	must(heal_plan_see(&p, "d", DENIED, now));
	for (size_t i = 0; i < array_size(delays); i++) {
		must(heal_plan_see(&p, "d", DENIED, now));
		CHECK_INT(heal_plan_next(&p), now + delays[i]);
		CHECK(!is_due(&p, now + delays[i] - 1));
		now += delays[i];
		CHECK(is_due(&p, now));
		CHECK(!is_due(&p, now));
	}
	heal_plan_free(&p);
}

static void test_slow(void)
{
	struct heal_plan p = { .first_ms = 5, .max_ms = 30 };

	must(heal_plan_see(&p, "d", "", 100));
	CHECK_INT(heal_plan_next(&p), 130);
	CHECK(is_due(&p, 130));
	CHECK_INT(heal_plan_next(&p), 160);
	heal_plan_free(&p);
}

/* A queue that could not be read once says nothing about its groups. */
static void test_blind(void)
{
	struct heal_plan p = { .first_ms = 100, .max_ms = 1000 };

	heal_plan_begin(&p);
	heal_plan_blind(&p, 5);
	CHECK_INT(heal_plan_next(&p), 105);
	heal_plan_begin(&p);
	CHECK_INT(heal_plan_see(&p, "d", "DstBucketNotFound", 105), 0);
	heal_plan_end(&p, 105);
	CHECK_INT(heal_plan_next(&p), 205);
	heal_plan_begin(&p);
	heal_plan_blind(&p, 300);
	CHECK_INT(heal_plan_next(&p), 400);
	heal_plan_begin(&p);
	CHECK_INT(heal_plan_see(&p, "d", "DstBucketNotFound", 400), 0);
	CHECK(heal_plan_due(&p, 400) != NULL);
	heal_plan_free(&p);
}

static void test_groups(void)
{
	struct heal_plan p = { .first_ms = 5, .max_ms = 30 };
	struct heal_group *g;

	must(heal_plan_see(&p, "d", DENIED, 100));
	must(heal_plan_see(&p, "e", DENIED, 102));
	g = heal_plan_due(&p, 105);
	CHECK(g && strcmp(g->dest, "d") == 0);
	CHECK(!is_due(&p, 105));
	/* a scout is out: the group is empty, and what is known of it is kept until its next look */
	heal_plan_begin(&p);
	heal_plan_end(&p, 106);
	CHECK_INT(p.n, 2);
	CHECK(!is_due(&p, 200));
	heal_plan_end(&p, 107);
	CHECK_INT(p.n, 1);
	must(heal_plan_see(&p, "d", DENIED, 108));
	CHECK_INT(p.groups[0].looks, 1);
	heal_plan_begin(&p);
	heal_plan_end(&p, 115);
	CHECK_INT(p.n, 0);
	heal_plan_free(&p);
}

static void test_cured(void)
{
	struct heal_plan p = { .first_ms = 5, .max_ms = 30 };
	struct heal_group *g;

	heal_plan_cured(&p, "d", DENIED); /* not known: nothing */
	must(heal_plan_see(&p, "d", DENIED, 100));
	CHECK(is_due(&p, 105));
	heal_plan_cured(&p, "d", DENIED);
	g = heal_plan_due(&p, 106);
	CHECK(g && g->cured && g->looks == 0);
	heal_plan_free(&p);
}

/* --- the rows --------------------------------------------------------------------------------- */

static bool allow_all(void *arg, const char *dest)
{
	(void)arg;
	(void)dest;
	return true;
}

static int64_t add_parked(const char *key, const char *dest, const char *reason, const char *code)
{
	struct job j = { .kind = JOB_OBJECT,
			 .key = (char *)(uintptr_t)key,
			 .dest = (char *)(uintptr_t)dest };
	auto_with(job_free) struct job got = { 0 };
	struct outcome o = { .kind = OUTCOME_PARK };
	auto_free char *unstaged = NULL;
	int64_t next;

	must(store_commit(f.store, 0, &j, NULL, 1));
	CHECK_INT(store_claim(f.store, clock_wall_ms() + 1000, allow_all, NULL, &got, &next), 1);
	snprintf(o.reason, sizeof(o.reason), "%s", reason);
	snprintf(o.code, sizeof(o.code), "%s", code);
	must(store_finish(f.store, &got, &o, &unstaged));
	return got.id;
}

static int note_group(void *arg, const char *dest, const char *reason)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 300 - n, "%s:%s ", dest, reason);
	return 0;
}

static const char *groups(void)
{
	static char text[300];

	text[0] = '\0';
	must(store_each_parked(f.store, note_group, text));
	return text;
}

static uint64_t parked(void)
{
	struct store_counts c;

	must(store_count(f.store, NULL, &c));
	return c.parked;
}

static void test_store(void)
{
	int64_t a, b, id = -1;
	uint64_t n = 0;

	fixture_init(&f, RULES_TWO);
	CHECK_STR(groups(), "");
	a = add_parked("a", "d", DENIED, "AccessDenied");
	b = add_parked("b", "d", DENIED, "AccessDenied");
	add_parked("c", "d", "", "InvalidTag");
	add_parked("c", "e", DENIED, "AccessDenied");
	add_parked("x", "d", DENIED, COPY_DIFFERS);
	CHECK_STR(groups(), "d: d:" DENIED " e:" DENIED " ");
	/* one after the other, then from the beginning; never what a person shall look at */
	must(store_scout(f.store, "d", DENIED, COPY_DIFFERS, 0, &id));
	CHECK_INT(id, a);
	must(store_scout(f.store, "d", DENIED, COPY_DIFFERS, a, &id));
	CHECK_INT(id, b);
	must(store_scout(f.store, "d", DENIED, COPY_DIFFERS, b, &id));
	CHECK_INT(id, 0);
	CHECK_INT(parked(), 3);
	must(store_release(f.store, "e", DENIED, COPY_DIFFERS, &n));
	CHECK_INT(n, 1);
	must(store_release(f.store, "d", DENIED, COPY_DIFFERS, &n));
	CHECK_INT(n, 0);
	CHECK_INT(parked(), 2);
	fixture_free(&f);
}

static void test_release_many(void)
{
	uint64_t n = 0;
	char key[20];

	fixture_init(&f, RULES_TWO);
	for (int i = 0; i < 1100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		add_parked(key, "d", DENIED, "AccessDenied");
	}
	must(store_release(f.store, "d", DENIED, NULL, &n));
	CHECK_INT(n, 1100);
	fixture_free(&f);
}

/* --- all together ----------------------------------------------------------------------------- */

static struct workers *start_workers(int64_t first_ms)
{
	struct workers_conf conf = { .store = f.store,
				     .dests = f.dests,
				     .repl = f.repl,
				     .source = f.source,
				     .source_bucket = "src",
				     .staging_dir = f.staging,
				     .threads = 2,
				     .retry_first_ms = 20,
				     .retry_max_ms = 100,
				     .heal_first_ms = first_ms,
				     .heal_max_ms = first_ms };
	struct workers *w;

	must(workers_new(&conf, &w));
	repl_on_ready(f.repl, workers_wake, w);
	must(workers_start(w));
	return w;
}

static void write_file(const char *key)
{
	struct ticket *t;
	struct job_spec spec;
	struct repl_facts facts = { .key = key, .spec = &spec };

	must(repl_begin(f.repl, JOB_OBJECT, key, &t));
	facts.version = source_put(&f, key, ticket_token(t), "x", 1);
	lock_take(&f.s3.l);
	spec = spec_of(&f, key, ticket_token(t));
	lock_drop(&f.s3.l);
	must(repl_commit(t, &facts, NULL, NULL, 0));
	job_spec_free(&spec);
}

static bool wait_counts(uint64_t want_parked, uint64_t want_done)
{
	int64_t deadline = clock_deadline(20000);
	struct store_counts c;

	do {
		must(store_count(f.store, NULL, &c));
		if (c.parked == want_parked && c.done == want_done)
			return true;
		sched_yield();
	} while (clock_mono_ms() < deadline);
	return false;
}

static void test_heals(void)
{
	struct workers *w;
	char key[20];

	fixture_init(&f, RULES_TWO);
	fake_set_fault(&f.s3, "copy", "PUT", 403, "AccessDenied", -1);
	w = start_workers(60000);
	for (int i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "Tax/%d", i);
		write_file(key);
	}
	CHECK(wait_counts(8, 0));
	/* nothing before its time; a new mount begins anew */
	repl_on_ready(f.repl, NULL, NULL);
	workers_stop(w);
	workers_free(w);
	CHECK_INT(parked(), 8);
	w = start_workers(50);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	CHECK(wait_counts(0, 8));
	repl_on_ready(f.repl, NULL, NULL);
	workers_stop(w);
	workers_free(w);
	fixture_free(&f);
}

int main(void)
{
	test_back_off();
	test_slow();
	test_blind();
	test_groups();
	test_cured();
	test_store();
	test_release_many();
	test_heals();
	return check_done();
}
