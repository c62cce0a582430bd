/* test_scan_look.c - queue/scan_look.h: what rows and ledger say of a version, and what the source
 * says of its tags and marks. */
#include "queue/scan_look.h"
#include "tests/unit/queue_fixture.h"

static struct queue_fixture f;

static bool all(void *arg, const char *dest)
{
	(void)arg;
	(void)dest;
	return true;
}

static void commit(const char *version, int64_t batch)
{
	struct job j = { .kind = JOB_OBJECT,
			 .key = fake_dup("Tax/a"),
			 .version = fake_dup(version),
			 .dest = fake_dup(COPY),
			 .batch = batch,
			 .created_ms = clock_wall_ms() };

	must(store_commit(f.store, 0, &j, NULL, 1));
	job_free(&j);
}

static void finish(const struct outcome *o)
{
	auto_with(job_free) struct job j = { 0 };
	char *unstaged = NULL;
	int64_t due;

	CHECK_INT(store_claim(f.store, clock_wall_ms() + 1000, all, NULL, &j, &due), 1);
	must(store_finish(f.store, &j, o, &unstaged));
	free(unstaged);
}

static enum scan_status status_of(const char *version, int64_t batch)
{
	struct scan_look look = { .store = f.store, .source = f.source, .batch = batch };
	struct scan_view view = scan_look_view(&look);
	const struct scan_key k = { .name = (char *)(uintptr_t) "Tax/a" };
	const struct scan_version v = { .id = (char *)(uintptr_t)version };
	enum scan_status s = 0;

	must(view.status(view.arg, &k, &v, COPY, &s));
	return s;
}

static void test_status(void)
{
	const struct outcome done = { .kind = OUTCOME_DONE, .replica_version = "r" };
	const struct outcome parked = { .kind = OUTCOME_PARK, .code = "AccessDenied" };
	const struct outcome nothing = { .kind = OUTCOME_DONE, .code = "NothingToDo" };

	fixture_init(&f, RULES_TWO);
	CHECK_INT(status_of("one", 0), SCAN_NONE);
	commit("one", 0);
	CHECK_INT(status_of("one", 0), SCAN_PENDING);
	finish(&done);
	CHECK_INT(status_of("one", 0), SCAN_COMPLETED);
	commit("three", 7);
	CHECK_INT(status_of("three", 7), SCAN_TAKEN);
	CHECK_INT(status_of("three", 8), SCAN_PENDING);
	finish(&nothing);
	CHECK_INT(status_of("three", 8), SCAN_NOTHING);
	commit("two", 0);
	finish(&parked);
	CHECK_INT(status_of("two", 0), SCAN_FAILED);
	/* rows go after a while, the ledger stays */
	must(store_prune(f.store, -3600 * 1000));
	CHECK_INT(status_of("one", 0), SCAN_COMPLETED);
	CHECK_INT(status_of("three", 0), SCAN_NONE);
	fixture_free(&f);
}

/* A version that cannot be read, or is gone, is left out; a source that is away ends the walk. */
static void test_source(void)
{
	struct scan_look look = { .store = f.store };
	struct scan_version v = { 0 };
	const struct scan_key k = { .name = (char *)(uintptr_t) "Tax/a" };
	struct scan_view view;

	fixture_init(&f, RULES_TWO);
	look.source = f.source;
	view = scan_look_view(&look);
	source_put(&f, "Tax/a", NULL, "hello", 5);
	must(kv_set(&fake_find(&f.s3, "src", "Tax/a", NULL)->tags, "class", "secret"));
	CHECK_INT(view.learn(view.arg, &k, &v), 0);
	CHECK(v.learned && !v.gone && !v.refused);
	CHECK_STR(kv_get(&v.tags, "class"), "secret");
	CHECK_INT(view.mark(view.arg, &k, &v), 0);
	CHECK(v.marked && !v.replica);
	fake_set_fault(&f.s3, "src", "", 403, "AccessDenied", -1);
	CHECK_INT(view.learn(view.arg, &k, &v), 0);
	CHECK(v.refused && !v.learned);
	fake_set_fault(&f.s3, "src", "", 403, "InvalidAccessKeyId", -1);
	CHECK(view.learn(view.arg, &k, &v) < 0);
	CHECK(!v.refused && !v.gone);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	CHECK_INT(view.learn(view.arg, &(struct scan_key){ .name = (char *)(uintptr_t) "no" }, &v),
		  0);
	CHECK(v.gone && !v.learned);
	kv_free(&v.tags);
	fixture_free(&f);
}

int main(void)
{
	test_status();
	test_source();
	return check_done();
}
