#include "queue/repl_i.h"
#include "tests/unit/queue_fixture.h"

static struct queue_fixture f;

static void remount(void)
{
	fixture_close(&f);
	fixture_open(&f, "two", RULES_TWO, 64 * MIB);
}

static const char *failed_dir; /* NULL: as the staging directory */

static bool unversioned;

static struct recover_result recover(void)
{
	struct recover_conf conf = { .store = f.store,
				     .repl = f.repl,
				     .unversioned = unversioned,
				     .dests = f.dests,
				     .source = f.source,
				     .pool = f.pool,
				     .staging_dir = f.staging,
				     .failed_dir = failed_dir ? failed_dir : f.staging };
	struct recover_result r = { 0 };

	CHECK_INT(recover_run(&conf, &r), 0);
	return r;
}

static void check_result(struct recover_result r, unsigned committed, unsigned abandoned,
			 unsigned uploaded, unsigned left)
{
	CHECK_INT(r.committed, committed);
	CHECK_INT(r.abandoned, abandoned);
	CHECK_INT(r.uploaded, uploaded);
	CHECK_INT(r.left, left);
}

static struct ticket *begin(enum job_kind kind, const char *key, char token[33])
{
	struct ticket *t;

	must(repl_begin(f.repl, kind, key, &t));
	snprintf(token, 33, "%s", ticket_token(t));
	return t;
}

/* Killed after the PUT, before it, and between the parts. */
static void test_objects(void)
{
	char token[33];
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	t = begin(JOB_OBJECT, "Tax/made", token);
	source_put(&f, "Tax/made", token, "hello", 5);
	/* Somebody wrote the key after us: ours is an older version, found all the same. */
	source_put(&f, "Tax/made", "other", "HELLO", 5);
	repl_leave(t);
	repl_leave(begin(JOB_OBJECT, "Tax/never", token));
	t = begin(JOB_OBJECT, "Tax/parts", token);
	lock_take(&f.s3.l);
	f.s3.uploads[0] = (struct fake_upload){ .bucket = fake_dup("src"),
						.key = fake_dup("Tax/parts"),
						.id = fake_dup("u1") };
	f.s3.uploads[1] = (struct fake_upload){ .bucket = fake_dup("copy"),
						.key = fake_dup("Tax/parts"),
						.id = fake_dup("u2") };
	f.s3.uploads_n = 2;
	lock_drop(&f.s3.l);
	repl_note_source(t, "Tax/parts", "u1");
	/* the third ticket of a new store */
	must(store_note_upload(f.store, 3, COPY, "Tax/parts", "u2"));
	repl_leave(t);
	stage(&f, "left-over", "x", 1);
	must(store_forget_strays(f.store)); /* it is no new queue any more */
	remount();
	check_result(recover(), 1, 2, 0, 0);
	CHECK_STR(jobs_text(&f), "object Tax/made copy ready; ");
	CHECK_INT(tickets(&f), 0);
	CHECK(!f.s3.uploads[0].id && !f.s3.uploads[1].id);
	CHECK(!is_staged_there(&f, "left-over"));
	check_result(recover(), 0, 0, 0, 0);
	fixture_free(&f);
}

/* Our own tickets, of files that are open now, are no business of recovery. */
static void test_own(void)
{
	char token[33];
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	t = begin(JOB_OBJECT, "Tax/open", token);
	check_result(recover(), 0, 0, 0, 0);
	CHECK_INT(tickets(&f), 1);
	repl_abandon(t);
	fixture_free(&f);
}

static void hold(const char *key, const char *staged, const char *body, size_t n, char token[33])
{
	struct job_spec spec = { .known = true, .size = n };
	struct ticket *t = begin(JOB_OBJECT, key, token);

	must(kv_set(&spec.meta, "colour", "red"));
	must(kv_set(&spec.tags, "class", "secret"));
	stage(&f, staged, body, n);
	must(repl_hold(t, key, staged, &spec));
	repl_leave(t);
	job_spec_free(&spec);
}

static void test_held(void)
{
	size_t n = (size_t)(7 * MIB);
	char *body = pattern(n);
	const struct fake_version *v;
	char token[33];

	fixture_init(&f, RULES_TWO);
	hold("Tax/small", "h1", "hello", 5, token);
	hold("Tax/big", "h2", body, n, token);
	/* This one got there before the kill. */
	hold("Tax/there", "h3", "there", 5, token);
	source_put(&f, "Tax/there", token, "there", 5);
	remount();
	check_result(recover(), 3, 0, 2, 0);
	CHECK_INT(fake_count(&f.s3, "src", NULL), 3);
	v = fake_find(&f.s3, "src", "Tax/big", NULL);
	CHECK_INT(v->len, n);
	CHECK_MEM(v->body, body, n);
	CHECK_STR(kv_get(&v->headers, "x-amz-meta-colour"), "red");
	CHECK_STR(kv_get(&v->tags, "class"), "secret");
	CHECK_STR(jobs_text(&f),
		  "object Tax/small copy ready staged; object Tax/small tagged ready staged; "
		  "object Tax/big copy ready staged; object Tax/big tagged ready staged; "
		  "object Tax/there copy ready staged; ");
	CHECK(is_staged_there(&f, "h1") && is_staged_there(&f, "h2") && is_staged_there(&f, "h3"));
	CHECK_INT(tickets(&f), 0);
	fixture_free(&f);
	free(body);
}

