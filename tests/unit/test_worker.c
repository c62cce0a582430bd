#include <sched.h>

#include "queue/store_i.h"
#include "queue/worker_i.h"
#include "tests/unit/queue_fixture.h"

static struct queue_fixture f;

/* --- what becomes of a row: a table ----------------------------------------------------------- */

static void test_decide(void)
{
	static const struct {
		const char *name;
		int err;
		struct s3_error e;
		unsigned attempt;
		enum outcome_kind kind;
		bool count;
	} rows[] = {
		{ "done", 0, { 0 }, 0, OUTCOME_DONE, false },
		{ "nothing to do", -ENODATA, { 0 }, 0, OUTCOME_DONE, false },
		{ "stopped", -ECANCELED, { .class = FAULT_RETRY }, 0, OUTCOME_LATER, false },
		{ "its base is coming", -EINPROGRESS, { 0 }, 0, OUTCOME_LATER, false },
		{ "no answer",
		  -EIO,
		  { .class = FAULT_RETRY, .code = "Transport" },
		  9,
		  OUTCOME_LATER,
		  true },
		{ "throttled",
		  -EIO,
		  { .status = 503, .class = FAULT_RETRY, .code = "SlowDown" },
		  0,
		  OUTCOME_LATER,
		  true },
		{ "out of memory", -ENOMEM, { 0 }, 0, OUTCOME_LATER, true },
		{ "denied",
		  -EACCES,
		  { .status = 403, .class = FAULT_AUTH, .code = "AccessDenied" },
		  0,
		  OUTCOME_PARK,
		  true },
		{ "expired",
		  -EACCES,
		  { .status = 403, .class = FAULT_AUTH, .code = "ExpiredToken" },
		  0,
		  OUTCOME_LATER,
		  true },
		{ "full",
		  -ENOSPC,
		  { .status = 507, .class = FAULT_AUTH, .code = "QuotaExceeded" },
		  0,
		  OUTCOME_LATER,
		  true },
		{ "no bucket",
		  -ENOENT,
		  { .status = 404, .class = FAULT_GONE, .code = "NoSuchBucket" },
		  0,
		  OUTCOME_PARK,
		  true },
		{ "no upload",
		  -ENOENT,
		  { .status = 404, .class = FAULT_GONE, .code = "NoSuchUpload" },
		  0,
		  OUTCOME_LATER,
		  true },
		{ "wrong",
		  -EIO,
		  { .status = 400, .class = FAULT_BAD, .code = "InvalidArgument" },
		  0,
		  OUTCOME_PARK,
		  true },
		{ "differs",
		  -EIO,
		  { .class = FAULT_CONFLICT, .code = COPY_DIFFERS },
		  1,
		  OUTCOME_LATER,
		  true },
		{ "differs still",
		  -EIO,
		  { .class = FAULT_CONFLICT, .code = COPY_DIFFERS },
		  2,
		  OUTCOME_PARK,
		  true },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		struct worker_facts facts = { .err = rows[i].err,
					      .error = &rows[i].e,
					      .version = "r",
					      .attempt = rows[i].attempt,
					      .now_ms = 5000,
					      .first_ms = 1000,
					      .max_ms = 8000,
					      .rnd = UINT32_MAX };
		struct outcome o;

		CHECK_CASE(rows[i].name);
		worker_decide(&facts, &o);
		CHECK_INT(o.kind, rows[i].kind);
		CHECK_INT(o.count, rows[i].count);
		if (o.kind == OUTCOME_LATER && o.count)
			CHECK(o.due_ms > 5000 && o.due_ms <= 13000);
		if (o.kind == OUTCOME_LATER && !o.count)
			CHECK_INT(o.due_ms > 5000, rows[i].err == -EINPROGRESS);
		CHECK_STR(o.replica_version, rows[i].err == 0 ? "r" : "");
		CHECK_INT(o.code[0] != '\0', rows[i].err != 0 && rows[i].err != -ECANCELED &&
						     rows[i].err != -EINPROGRESS);
		CHECK_INT(o.why[0] != '\0', o.code[0] != '\0');
	}
	CHECK_CASE(NULL);
}

