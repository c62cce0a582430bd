#include "queue/store.h"

#include "tests/unit/store_fixture.h"

/* --- ledger, prune ---------------------------------------------------------------------------- */

struct seen {
	struct store *s;
	char text[2048];
	int n;
	int stop_at;
};

static int see_replica(void *arg, const struct store_replica *r)
{
	struct seen *v = arg;
	size_t len = strlen(v->text);

	v->n++;
	CHECK(r->done_ms > 0);
	snprintf(v->text + len, sizeof(v->text) - len, "%s:%s:%s%s ",
		 r->version ? r->version : "NULL", strrchr(r->dest, ':') + 1,
		 r->replica_version ? r->replica_version : "NULL",
		 r->delete_marker ? ":marker" : "");
	return v->n == v->stop_at ? -ECANCELED : 0;
}

static void check_ledger(struct store *s, const char *key, const char *version, const char *want)
{
	struct seen v = { .s = s };

	CHECK_INT(store_each_replica(s, key, version, see_replica, &v), 0);
	CHECK_STR(v.text, want);
}

static bool selected(struct store *s, const char *key, const char *version, const char *dest)
{
	bool was = false;

	CHECK_INT(store_was_selected(s, JOB_OBJECT, key, version, dest, &was), 0);
	return was;
}

static void finish_with(struct store *s, const char *replica, const char *code)
{
	struct outcome o = { .kind = OUTCOME_DONE };
	auto_with(job_free) struct job j = { 0 };
	auto_free char *unstaged = NULL;

	snprintf(o.replica_version, sizeof(o.replica_version), "%s", replica);
	snprintf(o.code, sizeof(o.code), "%s", code);
	CHECK(claim_at(s, 5000, &j) > 0);
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
}

static void test_ledger(void)
{
	struct seen v = { .stop_at = 1 };
	struct store *s = fresh();

	CHECK(!selected(s, "k", "v1", A));
	CHECK(add(s, "k", "v1", A) > 0);
	CHECK(selected(s, "k", "v1", A) && !selected(s, "k", "v1", B) &&
	      !selected(s, "k", "v2", A));
	finish_with(s, "R1", "");
	CHECK(add(s, "k", "v1", B) > 0);
	finish_with(s, "", "");
	CHECK(add_job(s, make_job(JOB_DELETE, "k", "v2", A)) > 0);
	finish_with(s, "R2", "");
	CHECK(add_job(s, make_job(JOB_TAGS, "k", "v3", A)) > 0);
	finish_with(s, "R3", "");
	CHECK(add(s, "k", "v4", A) > 0);
	finish_with(s, "", "NoSuchVersion");
	check_ledger(s, "k", NULL, "v1:alpha:R1 v1:beta:NULL v2:alpha:R2:marker ");
	check_ledger(s, "k", "v1", "v1:alpha:R1 v1:beta:NULL ");
	check_ledger(s, "k", "v2", "v2:alpha:R2:marker ");
	check_ledger(s, "k", "v3", "");
	check_ledger(s, "other", NULL, "");
	CHECK_INT(store_each_replica(s, "k", NULL, see_replica, &v), -ECANCELED);
	CHECK_INT(v.n, 1);
	CHECK(!selected(s, "k", "v2", A) && !selected(s, "k", "v3", A));
	/* The same version again: the newest replica counts. */
	CHECK(add(s, "k", "v1", A) > 0);
	finish_with(s, "R9", "");
	check_ledger(s, "k", "v1", "v1:alpha:R9 v1:beta:NULL ");
	/* A bucket without versions. */
	CHECK(add(s, "u", NULL, A) > 0);
	CHECK(selected(s, "u", NULL, A));
	finish_with(s, "U", "");
	check_ledger(s, "u", NULL, "NULL:alpha:U ");
	check_ledger(s, "u", "", "NULL:alpha:U ");
	CHECK(add(s, "open", "v", A) > 0);
	CHECK_INT(counts(s, NULL).done, 7);
	CHECK_INT(store_prune(s, 60000), 0);
	CHECK_INT(counts(s, NULL).done, 7);
	CHECK_INT(store_prune(s, -1000), 0);
	CHECK_INT(counts(s, NULL).done, 0);
	CHECK_INT(counts(s, NULL).ready, 1);
	CHECK(selected(s, "k", "v1", A) && selected(s, "u", NULL, A));
	check_ledger(s, "k", "v1", "v1:alpha:R9 v1:beta:NULL ");
	check_sound(s);
	store_close(s);
}