static void test_source_down(void)
{
	char token[33];

	fixture_init(&f, RULES_TWO);
	repl_leave(begin(JOB_OBJECT, "Tax/a", token));
	repl_leave(begin(JOB_TAGS, "Tax/b", token));
	hold("Tax/c", "h1", "hello", 5, token);
	remount();
	fake_set_fault(&f.s3, "src", "", 0, NULL, -1);
	check_result(recover(), 0, 0, 0, 3);
	CHECK_INT(fake_logged(&f.s3, ""), 1);
	CHECK_INT(tickets(&f), 3);
	CHECK(is_staged_there(&f, "h1"));
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	check_result(recover(), 1, 2, 1, 0);
	fixture_free(&f);
}

static void test_tags_and_deletes(void)
{
	struct repl_facts facts = { .key = "Tax/twice" };
	struct job_spec empty = { 0 };
	char token[33];
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	source_put(&f, "Tax/a", NULL, "hello", 5);
	must(kv_set(&fake_find(&f.s3, "src", "Tax/a", NULL)->tags, "class", "secret"));
	repl_leave(begin(JOB_TAGS, "Tax/a", token));
	/* Deleted; still there; deleted long ago; deleted, and that ticket was committed. */
	fake_add(&f.s3, "src", "Tax/gone", NULL, 0)->marker = true;
	repl_leave(begin(JOB_DELETE, "Tax/gone", token));
	source_put(&f, "Tax/stays", NULL, "hello", 5);
	repl_leave(begin(JOB_DELETE, "Tax/stays", token));
	fake_add(&f.s3, "src", "Tax/old", NULL, 0)->marker = true;
	fake_find(&f.s3, "src", "Tax/old", NULL)->mtime_ms -= 3600 * 1000;
	repl_leave(begin(JOB_DELETE, "Tax/old", token));
	fake_add(&f.s3, "src", "Tax/twice", NULL, 0)->marker = true;
	t = begin(JOB_DELETE, "Tax/twice", token);
	facts.version = fake_find(&f.s3, "src", "Tax/twice", NULL)->id;
	facts.spec = &empty;
	must(repl_commit(t, &facts, NULL, NULL, 0));
	repl_leave(begin(JOB_DELETE, "Tax/twice", token));
	remount();
	check_result(recover(), 2, 3, 0, 0);
	CHECK_STR(jobs_text(&f), "delete Tax/twice copy ready; object Tax/a copy ready; "
				 "object Tax/a tagged ready; delete Tax/gone copy ready; ");
	fixture_free(&f);
}

/* Where deletes follow for rules with tags, those of the deleted version decide. */
static void test_delete_by_tags(void)
{
	char token[33];

	fixture_init(&f, RULES_TWO);
	f.repl->all_deletes = true;
	source_put(&f, "a", NULL, "hello", 5);
	must(kv_set(&fake_find(&f.s3, "src", "a", NULL)->tags, "class", "secret"));
	fake_add(&f.s3, "src", "a", NULL, 0)->marker = true;
	repl_leave(begin(JOB_DELETE, "a", token));
	source_put(&f, "b", NULL, "hello", 5);
	fake_add(&f.s3, "src", "b", NULL, 0)->marker = true;
	repl_leave(begin(JOB_DELETE, "b", token));
	remount();
	f.repl->all_deletes = true;
	check_result(recover(), 2, 0, 0, 0);
	CHECK_STR(jobs_text(&f), "delete a tagged ready; ");
	fixture_free(&f);
}

/* What a dead mount leaves of a rename from old to new: the ticket of the copy, the promise to
 * delete, and, where it got so far, the copy. */
static void half_a_rename(const char *old, const char *new, bool copied)
{
	struct job_spec of = spec_of(&f, old, NULL);
	char token[33];
	struct ticket *copy = begin(JOB_OBJECT, new, token), *promise;

	of.base.version = fake_dup(fake_find(&f.s3, "src", old, NULL)->id);
	of.base.etag = fake_dup(of.etag);
	must(repl_promise_delete(f.repl, old, copy, &of, &promise));
	if (copied)
		source_put(&f, new, token, "hello", 5);
	repl_leave(copy);
	repl_leave(promise);
	job_spec_free(&of);
}

/* Copied and not deleted; not copied; copied, and deleted; copied, and the old name has another
 * body since. */