/* --- the threads ------------------------------------------------------------------------------ */

static struct workers *start(unsigned threads)
{
	struct workers_conf conf = { .store = f.store,
				     .dests = f.dests,
				     .repl = f.repl,
				     .source = f.source,
				     .source_bucket = "src",
				     .staging_dir = f.staging,
				     .threads = threads,
				     .retry_first_ms = 20,
				     .retry_max_ms = 100 };
	struct workers *w;

	must(workers_new(&conf, &w));
	repl_on_ready(f.repl, workers_wake, w);
	must(workers_start(w));
	return w;
}

static void end(struct workers *w)
{
	repl_on_ready(f.repl, NULL, NULL);
	workers_stop(w);
	workers_free(w);
}

static int write_rows(const char *key, const char *staged, const char *body)
{
	struct ticket *t;
	struct job_spec spec;
	struct repl_facts facts = { .key = key, .spec = &spec };
	int err;

	must(repl_begin(f.repl, JOB_OBJECT, key, &t));
	facts.version = source_put(&f, key, ticket_token(t), body, strlen(body));
	lock_take(&f.s3.l);
	spec = spec_of(&f, key, ticket_token(t));
	lock_drop(&f.s3.l);
	if (staged)
		stage(&f, staged, body, strlen(body));
	err = repl_commit(t, &facts, staged, NULL, 0);
	if (err < 0)
		repl_leave(t);
	job_spec_free(&spec);
	return err;
}

static void write_file(const char *key, const char *staged, const char *body)
{
	must(write_rows(key, staged, body));
}

/* Until the store has so many rows in this state. */
static bool wait_for(enum job_state state, uint64_t n)
{
	int64_t deadline = clock_deadline(20000);
	struct store_counts c;

	do {
		must(store_count(f.store, NULL, &c));
		if ((state == JOB_DONE ? c.done : state == JOB_PARKED ? c.parked : c.ready) == n)
			return true;
		sched_yield();
	} while (clock_mono_ms() < deadline);
	return false;
}

static void test_many(void)
{
	struct workers *w;
	char key[32];

	fixture_init(&f, RULES_TWO);
	write_file("Tax/early", "s0", "early");
	w = start(4);
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "Tax/%d", i % 10);
		write_file(key, NULL, key);
	}
	CHECK(workers_drain(w, clock_deadline(20000)));
	CHECK(wait_for(JOB_DONE, 41));
	CHECK_INT(fake_count(&f.s3, "copy", NULL), 41);
	CHECK_INT(fake_count(&f.s3, "copy", "Tax/3"), 4);
	CHECK(!is_staged_there(&f, "s0"));
	end(w);
	fixture_free(&f);
}

static void sql(const char *text)
{
	db_lock(f.store->db);
	must(db_exec(f.store->db, text));
	db_unlock(f.store->db);
}

/* Rows that could not be written are written when they can be, though nothing else happens. */
static void test_left(void)
{
	struct workers *w;

	fixture_init(&f, RULES_TWO);
	w = start(2);
	sql("CREATE TEMP TRIGGER broken BEFORE INSERT ON main.job"
	    " BEGIN SELECT RAISE(ABORT, 'as the test wants'); END");
	CHECK(write_rows("Tax/a", "s0", "left") < 0);
	CHECK_INT(tickets(&f), 1);
	sql("DROP TRIGGER temp.broken");
	CHECK(wait_for(JOB_DONE, 1));
	CHECK_INT(tickets(&f), 0);
	CHECK_INT(fake_count(&f.s3, "copy", "Tax/a"), 1);
	end(w);
	fixture_free(&f);
}

struct seen {
	bool paused;
	char why[200];
};

static int note_dest(void *arg, const struct store_dest *d)
{
	struct seen *s = arg;

	s->paused = d->paused;
	snprintf(s->why, sizeof(s->why), "%s", d->why ? d->why : "");
	return 0;
}

