#include <sched.h>

#include "queue/repl_i.h"
#include "queue/store_i.h"
#include "tests/unit/queue_fixture.h"

static struct queue_fixture f;

static struct ticket *begin(enum job_kind kind, const char *key)
{
	struct ticket *t = NULL;

	must(repl_begin(f.repl, kind, key, &t));
	return t;
}

/* Writes body under key at the source and commits; staged may be NULL. */
static int write_file(const char *key, const char *staged, const char *tag, struct ticket *t)
{
	const char *version = source_put(&f, key, ticket_token(t), "hello", 5);
	struct job_spec spec;
	struct repl_facts facts = { .key = key, .version = version, .spec = &spec };
	int err;

	spec = spec_of(&f, key, ticket_token(t));
	if (tag)
		must(kv_set(&spec.tags, "class", tag));
	if (staged)
		stage(&f, staged, "hello", 5);
	err = repl_commit(t, &facts, staged, NULL, 0);
	job_spec_free(&spec);
	return err;
}

static void test_rows(void)
{
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	t = begin(JOB_OBJECT, "Tax/a");
	CHECK_INT(strlen(ticket_token(t)), 32);
	CHECK_INT(tickets(&f), 1);
	CHECK_INT(write_file("Tax/a", "s1", NULL, t), 0);
	CHECK_INT(tickets(&f), 0);
	CHECK_STR(jobs_text(&f), "object Tax/a copy ready staged; ");
	CHECK(is_staged_there(&f, "s1"));
	/* Nobody wants it: no row, no file. */
	CHECK_INT(write_file("other", "s2", NULL, begin(JOB_OBJECT, "other")), 0);
	CHECK(!is_staged_there(&f, "s2"));
	CHECK_STR(jobs_text(&f), "object Tax/a copy ready staged; ");
	/* Two destinations, and the order of the pair. */
	CHECK_INT(write_file("Tax/a", "s3", "secret", begin(JOB_OBJECT, "Tax/a")), 0);
	CHECK_STR(jobs_text(&f),
		  "object Tax/a copy ready staged; object Tax/a copy waiting staged; "
		  "object Tax/a tagged ready staged; ");
	t = begin(JOB_OBJECT, "Tax/b");
	repl_abandon(t);
	repl_abandon(NULL);
	CHECK_INT(tickets(&f), 0);
	t = begin(JOB_OBJECT, "Tax/b");
	repl_leave(t);
	CHECK_INT(tickets(&f), 1);
	fixture_free(&f);
}

/* A rule that needs a prefix only: other keys have no row, until they are held or renamed. */
static void test_loose(void)
{
	struct rule_set *tax;
	struct job_spec spec = { .known = true, .size = 5 };
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	tax = rules_from("<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</"
			 "Role><Rule><Prefix>Tax/"
			 "</Prefix><Status>Enabled</Status><Destination><Bucket>" COPY "</Bucket>"
			 "</Destination></Rule></ReplicationConfiguration>");
	repl_set_rules(f.repl, tax);
	rules_unref(tax);
	t = begin(JOB_OBJECT, "other");
	CHECK_INT(tickets(&f), 0);
	CHECK_INT(repl_rekey(t, "Tax/c"), 0);
	CHECK_STR(ticket_key(t), "Tax/c");
	CHECK_INT(tickets(&f), 1);
	CHECK_INT(repl_rekey(t, "elsewhere"), 0);
	CHECK_INT(write_file("elsewhere", NULL, NULL, t), 0);
	CHECK_INT(tickets(&f), 0);
	t = begin(JOB_OBJECT, "other");
	stage(&f, "h", "hello", 5);
	CHECK_INT(repl_hold(t, "other2", "h", &spec), 0);
	CHECK_INT(tickets(&f), 1);
	CHECK(store_is_staged(f.store, "h"));
	CHECK_INT(repl_rekey(t, "Tax/d"), 0);
	CHECK_INT(write_file("Tax/d", "h", NULL, t), 0);
	CHECK_STR(jobs_text(&f), "object Tax/d copy ready staged; ");
	/* Without markers a V2 rule never wants a delete. */
	repl_set_rules(f.repl, f.rules);
	t = begin(JOB_DELETE, "x");
	CHECK_INT(tickets(&f), 0);
	repl_abandon(t);
	fixture_free(&f);
}