static void test_renames(void)
{
	static const char *const keys[] = { "Tax/a", "Tax/b", "Tax/c", "Tax/d" };

	fixture_init(&f, RULES_TWO);
	for (size_t i = 0; i < array_size(keys); i++)
		source_put(&f, keys[i], NULL, "hello", 5);
	half_a_rename("Tax/a", "Tax/new-a", true);
	half_a_rename("Tax/b", "Tax/new-b", false);
	half_a_rename("Tax/c", "Tax/new-c", true);
	fake_add(&f.s3, "src", "Tax/c", NULL, 0)->marker = true;
	half_a_rename("Tax/d", "Tax/new-d", true);
	source_put(&f, "Tax/d", NULL, "anew!", 5);
	remount();
	check_result(recover(), 5, 3, 0, 0);
	CHECK_STR(jobs_text(&f), "object Tax/new-a copy ready; delete Tax/a copy ready; "
				 "object Tax/new-c copy ready; delete Tax/c copy ready; "
				 "object Tax/new-d copy ready; ");
	CHECK(fake_find(&f.s3, "src", "Tax/a", NULL)->marker);
	CHECK(!fake_find(&f.s3, "src", "Tax/b", NULL)->marker);
	CHECK(!fake_find(&f.s3, "src", "Tax/d", NULL)->marker);
	CHECK_INT(tickets(&f), 0);
	fixture_free(&f);
}

static void test_rename_source_down(void)
{
	fixture_init(&f, RULES_TWO);
	source_put(&f, "Tax/a", NULL, "hello", 5);
	half_a_rename("Tax/a", "Tax/new", true);
	remount();
	fake_set_fault(&f.s3, "src", "", 0, NULL, -1);
	check_result(recover(), 0, 0, 0, 2);
	CHECK_INT(tickets(&f), 2);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	check_result(recover(), 2, 0, 0, 0);
	CHECK(fake_find(&f.s3, "src", "Tax/a", NULL)->marker);
	fixture_free(&f);
}

/* A source without versions makes no markers: what is not there was deleted. */
static void test_unversioned(void)
{
	char token[33];

	fixture_init(&f, RULES_TWO);
	unversioned = true;
	source_put(&f, "Tax/stays", NULL, "hello", 5);
	repl_leave(begin(JOB_DELETE, "Tax/stays", token));
	repl_leave(begin(JOB_DELETE, "Tax/gone", token));
	remount();
	fake_set_fault(&f.s3, "src", "Tax/gone", 403, "AccessDenied", -1);
	check_result(recover(), 0, 1, 0, 1);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	check_result(recover(), 1, 0, 0, 0);
	CHECK_STR(jobs_text(&f), "delete Tax/gone copy ready; ");
	unversioned = false;
	fixture_free(&f);
}

/* Held when the last mount died, and left since the source is away. What is written then is newer,
 * and the older one never takes its place, also where no rule wants either. */
static void test_held_overtaken(void)
{
	struct repl_facts facts = { .key = "plain" };
	struct job_spec spec;
	char token[33];
	struct ticket *t;

	fixture_init(&f, RULES_TWO);
	t = begin(JOB_OBJECT, "plain", token);
	stage(&f, "h1", "older", 5);
	spec = (struct job_spec){ .known = true, .size = 5 };
	must(repl_hold(t, "plain", "h1", &spec));
	repl_leave(t);
	remount();
	fake_set_fault(&f.s3, "src", "", 0, NULL, -1);
	check_result(recover(), 0, 0, 0, 1);
	fake_set_fault(&f.s3, "", "", 0, NULL, 0);
	CHECK_INT(tickets(&f), 1);
	t = begin(JOB_OBJECT, "plain", token);
	facts.version = source_put(&f, "plain", token, "newer", 5);
	spec = spec_of(&f, "plain", token);
	facts.spec = &spec;
	must(repl_commit(t, &facts, NULL, NULL, 0));
	job_spec_free(&spec);
	check_result(recover(), 0, 1, 0, 0);
	CHECK_MEM(fake_find(&f.s3, "src", "plain", NULL)->body, "newer", 5);
	CHECK_INT(fake_count(&f.s3, "src", NULL), 1);
	CHECK_INT(tickets(&f), 0);
	fixture_free(&f);
}

/* A queue that was made anew does not know what was acknowledged: nothing is removed, once. */
static void test_strays(void)
{
	char failed[] = "/tmp/test_recover.XXXXXX", path[64];

	CHECK(mkdtemp(failed) != NULL);
	failed_dir = failed;
	fixture_init(&f, RULES_TWO);
	stage(&f, "stray", "x", 1);
	CHECK(store_keeps_strays(f.store));
	log_set_level(LOG_LEVEL_ERROR);
	check_result(recover(), 0, 0, 0, 0);
	CHECK(!is_staged_there(&f, "stray"));
	snprintf(path, sizeof(path), "%s/stray", failed);
	CHECK_INT(unlink(path), 0);
	CHECK(!store_keeps_strays(f.store));
	stage(&f, "later", "x", 1);
	check_result(recover(), 0, 0, 0, 0);
	CHECK(!is_staged_there(&f, "later"));
	CHECK_INT(rmdir(failed), 0);
	failed_dir = NULL;
	fixture_free(&f);
}

int main(void)
{
	test_objects();
	test_strays();
	test_own();
	test_held();
	test_source_down();
	test_tags_and_deletes();
	test_delete_by_tags();
	test_renames();
	test_rename_source_down();
	test_unversioned();
	test_held_overtaken();
	return check_done();
}
