/* scene_queue.c - rows, commits, workers and recovery, between two buckets in memory. */
#include "tests/sweep/scene_s3.h"

#include <sched.h>

#define LARGE (5 * MIB + 1000)

static struct queue_fixture f;

static void before(void)
{
	fixture_init(&f, RULES_TWO);
}

static void remount(void)
{
	fixture_close(&f);
	fixture_open(&f, "two", RULES_TWO, 64 * MIB);
}

/* --- what must hold --------------------------------------------------------------------------- */

static struct workers *start_workers(int *ret_err)
{
	struct workers_conf conf = { .store = f.store,
				     .dests = f.dests,
				     .repl = f.repl,
				     .source = f.source,
				     .source_bucket = "src",
				     .staging_dir = f.staging,
				     .pool = f.pool,
				     .threads = 2,
				     .retry_first_ms = 1,
				     .retry_max_ms = 5 };
	struct workers *w = SCENE_UNTOUCHED(struct workers *);

	*ret_err = workers_new(&conf, &w);
	SCENE_SAME(*ret_err, w);
	if (*ret_err < 0)
		return NULL;
	*ret_err = workers_start(w);
	if (*ret_err == 0)
		return w;
	workers_stop(w);
	workers_free(w);
	return NULL;
}

static void end_workers(struct workers *w)
{
	workers_stop(w);
	workers_free(w);
}

static int recover(struct recover_result *ret_r)
{
	struct recover_conf conf = { .store = f.store,
				     .repl = f.repl,
				     .dests = f.dests,
				     .source = f.source,
				     .pool = f.pool,
				     .staging_dir = f.staging,
				     .failed_dir = f.staging };

	return recover_run(&conf, ret_r);
}

static bool all_done(void)
{
	struct store_counts c;
	uint64_t n = 0;

	must(store_retry(f.store, NULL, NULL, &n));
	must(store_count(f.store, NULL, &c));
	return c.waiting + c.ready + c.claimed + c.parked == 0;
}

/* Each version of the key under Tax/ at the source is at the copy, once and in this order. */
static void check_sides(const char *key)
{
	size_t a = 0, b = 0;

	for (;;) {
		const struct fake_version *x, *y;

		while (a < f.s3.versions_n && (strcmp(f.s3.versions[a]->bucket, "src") != 0 ||
					       strcmp(f.s3.versions[a]->key, key) != 0))
			a++;
		while (b < f.s3.versions_n && (strcmp(f.s3.versions[b]->bucket, "copy") != 0 ||
					       strcmp(f.s3.versions[b]->key, key) != 0))
			b++;
		x = a < f.s3.versions_n ? f.s3.versions[a++] : NULL;
		y = b < f.s3.versions_n ? f.s3.versions[b++] : NULL;
		CHECK(!x == !y);
		if (!x || !y)
			return;
		CHECK_INT(x->marker, y->marker);
		if (CHECK_INT(x->len, y->len) && x->len > 0)
			CHECK_INT(memcmp(x->body, y->body, x->len), 0);
		CHECK(kv_equal(&x->tags, &y->tags));
	}
}

/* This mount's workers do what they can. */
static void drain(void)
{
	int r;
	struct workers *w = start_workers(&r);

	must(r);
	CHECK(workers_drain(w, clock_deadline(60000)));
	end_workers(w);
}

/* Nothing fails any more: the next mount recovers, the workers drain, both sides agree. */
static void check_agreed(void)
{
	struct recover_result result = { 0 };
	int64_t deadline = clock_deadline(60000);
	struct workers *w;
	int r;

	remount();
	must(recover(&result));
	CHECK_INT(result.left, 0);
	CHECK_INT(tickets(&f), 0);
	w = start_workers(&r);
	must(r);
	while (!all_done() && clock_mono_ms() < deadline) {
		workers_wake(w);
		sched_yield();
	}
	CHECK(all_done());
	end_workers(w);
	check_sides("Tax/a");
	check_sides("Tax/large");
	check_sides("Tax/held");
	check_sides("Tax/draft");
	fixture_free(&f);
}

/* --- commits ---------------------------------------------------------------------------------- */

static char *a_body;