static bool all(void *arg, const char *dest)
{
	(void)arg;
	(void)dest;
	return true;
}

static int finish_one(void)
{
	auto_with(job_free) struct job j = { 0 };
	struct outcome o = { .kind = OUTCOME_DONE, .replica_version = "r1" };
	auto_free char *unstaged = NULL;
	int64_t due;
	int r;

	r = store_claim(f.store, clock_wall_ms() + 1000, all, NULL, &j, &due);
	if (r != 1)
		return r;
	must(store_finish(f.store, &j, &o, &unstaged));
	if (unstaged)
		repl_release_staged(f.repl, unstaged);
	return 1;
}

static int commit_tags(const char *key, const char *version, const char *class)
{
	struct ticket *t = begin(JOB_TAGS, key);
	struct job_spec spec = spec_of(&f, key, "tok");
	struct repl_facts facts = { .key = key, .version = version, .spec = &spec };
	int err;

	if (class)
		must(kv_set(&spec.tags, "class", class));
	err = repl_commit(t, &facts, NULL, NULL, 0);
	job_spec_free(&spec);
	return err;
}

static int note_status(void *arg, const struct repl_status *s)
{
	return buf_addf(arg, "%s %s %s; ", s->dest + 13, job_state_name(s->state),
			s->replica_version ? s->replica_version : "-");
}

static int note_reason(void *arg, const struct repl_status *s)
{
	return buf_addf(arg, "%s %s %s", job_state_name(s->state), s->reason, s->why);
}

/* The object is there; what came after it and FAILED is what the version's status says. */
static void test_fold_of_changes(void)
{
	static const enum job_kind kinds[] = { JOB_TAGS, JOB_ACL, JOB_RETENTION, JOB_LEGAL_HOLD };
	const struct outcome failed = { .kind = OUTCOME_PARK,
					.reason = "DstPutAclNotPermitted",
					.code = "AccessDenied",
					.why = "no" };

	for (size_t i = 0; i < array_size(kinds); i++) {
		auto_with(job_free) struct job got = { 0 };
		auto_with(buf_free) struct buf b;
		auto_free char *unstaged = NULL;
		struct job change = { .kind = kinds[i], .key = (char *)(uintptr_t) "Tax/a" };
		const char *word = NULL;
		int64_t next;

		buf_init(&b, 1000);
		fixture_init(&f, RULES_TWO);
		CHECK_INT(write_file("Tax/a", "s1", NULL, begin(JOB_OBJECT, "Tax/a")), 0);
		CHECK_INT(finish_one(), 1);
		change.version = fake_find(&f.s3, "src", "Tax/a", NULL)->id;
		change.dest = (char *)(uintptr_t)COPY;
		CHECK_INT(store_commit(f.store, 0, &change, NULL, 1), 0);
		CHECK_INT(store_claim(f.store, INT64_MAX, all, NULL, &got, &next), 1);
		CHECK_INT(store_finish(f.store, &got, &failed, &unstaged), 0);
		CHECK_INT(repl_fold_status(f.repl, "Tax/a", change.version, &word), 0);
		CHECK_STR(word, "FAILED");
		CHECK_INT(repl_each_status(f.repl, "Tax/a", change.version, note_reason, &b), 0);
		CHECK_STR(buf_str(&b), "parked DstPutAclNotPermitted no");
		fixture_free(&f);
	}
}