static void test_dead_destination(void)
{
	int64_t deadline = clock_deadline(20000);
	struct seen seen = { 0 };
	struct workers *w;

	fixture_init(&f, RULES_TWO);
	fake_set_fault(&f.s3, "copy", "", 0, NULL, -1);
	w = start(2);
	for (int i = 0; i < 5; i++) {
		char key[32];

		snprintf(key, sizeof(key), "Tax/%d", i);
		write_file(key, NULL, "x");
	}
	while (!seen.paused && clock_mono_ms() < deadline)
		must(store_each_dest(f.store, note_dest, &seen));
	CHECK(seen.paused);
	CHECK(strstr(seen.why, "connection reset") != NULL);
	/* What a paused destination holds back is nothing to wait for. */
	CHECK(workers_drain(w, clock_deadline(5000)));
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	CHECK(wait_for(JOB_DONE, 5));
	must(store_each_dest(f.store, note_dest, &seen));
	CHECK(!seen.paused);
	CHECK_INT(fake_count(&f.s3, "copy", NULL), 5);
	end(w);
	fixture_free(&f);
}

/* The source's trouble is not the destination's. */
static void test_source_trouble(void)
{
	struct seen seen = { 0 };
	struct workers *w;

	fixture_init(&f, RULES_TWO);
	fake_set_fault(&f.s3, "src", "GET", 503, "SlowDown", 6);
	w = start(2);
	write_file("Tax/a", NULL, "x");
	CHECK(wait_for(JOB_DONE, 1));
	must(store_each_dest(f.store, note_dest, &seen));
	CHECK(!seen.paused);
	end(w);
	fixture_free(&f);
}

static int note_why(void *arg, const struct job *j)
{
	if (j->why)
		snprintf(arg, 200, "%s %s", j->code, j->why);
	return 0;
}

static void test_parked(void)
{
	struct store_filter parked = { .parked = true };
	struct workers *w;
	char why[200] = "";
	uint64_t n = 0;

	fixture_init(&f, RULES_TWO);
	fake_set_fault(&f.s3, "copy", "PUT", 403, "AccessDenied", -1);
	w = start(2);
	write_file("Tax/a", NULL, "x");
	write_file("Tax/a", NULL, "y");
	CHECK(wait_for(JOB_PARKED, 1));
	CHECK(workers_drain(w, clock_deadline(5000)));
	must(store_each_job(f.store, &parked, note_why, why));
	CHECK(strncmp(why, "AccessDenied 403 AccessDenied", 29) == 0);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	CHECK_INT(store_retry(f.store, NULL, NULL, &n), 0);
	CHECK_INT(n, 1);
	workers_wake(w);
	CHECK(wait_for(JOB_DONE, 2));
	CHECK_INT(fake_find(&f.s3, "copy", "Tax/a", NULL)->body[0], 'y');
	end(w);
	fixture_free(&f);
}

/* A row of a destination that cannot be opened says so, and waits. */
static void test_no_destination(void)
{
	struct job j = { .kind = JOB_OBJECT,
			 .key = fake_dup("a"),
			 .version = fake_dup("v"),
			 .dest = fake_dup("nonsense"),
			 .created_ms = clock_wall_ms() };
	char why[200] = "";
	int64_t deadline = clock_deadline(20000);
	struct workers *w;

	fixture_init(&f, RULES_TWO);
	must(store_commit(f.store, 0, &j, NULL, 1));
	w = start(1);
	while (!*why && clock_mono_ms() < deadline)
		must(store_each_job(f.store, &(struct store_filter){ 0 }, note_why, why));
	CHECK_STR(why, "Destination Destination: nonsense is not the ARN of a bucket");
	end(w);
	CHECK(wait_for(JOB_READY, 1));
	job_free(&j);
	fixture_free(&f);
}

static void test_stop(void)
{
	struct workers *w;
	int64_t begun;

	fixture_init(&f, RULES_TWO);
	w = start(8);
	begun = clock_mono_ms();
	end(w);
	CHECK(clock_mono_ms() - begun < 30000); /* an idle one looks again after a minute */
	fixture_free(&f);
}

int main(void)
{
	test_decide();
	test_many();
	test_left();
	test_dead_destination();
	test_source_trouble();
	test_parked();
	test_no_destination();
	test_stop();
	return check_done();
}