/* As fs/commit.c does: a ticket, the version, the rows. */
static int write_version(const char *key, size_t n, const char *staged, const char *class)
{
	struct ticket *t = SCENE_UNTOUCHED(struct ticket *);
	struct repl_facts facts = { .key = key };
	struct job_spec spec;
	int r = repl_begin(f.repl, JOB_OBJECT, key, &t);

	SCENE_SAME(r, t);
	if (r < 0)
		return r;
	sweep_pause();
	facts.version = source_put(&f, key, ticket_token(t), a_body, n);
	spec = spec_of(&f, key, ticket_token(t));
	if (class) {
		must(kv_set(&spec.tags, "class", class));
		lock_take(&f.s3.l);
		must(kv_set(&fake_find(&f.s3, "src", key, NULL)->tags, "class", class));
		lock_drop(&f.s3.l);
	}
	facts.spec = &spec;
	if (staged)
		stage(&f, staged, a_body, n);
	sweep_resume();
	r = repl_commit(t, &facts, staged, NULL, 0);
	if (r < 0)
		repl_leave(t);
	sweep_pause();
	job_spec_free(&spec);
	sweep_resume();
	return r;
}

/* A delete marker. */
static int delete_key(const char *key)
{
	struct ticket *t = NULL;
	struct job_spec unknown = { 0 };
	struct repl_facts facts = { .key = key, .spec = &unknown };
	int r = repl_begin(f.repl, JOB_DELETE, key, &t);

	if (r < 0)
		return r;
	sweep_pause();
	lock_take(&f.s3.l);
	fake_add(&f.s3, "src", key, NULL, 0)->marker = true;
	facts.version = fake_find(&f.s3, "src", key, NULL)->id;
	lock_drop(&f.s3.l);
	sweep_resume();
	r = repl_commit(t, &facts, NULL, NULL, 0);
	if (r < 0)
		repl_leave(t);
	return r;
}

static int run_commit(void)
{
	struct ticket *t = SCENE_UNTOUCHED(struct ticket *);
	int then, r = repl_begin(f.repl, JOB_OBJECT, "Tax/never", &t);

	SCENE_SAME(r, t);
	if (r < 0)
		return r;
	repl_abandon(t);
	/* Life goes on after one that failed: what comes later must not overtake it. */
	r = write_version("Tax/a", 100, "s1", NULL);
	then = write_version("Tax/a", 200, NULL, "secret");
	r = r < 0 ? r : then;
	then = delete_key("Tax/a");
	return r < 0 ? r : then;
}

static void before_commit(void)
{
	before();
	a_body = pattern(LARGE);
}

/* No acknowledged change is lost, and none that was made is. */
static void check_commit(int r, bool failed)
{
	(void)r;
	(void)failed;
	drain();
	check_agreed();
	free(a_body);
}

/* --- held files ------------------------------------------------------------------------------- */

static bool held;

static int run_hold(void)
{
	struct job_spec spec = { .known = true, .size = 100 };
	struct ticket *t = NULL;
	int r = repl_begin(f.repl, JOB_OBJECT, "Tax/draft", &t);

	held = false;
	if (r < 0)
		return r;
	sweep_pause();
	stage(&f, "h", a_body, 100);
	must(kv_set(&spec.meta, "colour", "red"));
	sweep_resume();
	r = repl_hold(t, "Tax/draft", "h", &spec);
	held = r == 0;
	if (r == 0)
		r = repl_hold(t, "Tax/held", "h", &spec);
	repl_leave(t);
	sweep_pause();
	job_spec_free(&spec);
	sweep_resume();
	return r;
}

static void check_hold(int r, bool failed)
{
	const char *key = r == 0 ? "Tax/held" : "Tax/draft";
	unsigned n;

	(void)failed;
	remount();
	must(recover(&(struct recover_result){ 0 }));
	/* What was acknowledged is at the source now; under the new name, if that was, too. */
	n = fake_count(&f.s3, "src", "Tax/held") + fake_count(&f.s3, "src", "Tax/draft");
	CHECK_INT(n, held);
	CHECK(!held || r < 0 || fake_count(&f.s3, "src", key) == 1);
	check_agreed();
	free(a_body);
}

/* --- recovery --------------------------------------------------------------------------------- */

static void before_recover(void)
{
	before_commit();
	must(write_version("Tax/a", 100, "s1", NULL));
	must(run_hold());
	/* the version is made, its rows are not */
	{
		struct ticket *t;

		must(repl_begin(f.repl, JOB_OBJECT, "Tax/a", &t));
		source_put(&f, "Tax/a", ticket_token(t), a_body, 300);
		repl_leave(t);
	}
	remount();
}