static void test_tags_and_status(void)
{
	auto_with(buf_free) struct buf b;
	const char *word = NULL;
	char version[32];

	buf_init(&b, 1000);
	fixture_init(&f, RULES_TWO);
	CHECK_INT(write_file("Tax/a", "s1", NULL, begin(JOB_OBJECT, "Tax/a")), 0);
	snprintf(version, sizeof(version), "%s", fake_find(&f.s3, "src", "Tax/a", NULL)->id);
	CHECK_INT(repl_fold_status(f.repl, "Tax/a", version, &word), 0);
	CHECK_STR(word, "PENDING");
	CHECK_INT(finish_one(), 1);
	CHECK(!is_staged_there(&f, "s1"));
	CHECK_INT(repl_fold_status(f.repl, "Tax/a", version, &word), 0);
	CHECK_STR(word, "COMPLETED");
	CHECK_INT(repl_fold_status(f.repl, "Tax/a", "v0", &word), 0);
	CHECK_STR(word, "");
	/* It was copied to copy: tags only. It never was to tagged: the object. */
	CHECK_INT(commit_tags("Tax/a", version, "secret"), 0);
	CHECK_STR(jobs_text(&f),
		  "object Tax/a copy done; tags Tax/a copy ready; object Tax/a tagged ready; ");
	CHECK_INT(repl_each_status(f.repl, "Tax/a", version, note_status, &b), 0);
	CHECK_STR(buf_str(&b), "copy ready r1; tagged ready -; ");
	CHECK_INT(finish_one(), 1);
	CHECK_INT(finish_one(), 1);
	/* The tag goes: tagged does not match any more, and hears of it all the same. */
	CHECK_INT(commit_tags("Tax/a", version, NULL), 0);
	CHECK_STR(jobs_text(&f),
		  "object Tax/a copy done; tags Tax/a copy done; object Tax/a tagged done; "
		  "tags Tax/a copy ready; tags Tax/a tagged ready; ");
	fixture_free(&f);
}

static void test_replica_and_delete(void)
{
	struct job_spec spec = { .known = true, .size = 5 };
	struct repl_facts facts = { .key = "Tax/a", .version = "v1", .spec = &spec };

	fixture_init(&f, RULES_TWO);
	must(kv_set(&spec.meta, REPL_META_REPLICA, "elsewhere"));
	CHECK_INT(repl_commit(begin(JOB_OBJECT, "Tax/a"), &facts, NULL, NULL, 0), 0);
	CHECK_STR(jobs_text(&f), "");
	job_spec_free(&spec);
	CHECK_INT(repl_commit(begin(JOB_DELETE, "Tax/a"), &facts, NULL, NULL, 0), 0);
	CHECK_STR(jobs_text(&f), "delete Tax/a copy ready; ");
	fixture_free(&f);
}

static void test_staging_max(void)
{
	fixture_init(&f, RULES_TWO);
	fixture_close(&f);
	fixture_open(&f, "one", RULES_TWO, 12);
	CHECK_INT(write_file("Tax/a", "s1", NULL, begin(JOB_OBJECT, "Tax/a")), 0);
	CHECK_INT(write_file("Tax/b", "s2", NULL, begin(JOB_OBJECT, "Tax/b")), 0);
	CHECK(is_staged_there(&f, "s1"));
	CHECK_INT(write_file("Tax/c", "s3", NULL, begin(JOB_OBJECT, "Tax/c")), 0);
	CHECK(!is_staged_there(&f, "s1"));
	CHECK(is_staged_there(&f, "s2") && is_staged_there(&f, "s3"));
	/* A later mount counts what is there, and here has less room. */
	fixture_close(&f);
	fixture_open(&f, "two", RULES_TWO, 5);
	CHECK(!is_staged_there(&f, "s2"));
	CHECK(is_staged_there(&f, "s3"));
	fixture_close(&f);
	fixture_open(&f, "two", RULES_TWO, 4);
	CHECK(!is_staged_there(&f, "s3"));
	CHECK_INT(write_file("Tax/d", "s4", NULL, begin(JOB_OBJECT, "Tax/d")), 0);
	CHECK(!is_staged_there(&f, "s4"));
	CHECK_STR(jobs_text(&f),
		  "object Tax/a copy ready; object Tax/b copy ready; object Tax/c copy ready; "
		  "object Tax/d copy ready; ");
	fixture_free(&f);
}

static void sql(const char *text)
{
	db_lock(f.store->db);
	must(db_exec(f.store->db, text));
	db_unlock(f.store->db);
}

/* --- early uploads ---------------------------------------------------------------------------- */