/* A try to add one row of v1, made from what was seen at since_ms. */
static bool add_quietly(struct store *s, int64_t since_ms)
{
	struct job j = make_job(JOB_OBJECT, "k", "v1", A);
	bool added = false;

	CHECK_INT(store_add_if_quiet(s, since_ms, &j, 1, &added), 0);
	CHECK_INT(j.id > 0, added);
	return added;
}

static void test_add_if_quiet(void)
{
	int64_t before = clock_wall_ms(), after = before + 1000000, ticket = 0;
	struct store *s = fresh();

	CHECK_CASE("a change of the key is under way");
	CHECK_INT(store_begin(s, JOB_OBJECT, "k", "token", &ticket), 0);
	CHECK(!add_quietly(s, after));
	CHECK_INT(store_abandon(s, ticket), 0);

	CHECK_CASE("of another key, for another destination");
	CHECK_INT(store_begin(s, JOB_OBJECT, "other", "token", &ticket), 0);
	CHECK(add(s, "k", "v2", B) > 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK(add_quietly(s, before));

	CHECK_CASE("a row that waits");
	CHECK(!add_quietly(s, after));
	CHECK(work(s, OUTCOME_PARK) > 0);
	CHECK(!add_quietly(s, after));

	CHECK_CASE("done since, and before");
	CHECK_INT(sql(s->db, "UPDATE job SET state = 2 WHERE state = 5"), 0);
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK(!add_quietly(s, before));
	CHECK_INT(sql(s->db, "DELETE FROM ledger WHERE dest = '" A "'"), 0);
	CHECK(!add_quietly(s, before));
	CHECK(add_quietly(s, after));

	CHECK_CASE("only the ledger knows");
	CHECK(work(s, OUTCOME_DONE) > 0);
	CHECK_INT(sql(s->db, "DELETE FROM job"), 0);
	CHECK(!add_quietly(s, before));
	CHECK(add_quietly(s, after));
	store_close(s);
}

static void test_prune_many(void)
{
	struct job jobs[300];
	struct store *s = fresh();

	for (size_t i = 0; i < array_size(jobs); i++)
		jobs[i] = make_job(JOB_OBJECT, "k", "v", A);
	for (int i = 0; i < 5; i++)
		CHECK_INT(store_commit(s, 0, jobs, NULL, array_size(jobs)), 0);
	CHECK_INT(sql(s->db, "UPDATE job SET state = 4, done_ms = 1 WHERE id > 1"), 0);
	CHECK_INT(counts(s, A).done, 1499);
	CHECK_INT(store_prune(s, 0), 0);
	CHECK_INT(counts(s, A).done, 0);
	CHECK(add(s, "k", "v", A) > 1500); /* an id is never used again */
	check_sound(s);
	store_close(s);
}

/* --- what a job carries ----------------------------------------------------------------------- */

static int64_t add_staged(struct store *s, const char *key, const char *dest, const char *staged)
{
	struct job j = make_job(JOB_OBJECT, key, "v", dest);

	j.staged = (char *)(uintptr_t)staged;
	return add_job(s, j);
}

static void check_unstaged(struct store *s, enum outcome_kind kind, const char *want)
{
	struct outcome o = { .kind = kind, .due_ms = 1 };
	auto_with(job_free) struct job j = { 0 };
	auto_free char *unstaged = NULL;

	CHECK(claim_at(s, clock_wall_ms() + 1000, &j) > 0);
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
	CHECK_STR(unstaged, want);
}

static void test_staged(void)
{
	struct job_spec spec = { .known = true };
	auto_free char *oldest = NULL;
	auto_free char *none = NULL;
	struct store *s = fresh();
	int64_t ticket = 0;
	uint64_t n;

	CHECK_INT(store_oldest_staged(s, &none), -ENOENT);
	CHECK(add_staged(s, "a", A, "f1") > 0 && add_staged(s, "b", B, "f1") > 0);
	CHECK(store_is_staged(s, "f1") && !store_is_staged(s, "f2"));
	check_unstaged(s, OUTCOME_DONE, NULL);
	check_unstaged(s, OUTCOME_LATER, NULL);
	check_unstaged(s, OUTCOME_PARK, NULL);
	CHECK(store_is_staged(s, "f1"));
	CHECK_INT(store_retry(s, NULL, NULL, &n), 0);
	check_unstaged(s, OUTCOME_DONE, "f1");
	CHECK(!store_is_staged(s, "f1"));

	/* A held ticket needs it too, and has the only copy. */
	CHECK_INT(store_begin(s, JOB_OBJECT, "t", "t", &ticket), 0);
	CHECK_INT(store_hold(s, ticket, "t", "f3", &spec), 0);
	CHECK(store_is_staged(s, "f3"));
	CHECK(add_staged(s, "c", A, "f3") > 0 && add_staged(s, "d", A, "f4") > 0);
	CHECK_INT(store_oldest_staged(s, &oldest), 0);
	CHECK_STR(oldest, "f4");
	CHECK_INT(store_unstage(s, "f3"), -EPERM);
	check_unstaged(s, OUTCOME_DONE, NULL);
	CHECK_INT(store_unstage(s, "f4"), 0);
	CHECK_INT(store_unstage(s, "f4"), 0);
	CHECK_INT(store_oldest_staged(s, &none), -ENOENT);
	check_unstaged(s, OUTCOME_DONE, NULL); /* it was taken from the row */
	CHECK_INT(store_abandon(s, ticket), 0);
	CHECK(!store_is_staged(s, "f3"));
	CHECK(none == NULL);
	store_close(s);
}

static void test_parts(void)
{
	struct mpu_part p = { 3, "e3", 300, { true, UINT32_MAX } }, *got = NULL;
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	int64_t id = add(s, "k", "v", A);
	size_t n = 9;

	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK_INT(n, 0);
	free(got);
	CHECK_INT(store_put_upload(s, id, "up1", MPU_SUM_NONE), 0);
	CHECK_INT(store_put_upload(s, 999, "up1", MPU_SUM_NONE), -ENOENT);
	CHECK_INT(store_put_part(s, 999, &p), -ENOENT);
	for (unsigned i = 40; i > 0; i--) {
		p.number = i;
		p.size = i * 100;
		CHECK_INT(store_put_part(s, id, &p), 0);
	}
	p.size = 7;
	p.crc.known = false;
	CHECK_INT(store_put_part(s, id, &p), 0); /* the first part, again */
	CHECK_INT(store_put_upload(s, id, "up1", MPU_SUM_NONE),
		  0); /* the same upload keeps its parts */
	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK_INT(n, 40);
	CHECK(n == 40 && got[0].size == 7 && got[0].number == 1 && got[39].number == 40);
	CHECK_STR(got[39].etag, "e3");
	CHECK(!got[0].crc.known && got[39].crc.known && got[39].crc.value == UINT32_MAX);
	free(got);
	CHECK_INT(store_put_upload(s, id, "up2", MPU_SUM_NONE), 0);
	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK_INT(n, 0);
	free(got);
	CHECK_INT(store_put_part(s, id, &p), 0);
	CHECK_INT(store_put_upload(s, id, NULL, MPU_SUM_NONE), 0);
	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK_INT(n, 0);
	free(got);
	CHECK_INT(store_put_upload(s, id, "up3", MPU_SUM_CRC32C), 0);
	CHECK_INT(store_put_part(s, id, &p), 0);
	CHECK_INT(claim_at(s, 5000, &j), id);
	CHECK_STR(j.upload_id, "up3");
	CHECK_INT(j.upload_sum, MPU_SUM_CRC32C);
	CHECK_INT(finish_as(s, &j, OUTCOME_LATER), 0); /* an upload outlives a failure */
	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK_INT(n, 1);
	free(got);
	CHECK_INT(work(s, OUTCOME_DONE), id);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM part"), 0);
	store_close(s);
}

/* --- questions -------------------------------------------------------------------------------- */

static int see_job(void *arg, const struct job *j)
{
	struct seen *v = arg;
	size_t len = strlen(v->text);
	bool was;

	v->n++;
	if (len < 200)
		snprintf(v->text + len, sizeof(v->text) - len, "%s/%s/%s/%s ", j->key,
			 j->version ? j->version : "NULL", strrchr(j->dest, ':') + 1,
			 job_state_name(j->state));
	CHECK_INT(store_was_selected(v->s, JOB_OBJECT, "k", "v", A, &was), 0); /* fn may ask */
	return v->n == v->stop_at ? 77 : 0;
}

static void check_jobs(struct store *s, struct store_filter f, const char *want)
{
	struct seen v = { .s = s };

	CHECK_INT(store_each_job(s, &f, see_job, &v), 0);
	CHECK_STR(v.text, want);
}

#define JOBS(want, ...) check_jobs(s, (struct store_filter){ __VA_ARGS__ }, want)

static void test_each_job(void)
{
	struct seen v = { .stop_at = 2 };
	struct store *s = fresh();

	CHECK(add(s, "a", "1", A) > 0);
	CHECK_INT(work(s, OUTCOME_DONE), 1);
	CHECK(add(s, "a", "2", A) > 0);
	CHECK_INT(work(s, OUTCOME_PARK), 2);
	CHECK(add(s, "a", "2", B) > 0 && add(s, "a", "3", A) > 0 && add(s, "b", NULL, A) > 0);
	JOBS("a/1/alpha/done a/2/alpha/parked a/2/beta/ready a/3/alpha/waiting b/NULL/alpha/ready ",
	     .dest = NULL);
	JOBS("a/1/alpha/done a/2/alpha/parked ", .limit = 2);
	JOBS("a/2/beta/ready ", .dest = B);
	JOBS("a/1/alpha/done a/2/alpha/parked a/2/beta/ready a/3/alpha/waiting ", .key = "a");
	JOBS("a/2/alpha/parked a/3/alpha/waiting ", .key = "a", .dest = A, .unfinished = true);
	JOBS("a/2/alpha/parked a/2/beta/ready ", .key = "a", .version = "2");
	JOBS("a/2/alpha/parked ", .key = "a", .version = "2", .parked = true);
	JOBS("a/2/alpha/parked a/2/beta/ready ", .version = "2");
	JOBS("b/NULL/alpha/ready ", .key = "b");
	JOBS("b/NULL/alpha/ready ", .key = "b", .version = "");
	JOBS("", .key = "b", .version = "x");
	JOBS("a/2/alpha/parked ", .parked = true);
	JOBS("", .parked = true, .dest = B);
	JOBS("a/2/alpha/parked a/2/beta/ready a/3/alpha/waiting b/NULL/alpha/ready ",
	     .unfinished = true);
	v.s = s;
	CHECK_INT(store_each_job(s, &(struct store_filter){ .limit = 0 }, see_job, &v), 77);
	CHECK_INT(v.n, 2);
	for (int i = 0; i < 200; i++)
		CHECK(add(s, "many", "v", A) > 0);
	v = (struct seen){ .s = s };
	CHECK_INT(store_each_job(s, &(struct store_filter){ .key = "many" }, see_job, &v), 0);
	CHECK_INT(v.n, 200);
	v = (struct seen){ .s = s };
	CHECK_INT(store_each_job(s, &(struct store_filter){ .limit = 130 }, see_job, &v), 0);
	CHECK_INT(v.n, 130);
	store_close(s);
}

static void test_counts(void)
{
	struct job j = make_job(JOB_OBJECT, "k", "v", A);
	struct store_counts c;
	struct store *s = fresh();

	c = counts(s, NULL);
	CHECK(c.ready == 0 && c.oldest_ms == 0 && c.bytes == 0);
	j.spec = (struct job_spec){ .known = true, .size = 1000 };
	j.created_ms = 50;
	CHECK(add_job(s, j) > 0);
	j.created_ms = 60;
	CHECK(add_job(s, j) > 0);
	j.dest = (char *)(uintptr_t)B;
	j.created_ms = 70;
	CHECK(add_job(s, j) > 0);
	j.kind = JOB_DELETE;
	CHECK(add_job(s, j) > 0);
	c = counts(s, NULL);
	CHECK(c.waiting == 2 && c.ready == 2 && c.bytes == 3000 && c.oldest_ms == 50);
	c = counts(s, B);
	CHECK(c.waiting == 1 && c.ready == 1 && c.bytes == 1000 && c.oldest_ms == 70);
	c = counts(s, "arn:unknown");
	CHECK(c.waiting == 0 && c.oldest_ms == 0);
	CHECK_INT(work(s, OUTCOME_DONE), 1);
	c = counts(s, A);
	CHECK(c.done == 1 && c.ready == 1 && c.waiting == 0 && c.bytes == 1000 &&
	      c.oldest_ms == 60);
	CHECK(claim_id(s) > 0);
	c = counts(s, NULL);
	CHECK_INT(c.claimed, 1);
	check_sound(s);
	store_close(s);
}

static int see_dest(void *arg, const struct store_dest *d)
{
	struct seen *v = arg;
	size_t len = strlen(v->text);

	snprintf(v->text + len, sizeof(v->text) - len, "%s:%d:%lld:%lld:%s ",
		 strrchr(d->dest, ':') + 1, d->paused, (long long)d->until_ms,
		 (long long)d->since_ms, d->why ? d->why : "NULL");
	return 0;
}

static void test_dest_info(void)
{
	struct store *s = fresh();
	struct seen v = { .s = s };
	auto_free char *text = NULL;

	CHECK_INT(store_each_dest(s, see_dest, &v), 0);
	CHECK_STR(v.text, "");
	CHECK_INT(store_put_dest(s, &(struct store_dest){ .dest = B, .since_ms = 1 }), 0);
	CHECK_INT(store_put_dest(s, &(struct store_dest){ .dest = A,
							  .paused = true,
							  .until_ms = 9,
							  .since_ms = 2,
							  .why = "403" }),
		  0);
	CHECK_INT(store_put_dest(s, &(struct store_dest){ .dest = B, .since_ms = 3 }), 0);
	CHECK_INT(store_each_dest(s, see_dest, &v), 0);
	CHECK_STR(v.text, "alpha:1:9:2:403 beta:0:0:3:NULL ");
	CHECK_INT(store_get_info(s, "bucket", &text), -ENOENT);
	CHECK_INT(store_put_info(s, "bucket", "one"), 0);
	CHECK_INT(store_put_info(s, "bucket", "two"), 0);
	CHECK_INT(store_get_info(s, "bucket", &text), 0);
	CHECK_STR(text, "two");
	store_close(s);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static int see_ticket(void *arg, const struct store_ticket *t)
{
	struct seen *v = arg;

	v->n++;
	CHECK(t->key != NULL);
	return 0;
}

static void test_damaged(void)
{
	static const char *const harm[] = {
		"UPDATE job SET spec = '{\"known\":' WHERE id = 1",
		"UPDATE job SET spec = x'00ff' WHERE id = 1",
		"UPDATE job SET kind = 42 WHERE id = 1",
		"UPDATE job SET attempt = -1 WHERE id = 1",
	};

	for (size_t i = 0; i < array_size(harm); i++) {
		auto_with(job_free) struct job j = { 0 };
		struct store *s = fresh();
		struct seen v = { .s = s };
		int64_t ticket = 0;

		CHECK_CASE(harm[i]);
		CHECK(add(s, "a", "1", A) > 0 && add(s, "b", "1", A) > 0 &&
		      add(s, "a", "2", A) > 0);
		CHECK_INT(sql(s->db, harm[i]), 0);
		CHECK_INT(store_begin(s, JOB_OBJECT, "t", "t", &ticket), 0);
		CHECK_INT(store_begin(s, JOB_OBJECT, "t", "t", &ticket), 0);
		CHECK_INT(sql(s->db, "UPDATE ticket SET held = 1 WHERE id = 4"), 0);
		quiet(true);
		CHECK_INT(store_each_job(s, &(struct store_filter){ .limit = 0 }, see_job, &v),
			  -EIO);
		CHECK_INT(v.n, 2);
		CHECK_INT(claim_id(s), -EIO);
		quiet(false);
		CHECK_INT(counts(s, A).parked, 1);
		CHECK_INT(sql_number(s->read, "SELECT code = 'DamagedRow' FROM job WHERE id = 1"),
			  1);
		CHECK_INT(claim_at(s, 5000, &j), 2);
		CHECK_INT(claim_id(s), 0); /* the row behind the damaged one stays there */
		v.n = 0;
		quiet(true);
		CHECK_INT(store_each_ticket(s, true, see_ticket, &v), -EIO);
		quiet(false);
		CHECK_INT(v.n, 1);
		check_sound(s);
		store_close(s);
	}
	CHECK_CASE("");
}

static void test_unknown_state(void)
{
	struct store *s = fresh();
	struct store_counts c;
	struct seen v = { .s = s };

	CHECK(add(s, "a", "1", A) > 0);
	CHECK_INT(sql(s->db, "UPDATE job SET state = 9"), 0);
	quiet(true);
	CHECK_INT(store_each_job(s, &(struct store_filter){ .key = "a" }, see_job, &v), -EIO);
	CHECK_INT(store_count(s, NULL, &c), -EIO);
	quiet(false);
	CHECK_INT(claim_id(s), 0);
	store_close(s);
}

static void limit_pages(struct store *s, int64_t extra)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA max_page_count = %lld",
		 (long long)(extra < 0 ? 1 << 30
				       : sql_number(s->read, "PRAGMA page_count") + extra));
	CHECK_INT(sql(s->db, text), 0);
	CHECK_INT(sql(s->db, text), 0);
}

