#include "queue/store_scan.h"

#include "tests/unit/store_fixture.h"

static int count_scan(void *arg, const struct scan_row *r)
{
	struct buf *b = arg;

	return buf_addf(b, "%lld %s %s; ", (long long)r->id, r->watch ? "watch" : "resync",
			scan_state_name(r->state));
}

static void check_scans(struct store *s, const char *want)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(store_each_scan(s, count_scan, &b), 0);
	CHECK_STR(buf_str(&b), want);
}

static void test_rows(void)
{
	struct store *s = fresh();
	struct scan_row row = { 0 };
	int64_t id = 0, other = 0;

	CHECK_INT(store_scan_next(s, false, &row), -ENOENT);
	CHECK_INT(store_scan_add(s, false, "{\"a\":1}", &id), 0);
	CHECK_INT(store_scan_add(s, false, "{}", &other), 0);
	CHECK_INT(store_scan_next(s, true, &row), -ENOENT);
	CHECK_INT(store_scan_next(s, false, &row), 0);
	CHECK(row.id == id && !row.watch && row.state == SCAN_RUNNING && row.started_ms > 0);
	CHECK(row.since_ms == row.started_ms && row.started_ms % 1000 == 0);
	CHECK_STR(row.args, "{\"a\":1}");
	CHECK_STR(row.key_marker, NULL);
	row.seen = 5;
	row.queued = 3;
	row.skipped = 1;
	row.refused = 2;
	row.busy = 4;
	row.upto_ms = 77;
	CHECK_INT(str_dup("k", &row.key_marker), 0);
	CHECK_INT(store_scan_save(s, &row), 0);
	scan_row_free(&row);
	CHECK_INT(store_scan_get(s, id, &row), 0);
	CHECK(row.seen == 5 && row.queued == 3 && row.skipped == 1 && row.upto_ms == 77);
	CHECK(row.refused == 2 && row.busy == 4);
	CHECK_STR(row.key_marker, "k");
	row.state = SCAN_DONE;
	CHECK_INT(store_scan_save(s, &row), 0);
	CHECK_INT(store_scan_save(s, &row), -ENOENT); /* it does not run any more */
	CHECK_INT(store_scan_stop(s, id), -ENOENT);
	scan_row_free(&row);
	CHECK_INT(store_scan_stop(s, other), 0);
	CHECK_INT(store_scan_add(s, true, "{}", &id), 0);
	CHECK_INT(store_scan_stop(s, id), -ENOENT); /* the watch is the mount's */
	check_scans(s, "1 resync done; 2 resync stopped; 3 watch running; ");
	store_close(s);
}

static void add_scanned(struct store *s, const char *key, const char *version, int64_t batch,
			bool repair)
{
	struct job j = make_job(JOB_OBJECT, key, version, A);

	j.batch = batch;
	j.repair = repair;
	j.class = JOB_BACKFILL;
	j.spec.size = 10;
	CHECK_INT(store_commit(s, 0, &j, NULL, 1), 0);
}

static int report(void *arg, const struct job *j, bool late)
{
	struct buf *b = arg;

	return buf_addf(b, "%s %s %s%s; ", j->key, j->version, job_state_name(j->state),
			late ? " late" : "");
}

static void check_rows(struct store *s, int64_t id, const char *want)
{
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_SMALL);
	CHECK_INT(store_each_scanned(s, id, report, &b), 0);
	CHECK_STR(buf_str(&b), want);
}

static void finish(struct store *s, enum outcome_kind kind)
{
	struct outcome o = { .kind = kind };
	auto_with(job_free) struct job j = { 0 };
	auto_free char *unstaged = NULL;

	CHECK(claim_at(s, 5000, &j) > 0);
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
}

static void check_load(struct store *s, unsigned max, uint64_t ready, uint64_t held, bool paused)
{
	struct scan_load load = { 0 };

	CHECK_INT(store_scan_load(s, A, max, &load), 0);
	CHECK_INT(load.ready, ready);
	CHECK_INT(load.held, held);
	CHECK_INT(load.paused, paused);
	CHECK_INT(store_scan_load(s, B, max, &load), 0);
	CHECK(load.ready == 0 && load.held == 0 && !load.paused);
}

/* What waits behind a row, parked or not, is not ready. */
static void test_load(void)
{
	const struct store_dest paused = { .dest = A, .paused = true };
	struct store *s = fresh();

	add_scanned(s, "a", "v1", 7, false);
	add_scanned(s, "a", "v2", 7, false);
	add_scanned(s, "b", "v3", 8, false);
	check_load(s, 1000, 2, 3, false);
	finish(s, OUTCOME_PARK);
	check_load(s, 1000, 1, 2, false);
	CHECK_INT(store_put_dest(s, &paused), 0);
	check_load(s, 1, 1, 2, true);
	store_close(s);
}

static void test_work(void)
{
	struct store *s = fresh();
	struct scan_left left = { 0 };
	bool was = true;

	add_scanned(s, "a", "v1", 7, false);
	add_scanned(s, "a", "v2", 7, true);
	add_scanned(s, "b", "v3", 8, false);
	add_scanned(s, "c", "v4", 0, false);
	CHECK_INT(store_scan_left(s, 7, &left), 0);
	CHECK(left.rows == 2 && left.bytes == 20);
	check_load(s, 1, 1, 4, false);
	check_load(s, 1000, 3, 4, false);
	finish(s, OUTCOME_DONE);
	finish(s, OUTCOME_PARK);
	check_rows(s, 7, "a v1 done late; a v2 parked; ");
	check_rows(s, 8, "b v3 ready; ");
	CHECK_INT(store_scan_left(s, 7, &left), 0);
	CHECK(left.rows == 0);
	/* only this version, only what is parked, only there */
	CHECK_INT(store_scan_retry(s, 9, A, "a", "v1", &was), 0);
	CHECK(!was);
	CHECK_INT(store_scan_retry(s, 9, B, "a", "v2", &was), 0);
	CHECK(!was);
	CHECK_INT(store_scan_retry(s, 9, A, "b", "v3", &was), 0);
	CHECK(!was);
	CHECK_INT(store_scan_retry(s, 9, A, "a", "v2", &was), 0);
	CHECK(was);
	check_rows(s, 9, "a v2 ready; ");
	store_close(s);
}

int main(void)
{
	fixture_start();
	test_rows();
	test_load();
	test_work();
	fixture_end();
	return check_done();
}