#define EARLY_BYTES ((size_t)(11 * MIB))

struct memory {
	const char *body;
	int refs;
	uint64_t gen;
};

static int memory_read(void *arg, void *dst, size_t n, uint64_t off)
{
	memcpy(dst, ((struct memory *)arg)->body + off, n);
	return 0;
}

static uint64_t memory_gen(void *arg, unsigned part)
{
	(void)part;
	return __atomic_load_n(&((struct memory *)arg)->gen, __ATOMIC_ACQUIRE);
}

static void memory_retain(void *arg)
{
	__atomic_add_fetch(&((struct memory *)arg)->refs, 1, __ATOMIC_ACQ_REL);
}

static void memory_release(void *arg)
{
	__atomic_sub_fetch(&((struct memory *)arg)->refs, 1, __ATOMIC_ACQ_REL);
}

static void wait_for_parts(struct upload *u, size_t n)
{
	struct mpu_part parts[8];
	int64_t end = clock_mono_ms() + 10000;

	while (upload_parts(u, parts, 8) < n && clock_mono_ms() < end)
		sched_yield();
}

/* Both whole parts are sent before the version is there and its row written. */
static void commit_early(struct memory *m, const char *colour, bool rewrite)
{
	struct upload_src src = { memory_read, memory_gen, memory_retain, memory_release, m, NULL };
	struct repl_early e[4];
	struct repl_facts facts = { .key = "Tax/big" };
	struct job_spec spec = { .known = true };
	struct ticket *t = begin(JOB_OBJECT, "Tax/big");
	size_t n;

	must(kv_set(&spec.meta, "colour", "red"));
	must(kv_set(&spec.meta, REPL_META_ID, ticket_token(t)));
	/* Only copy: whether tagged wants it is for the tags to say. */
	n = repl_early_new(t, &spec, &src, e, 4);
	job_spec_free(&spec);
	if (!CHECK_INT(n, 1))
		exit(1);
	CHECK_STR(dest_bucket(e[0].dest), "copy");
	upload_offer(e[0].upload, 1);
	upload_offer(e[0].upload, 2);
	wait_for_parts(e[0].upload, 2);
	if (rewrite)
		__atomic_store_n(&m->gen, 2, __ATOMIC_RELEASE);
	facts.version = source_put(&f, "Tax/big", ticket_token(t), m->body, EARLY_BYTES);
	spec = spec_of(&f, "Tax/big", ticket_token(t));
	must(kv_set(&spec.meta, "colour", colour));
	facts.spec = &spec;
	CHECK_INT(repl_commit(t, &facts, NULL, e, n), 0);
	job_spec_free(&spec);
}

/* The next row, claimed, and how many parts are known of it. */
static size_t claim(struct job *ret_j)
{
	struct mpu_part *parts = NULL;
	size_t parts_n = 0;
	int64_t due;

	CHECK_INT(store_claim(f.store, clock_wall_ms() + 1000, all, NULL, ret_j, &due), 1);
	CHECK_INT(store_get_parts(f.store, ret_j->id, &parts, &parts_n), 0);
	free(parts);
	return parts_n;
}

static void early_case(const char *name, const char *colour, bool rewrite, bool want_kept,
		       size_t want_parts)
{
	char *body = pattern(EARLY_BYTES);
	struct memory m = { .body = body, .gen = 1 };
	auto_with(job_free) struct job j = { 0 };
	struct upload *u;

	CHECK_CASE(name);
	fixture_init(&f, RULES_TWO);
	commit_early(&m, colour, rewrite);
	CHECK_INT(claim(&j), want_parts);
	u = repl_take_upload(f.repl, &j);
	CHECK_INT(u != NULL, want_kept);
	CHECK_INT(j.upload_id != NULL, want_kept);
	CHECK(!repl_take_upload(f.repl, &j));
	upload_drop(u);
	fixture_free(&f);
	CHECK_INT(m.refs, 0);
	free(body);
	CHECK_CASE(NULL);
}

/* Nobody took it before the end, as where the destination is dead: the next mount goes on from what
 * was sent, also from what no row says yet. */