static int run_recover(void)
{
	struct recover_result result = { 0 };

	return recover(&result);
}

static void check_recover(int r, bool failed)
{
	(void)r;
	(void)failed;
	check_agreed();
	free(a_body);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void before_worker(void)
{
	before_commit();
	must(write_version("Tax/a", 100, "s1", NULL));
	must(write_version("Tax/a", 200, NULL, "secret"));
	must(delete_key("Tax/a"));
}

/* By parts, out of the source. */
static void before_large(void)
{
	before_commit();
	must(write_version("Tax/large", LARGE, NULL, NULL));
}

/* Every row is done, or says why not. */
static int look_at_row(void *arg, const struct job *j)
{
	(void)arg;
	CHECK(j->state != JOB_PARKED || (j->code && *j->code && j->why && *j->why));
	return 0;
}

static bool settled(void)
{
	struct store_counts c;
	bool yes;

	sweep_pause();
	must(store_count(f.store, NULL, &c));
	yes = c.ready + c.claimed == 0;
	sweep_resume();
	return yes;
}

static int run_worker(void)
{
	/* One that fails for ever is not waited for. */
	int64_t deadline = clock_deadline(sweep_shared()->times > 1 ? 30 : 60000);
	struct workers *w;
	int r;

	w = start_workers(&r);
	if (!w)
		return r;
	while (!settled() && clock_mono_ms() < deadline)
		sched_yield();
	CHECK(settled() || sweep_shared()->times > 1 || sweep_shared()->hits > 0);
	end_workers(w);
	return 0;
}

static void check_worker(int r, bool failed)
{
	struct store_filter every = { 0 };

	(void)r;
	(void)failed;
	must(store_each_job(f.store, &every, look_at_row, NULL));
	check_agreed();
	free(a_body);
}

/* --- the store alone -------------------------------------------------------------------------- */

static int run_store(void)
{
	struct store_conf conf = { .dir = f.dir, .instance = "three" };
	struct store *s = SCENE_UNTOUCHED(struct store *);
	struct store_lag lag = { 0 };
	auto_free char *text = NULL;
	char why[300] = "";
	int64_t ticket = 0;
	int r = store_open(&conf, &s, why, sizeof(why));

	SCENE_SAME(r, s);
	CHECK(r >= 0 || *why);
	if (r < 0)
		return r;
	r = store_begin(s, JOB_OBJECT, "key", "token", &ticket);
	if (r == 0)
		r = store_note_upload(s, ticket, "source", "key", "id");
	if (r == 0)
		r = store_abandon(s, ticket);
	if (r == 0)
		r = store_put_info(s, "name", "value");
	if (r == 0)
		r = store_get_info(s, "name", &text);
	if (r == 0) {
		CHECK_STR(text, "value");
		r = store_get_lag(s, COPY, "tax", 0, &lag);
	}
	if (r == 0)
		store_lag_free(&lag);
	store_close(s);
	return r;
}

static void check_store(int r, bool failed)
{
	(void)r;
	(void)failed;
	fixture_free(&f);
}

#define SCENE_STORE (SCENE_MEMORY | SCENE_SQL | SCENE_FILE)

const struct scene queue_scenes[] = {
	{ .name = "store", .before = before, .run = run_store, .after = check_store,
	  .kinds = SCENE_STORE,
	  /* a page that cannot be read is damaged, to SQLite's check of the file */
	  .also = { -EROFS, -EUCLEAN } },
	{ .name = "commit", .before = before_commit, .run = run_commit, .after = check_commit,
	  .kinds = SCENE_STORE },
	{ .name = "hold", .before = before_commit, .run = run_hold, .after = check_hold,
	  .kinds = SCENE_STORE },
	{ .name = "recover", .before = before_recover, .run = run_recover, .after = check_recover,
	  .kinds = SCENE_STORE | SCENE_S3 },
	{ .name = "worker", .before = before_worker, .run = run_worker, .after = check_worker,
	  .kinds = SCENE_STORE | SCENE_S3 | SCENE_THREAD },
	{ .name = "worker_large", .before = before_large, .run = run_worker, .after = check_worker,
	  .kinds = SCENE_STORE | SCENE_S3 },
	{ 0 },
};