static void test_disk_full(void)
{
	struct store *s = fresh();
	auto_with(job_free) struct job held = { 0 };
	int64_t id = add(s, "first", "v", A), last = id, n = 0;
	char key[900];

	CHECK_INT(claim_at(s, 5000, &held), id);
	limit_pages(s, 8);
	memset(key, 'x', sizeof(key));
	quiet(true);
	do {
		snprintf(key + 800, sizeof(key) - 800, "%lld", (long long)n++);
		id = add(s, key, "v", A);
		last = id > 0 ? id : last;
	} while (id > 0 && n < 1000);
	quiet(false);
	CHECK_INT(id, -ENOSPC);
	CHECK(n > 1);
	check_sound(s);
	CHECK_INT(counts(s, A).ready, last - 1);
	CHECK_INT(finish_as(s, &held, OUTCOME_DONE), 0); /* needs no more room */
	limit_pages(s, -1);
	CHECK(add(s, key, "v", A) > last);
	check_sound(s);
	store_close(s);
	s = must_open("again");
	CHECK_INT(counts(s, A).done, 1);
	store_close(s);
}

int main(void)
{
	fixture_start();
	test_ledger();
	test_add_if_quiet();
	test_prune_many();
	test_staged();
	test_parts();
	test_each_job();
	test_counts();
	test_dest_info();
	test_damaged();
	test_unknown_state();
	test_disk_full();
	fixture_end();
	return check_done();
}