static void test_early_untaken(void)
{
	char *body = pattern(EARLY_BYTES);
	struct memory m = { .body = body, .gen = 1 };
	auto_with(job_free) struct job j = { 0 };

	fixture_init(&f, RULES_TWO);
	commit_early(&m, "red", false);
	sql("DELETE FROM part");
	sql("UPDATE job SET upload_id = NULL");
	fixture_close(&f);
	CHECK_INT(m.refs, 0);
	fixture_open(&f, "two", RULES_TWO, 64 * MIB);
	CHECK_INT(claim(&j), 2);
	CHECK(j.upload_id != NULL);
	CHECK(f.s3.uploads[0].id && strcmp(j.upload_id, f.s3.uploads[0].id) == 0);
	fixture_free(&f);
	free(body);
}

/* --- rows that cannot be written --------------------------------------------------------------- */

/* The rows of Tax/a, and only those. */
static void break_rows(void)
{
	sql("CREATE TEMP TRIGGER broken BEFORE INSERT ON main.job WHEN NEW.key = 'Tax/a'"
	    " BEGIN SELECT RAISE(ABORT, 'as the test wants'); END");
}

static void mend_rows(void)
{
	sql("DROP TRIGGER temp.broken");
}

static int write_and_leave(const char *key, const char *staged)
{
	struct ticket *t = begin(JOB_OBJECT, key);
	int err = write_file(key, staged, NULL, t);

	if (err < 0)
		repl_leave(t);
	return err;
}

static int delete_and_leave(const char *key)
{
	struct ticket *t = begin(JOB_DELETE, key);
	const struct job_spec none = { 0 };
	const struct repl_facts facts = { .key = key, .version = "marker", .spec = &none };
	int err = repl_commit(t, &facts, NULL, NULL, 0);

	if (err < 0)
		repl_leave(t);
	return err;
}

/* The source has the version, and the mount goes on: later changes of the key do not overtake it,
 * and when rows can be written again all of them are, in their order. */
static void test_left(void)
{
	const char *version;

	fixture_init(&f, RULES_TWO);
	break_rows();
	CHECK(write_and_leave("Tax/a", "s1") < 0);
	version = fake_find(&f.s3, "src", "Tax/a", NULL)->id;
	CHECK(delete_and_leave("Tax/a") < 0);
	CHECK_INT(write_and_leave("Tax/b", NULL), 0);
	CHECK_STR(jobs_text(&f), "object Tax/b copy ready; ");
	CHECK_INT(tickets(&f), 2);
	CHECK_INT(repl_wait(f.repl, "Tax/a", version, clock_deadline(60000)), -EIO);
	CHECK(repl_retry_left(f.repl) < 0);
	mend_rows();
	CHECK_INT(write_and_leave("Tax/a", NULL), 0);
	CHECK_INT(tickets(&f), 0);
	CHECK_STR(jobs_text(&f), "object Tax/b copy ready; object Tax/a copy ready staged; "
				 "delete Tax/a copy waiting; object Tax/a copy waiting; ");
	CHECK(is_staged_there(&f, "s1"));
	fixture_free(&f);
	/* nobody changes the key again */
	fixture_init(&f, RULES_TWO);
	break_rows();
	CHECK(write_and_leave("Tax/a", NULL) < 0);
	mend_rows();
	CHECK_INT(repl_retry_left(f.repl), 0);
	CHECK_INT(tickets(&f), 0);
	CHECK_STR(jobs_text(&f), "object Tax/a copy ready; ");
	/* the end comes first: recovery's */
	break_rows();
	CHECK(write_and_leave("Tax/a", NULL) < 0);
	CHECK_INT(tickets(&f), 1);
	fixture_free(&f);
}

int main(void)
{
	test_rows();
	test_loose();
	test_tags_and_status();
	test_fold_of_changes();
	test_replica_and_delete();
	test_staging_max();
	early_case("as it was sent", "red", false, true, 2);
	early_case("other metadata", "blue", false, false, 0);
	early_case("rewritten: the parts are sent again", "red", true, true, 0);
	test_early_untaken();
	test_left();
	return check_done();
}
