#include "queue/store_move.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/io.h"
#include "tests/unit/store_fixture.h"

static void write_file(const char *text, size_t n)
{
	char path[256];
	int fd = open(in_dir("queue.db", path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_INT(write(fd, text, n), (long long)n);
	close(fd);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void test_open(void)
{
	struct store *s = NULL;

	remove_db();
	CHECK_INT(try_open(NULL, true, &s), -ENOENT);
	CHECK(strstr(test_why, "queue.db") != NULL);
	s = must_open("one");
	CHECK_INT(sql_number(s->read, "PRAGMA user_version"), 4);
	CHECK_INT(sql_number(s->db, "PRAGMA foreign_keys"), 1);
	store_close(s);
	s = must_open("two");
	check_sound(s);
	store_close(s);
	store_close(NULL);
}

/* How often this process has read anything; 0 where that cannot be known. */
static uint64_t count_reads(void)
{
	auto_with(buf_free) struct buf b;
	const char *at = NULL;
	uint64_t n = 0;

	buf_init(&b, 4096);
	if (!io_read_file("/proc/self/io", 4096, &b))
		at = strstr(buf_str(&b), "syscr: ");
	return at && sscanf(at, "syscr: %" SCNu64, &n) == 1 ? n : 0;
}

/* What is acknowledged is synced, what is not is not, and neither reads the file again. */
static void test_syncs(void)
{
	struct store *s = fresh();
	uint64_t before = 0;

	for (int i = 0; i < 50; i++) {
		int64_t ticket = 0;

		if (i == 10)
			before = count_reads();
		CHECK_INT(store_begin(s, JOB_OBJECT, "k", "token", &ticket), 0);
		CHECK_INT(sql_number(s->db, "PRAGMA synchronous"), 2);
		CHECK_INT(store_put_info(s, "name", "value"), 0);
		CHECK_INT(sql_number(s->db, "PRAGMA synchronous"), 1);
		CHECK_INT(store_abandon(s, ticket), 0);
	}
	CHECK(count_reads() - before < 40 * 3);
	store_close(s);
}

static void refuse(const char *sql_text, const char *words)
{
	char path[256];
	struct db_conf conf = { .path = in_dir("queue.db", path), .sync = DB_SYNC_NORMAL };
	struct store *s = NULL;
	struct stat before, after;
	struct db *db = NULL;

	remove_db();
	CHECK_INT(db_open(&conf, &db, test_why, sizeof(test_why)), 0);
	CHECK_INT(sql(db, sql_text), 0);
	db_close(db);
	CHECK_INT(stat(path, &before), 0);
	CHECK_INT(try_open("x", false, &s), -EPROTO);
	CHECK(strstr(test_why, words) != NULL && strstr(test_why, path) != NULL);
	CHECK_INT(try_open("x", true, &s), -EPROTO);
	CHECK_INT(stat(path, &after), 0);
	CHECK(before.st_size == after.st_size && before.st_ino == after.st_ino);
}

static void test_refused(void)
{
	static const char text[] = "this is not a database at all, but the only copy of a poem\n"
				   "whose lines are so many that nobody takes it for a torn one\n";
	char got[sizeof(text)] = "", path[256];
	struct store *s = NULL;
	int fd;

	refuse("PRAGMA application_id = 1668444774; PRAGMA user_version = 99; CREATE TABLE x (a)",
	       "newer crrfs");
	refuse("CREATE TABLE customers (name)", "another program");
	refuse("PRAGMA application_id = 7", "another program");
	remove_db();
	write_file(text, sizeof(text) - 1);
	CHECK_INT(try_open("x", false, &s), -EUCLEAN);
	CHECK(strstr(test_why, "not a database") != NULL);
	CHECK_INT(try_open("x", true, &s), -EUCLEAN);
	fd = open(in_dir("queue.db", path), O_RDONLY | O_CLOEXEC);
	CHECK_INT(read(fd, got, sizeof(got)), (long long)sizeof(text) - 1);
	CHECK_STR(got, text);
	close(fd);
	CHECK(s == NULL);
	/* SQLite would take a file of no bytes for a new one, and remove its log. */
	remove_db();
	write_file("", 0);
	CHECK_INT(try_open("x", true, &s), -EUCLEAN);
	CHECK_INT(try_open("x", false, &s), -EUCLEAN);
	CHECK(strstr(test_why, "it has 0 bytes") != NULL &&
	      strstr(test_why, "queue repair") != NULL);
	remove_db();
	CHECK_INT(try_open("x", true, &s), -ENOENT);
}

/* A queue of format 3, with an upload that was begun without checksums: it is gone on with so. */
static void test_upgrade(void)
{
	struct mpu_part p = { 1, "e1", 100, { true, 7 } }, *got = NULL;
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	int64_t id = add(s, "k", "v", A);
	size_t n = 0;

	CHECK_INT(store_put_upload(s, id, "up", MPU_SUM_CRC32C), 0);
	CHECK_INT(store_put_part(s, id, &p), 0);
	CHECK_INT(sql(s->db, "ALTER TABLE job DROP COLUMN upload_sum;"
			     "ALTER TABLE part DROP COLUMN crc32c; PRAGMA user_version = 3"),
		  0);
	store_close(s);
	CHECK_INT(try_open("x", true, &s), -EROFS);
	CHECK(strstr(test_why, "has format 3 and must become 4") != NULL);
	s = must_open("two");
	CHECK_INT(sql_number(s->read, "PRAGMA user_version"), 4);
	CHECK_INT(claim_at(s, 5000, &j), id);
	CHECK_STR(j.upload_id, "up");
	CHECK_INT(j.upload_sum, MPU_SUM_NONE);
	CHECK_INT(store_get_parts(s, id, &got, &n), 0);
	CHECK(n == 1 && got[0].size == 100 && !got[0].crc.known);
	free(got);
	check_sound(s);
	store_close(s);
}

static void test_read_only(void)
{
	auto_with(job_free) struct job j = { 0 };
	struct outcome o = { .kind = OUTCOME_DONE };
	struct store *s = fresh(), *ro = NULL;
	auto_free char *text = NULL;
	int64_t id = 0;
	uint64_t n;

	CHECK(add(s, "k", "v", A) > 0);
	CHECK_INT(try_open(NULL, true, &ro), 0);
	CHECK_INT(counts(ro, NULL).ready, 1);
	CHECK(add(s, "k", "v2", A) > 0); /* while it looks */
	CHECK_INT(counts(ro, NULL).waiting, 1);
	CHECK_INT(store_begin(ro, JOB_OBJECT, "k", "t", &id), -EROFS);
	CHECK_INT(store_commit(ro, 0, &j, NULL, 0), -EROFS);
	CHECK_INT(store_claim(ro, 5000, allow_all, NULL, &j, &id), -EROFS);
	CHECK_INT(store_finish(ro, &j, &o, &text), -EROFS);
	CHECK_INT(store_retry(ro, NULL, NULL, &n), -EROFS);
	CHECK_INT(store_reset_claims(ro), -EROFS);
	CHECK_INT(store_put_info(ro, "a", "b"), -EROFS);
	CHECK_INT(store_get_info(ro, "a", &text), -ENOENT);
	store_close(ro);
	store_close(s);
}

/* --- tickets ---------------------------------------------------------------------------------- */

struct seen {
	struct store *s;
	char text[1024];
	int stop_at;
	int n;
	bool commit;
};

static int see_ticket(void *arg, const struct store_ticket *t)
{
	struct seen *v = arg;
	size_t len = strlen(v->text);

	v->n++;
	snprintf(v->text + len, sizeof(v->text) - len, "%s:%s:%s:%s:%s ", job_kind_name(t->kind),
		 t->key, t->token, t->instance, t->held ? t->staged : "-");
	if (v->commit) {
		struct job j = make_job(t->kind, t->key, "v", A);

		CHECK_INT(store_commit(v->s, t->id, &j, NULL, 1), 0);
		CHECK(add(v->s, "another", "v", A) > 0); /* begins and ends one more */
	}
	return v->n == v->stop_at ? -ECANCELED : 0;
}

static void test_tickets(void)
{
	auto_with(job_spec_free) struct job_spec spec = { .known = true, .size = 77 };
	struct store *s = fresh(), *other = must_open("dead");
	struct seen v = { .s = s };
	int64_t a = 0, b = 0, c = 0;
	uint64_t begun = 9, held = 9;

	CHECK_INT(kv_set(&spec.tags, "x", "y"), 0);
	CHECK_INT(store_begin(other, JOB_OBJECT, "a", "ta", &a), 0);
	CHECK_INT(store_begin(s, JOB_TAGS, "b", "tb", &b), 0);
	CHECK_INT(store_begin(other, JOB_DELETE, "c", "tc", &c), 0);
	CHECK(a > 0 && b > a && c > b);
	CHECK_INT(store_each_ticket(s, false, see_ticket, &v), 0);
	CHECK_STR(v.text, "object:a:ta:dead:- delete:c:tc:dead:- ");
	v = (struct seen){ .s = s };
	CHECK_INT(store_each_ticket(s, true, see_ticket, &v), 0);
	CHECK_INT(v.n, 3);
	v = (struct seen){ .s = s, .stop_at = 2 };
	CHECK_INT(store_each_ticket(s, true, see_ticket, &v), -ECANCELED);
	CHECK_INT(v.n, 2);
	CHECK_INT(store_hold(other, a, "a2", NULL, NULL), 0); /* another name, not held */
	CHECK_INT(store_count_tickets(s, &begun, &held), 0);
	CHECK(begun == 3 && held == 0);
	CHECK_INT(store_hold(other, a, "a3", "f1", &spec), 0);
	CHECK_INT(store_hold(other, a, "a4", NULL, NULL), 0); /* another name, still held */
	CHECK_INT(store_hold(other, 999, "a", "f", &spec), -ENOENT);
	CHECK_INT(store_hold(other, a, "a", "f", NULL), -EINVAL);
	CHECK_INT(store_count_tickets(s, &begun, &held), 0);
	CHECK(begun == 2 && held == 1);
	CHECK_INT(store_abandon(s, c), 0);
	CHECK_INT(store_abandon(s, c), 0);
	v = (struct seen){ .s = s, .commit = true };
	CHECK_INT(store_each_ticket(s, false, see_ticket, &v), 0);
	CHECK_STR(v.text, "object:a4:ta:dead:f1 ");
	CHECK_INT(counts(s, A).ready, 2);
	check_sound(s);
	store_close(other);
	store_close(s);
}

static int see_uploads(void *arg, const struct store_ticket *t)
{
	struct seen *v = arg;

	v->n++;
	CHECK_INT(t->uploads.n, v->n == 1 ? 2 : 0);
	if (v->n == 1) {
		CHECK_STR(kv_get(&t->uploads, "source"), "up-9");
		CHECK_STR(kv_get(&t->upload_keys, "source"), "k2");
		CHECK_STR(kv_get(&t->uploads, A), "up-2");
		CHECK_STR(kv_get(&t->upload_keys, A), "k");
		CHECK(t->held);
		CHECK_INT(t->spec.size, 5);
		CHECK_STR(kv_get(&t->spec.meta, "m"), "1");
		CHECK(t->created_ms > 0);
	}
	return 0;
}

static void test_ticket_uploads(void)
{
	auto_with(job_spec_free) struct job_spec spec = { .known = true, .size = 5 };
	struct store *s = fresh();
	struct seen v = { .s = s };
	int64_t t = 0, u = 0;

	CHECK_INT(kv_set(&spec.meta, "m", "1"), 0);
	CHECK_INT(store_begin(s, JOB_OBJECT, "k", "t", &t), 0);
	CHECK_INT(store_begin(s, JOB_OBJECT, "k", "t", &u), 0);
	CHECK_INT(store_note_upload(s, t, "source", "k", "up-1"), 0);
	CHECK_INT(store_note_upload(s, t, A, "k", "up-2"), 0);
	CHECK_INT(store_note_upload(s, t, B, "k", "up-3"), 0);
	CHECK_INT(store_note_upload(s, t, "source", "k2", "up-9"), 0);
	CHECK_INT(store_note_upload(s, 999, "source", "k", "up-1"), -ENOENT);
	CHECK_INT(store_drop_upload(s, t, B), 0);
	CHECK_INT(store_drop_upload(s, t, B), 0);
	CHECK_INT(store_hold(s, t, "k", "f", &spec), 0);
	CHECK_INT(store_each_ticket(s, true, see_uploads, &v), 0);
	CHECK_INT(v.n, 2);
	CHECK_INT(store_abandon(s, t), 0);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM ticket_upload"), 0);
	store_close(s);
}

/* --- the way of a job ------------------------------------------------------------------------- */

static void test_round_trip(void)
{
	static const struct mpu_part parts[] = { { .number = 2, .etag = "e2", .size = 200 },
						 { .number = 1, .etag = "e1", .size = 100 } };
	struct store_parts with = { parts, 2 };
	auto_with(job_free) struct job got = { 0 };
	struct mpu_part *back = NULL;
	struct job j = make_job(JOB_OBJECT, "dir/\xff\xfe k", "v1", A);
	struct store *s = fresh();
	int64_t ticket = 0;
	size_t n = 0;

	j.rule_id = (char *)(uintptr_t) "rule";
	j.storage_class = (char *)(uintptr_t) "GLACIER";
	j.token = (char *)(uintptr_t) "tok";
	j.staged = (char *)(uintptr_t) "body";
	j.upload_id = (char *)(uintptr_t) "up";
	j.due_ms = 4000;
	j.spec = (struct job_spec){ .known = true, .size = 300 };
	CHECK_INT(kv_set(&j.spec.meta, "crrfs-id", "tok"), 0);
	CHECK_INT(store_begin(s, JOB_OBJECT, j.key, "tok", &ticket), 0);
	CHECK_INT(store_commit(s, ticket, &j, &with, 1), 0);
	CHECK(j.id > 0 && j.state == JOB_READY);
	CHECK_INT(store_commit(s, ticket, &j, &with, 1), -ENOENT);
	CHECK(j.id == 0);
	CHECK_INT(counts(s, A).bytes, 300);
	CHECK_INT(counts(s, A).oldest_ms, 1000);
	CHECK_INT(claim_at(s, 3999, &got), 0);
	CHECK(claim_at(s, 4000, &got) > 0);
	CHECK_INT(got.kind, JOB_OBJECT);
	CHECK_INT(got.state, JOB_CLAIMED);
	CHECK_STR(got.key, j.key);
	CHECK_STR(got.version, "v1");
	CHECK_STR(got.dest, A);
	CHECK_STR(got.rule_id, "rule");
	CHECK_STR(got.storage_class, "GLACIER");
	CHECK_STR(got.token, "tok");
	CHECK_STR(got.staged, "body");
	CHECK_STR(got.upload_id, "up");
	CHECK_STR(kv_get(&got.spec.meta, "crrfs-id"), "tok");
	CHECK(got.spec.known && got.spec.size == 300 && !got.uncertain && got.attempt == 0);
	CHECK(got.due_ms == 4000 && got.created_ms == 1000);
	CHECK_INT(store_get_parts(s, got.id, &back, &n), 0);
	CHECK_INT(n, 2);
	CHECK(n == 2 && back[0].number == 1 && back[1].size == 200);
	free(back);
	kv_free(&j.spec.meta);
	store_close(s);
}

static void test_order(void)
{
	struct job two[2] = { make_job(JOB_OBJECT, "k", "v3", A),
			      make_job(JOB_OBJECT, "k", "v3", B) };
	struct store *s = fresh();
	int64_t a1 = add(s, "k", "v1", A), a2 = add(s, "k", "v2", A), other = add(s, "z", "v1", A);
	auto_with(job_free) struct job j = { 0 };

	CHECK_INT(store_commit(s, 0, two, NULL, 2), 0);
	CHECK(two[0].state == JOB_WAITING && two[1].state == JOB_READY);
	CHECK(a1 < a2 && a2 < two[0].id);
	CHECK_INT(claim_at(s, 5000, &j), a1);
	CHECK_INT(claim_id(s), other);
	CHECK_INT(claim_id(s), two[1].id);
	CHECK_INT(claim_id(s), 0); /* a2 waits for a1 */
	CHECK_INT(counts(s, A).waiting, 2);
	CHECK_INT(finish_as(s, &j, OUTCOME_LATER), 0);
	CHECK_INT(claim_id(s), a1); /* failing does not let the next one by */
	CHECK_INT(claim_id(s), 0);
	CHECK_INT(finish_as(s, &j, OUTCOME_PARK), 0);
	CHECK_INT(claim_id(s), 0);
	CHECK_INT(finish_as(s, &j, OUTCOME_DONE), -ENOENT); /* is not claimed */
	CHECK_INT(counts(s, A).parked, 1);
	check_sound(s);
	CHECK_INT(store_reset_claims(s), 0);
	CHECK_INT(counts(s, NULL).claimed, 0);
	CHECK_INT(counts(s, NULL).ready, 2);
	CHECK_INT(counts(s, NULL).parked, 1);
	store_close(s);
}

static void test_later(void)
{
	struct outcome o = { .kind = OUTCOME_LATER,
			     .due_ms = 9000,
			     .count = true,
			     .uncertain = true,
			     .code = "SlowDown",
			     .why = "503" };
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	auto_free char *unstaged = NULL;
	int64_t next = 0, id = add(s, "k", "v", A);

	CHECK_INT(claim_at(s, 5000, &j), id);
	CHECK(!j.uncertain);
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
	job_free(&j);
	CHECK_INT(store_claim(s, 8999, allow_all, NULL, &j, &next), 0);
	CHECK_INT(next, 9000);
	CHECK_INT(claim_at(s, 9000, &j), id);
	CHECK(j.uncertain && j.attempt == 1);
	CHECK_STR(j.code, "SlowDown");
	CHECK_STR(j.why, "503");
	o = (struct outcome){ .kind = OUTCOME_LATER, .due_ms = 1 };
	CHECK_INT(store_finish(s, &j, &o, &unstaged), 0);
	job_free(&j);
	CHECK_INT(claim_at(s, 9000, &j), id);
	CHECK(!j.uncertain && j.attempt == 1 && j.code == NULL);
	CHECK_INT(store_reset_claims(s), 0);
	job_free(&j);
	CHECK_INT(claim_at(s, 9000, &j), id);
	CHECK(j.uncertain); /* from an earlier run */
	CHECK(add(s, "new", "v", A) > id);
	job_free(&j);
	CHECK(claim_at(s, 9000, &j) > id);
	CHECK(!j.uncertain);
	job_free(&j);
	CHECK_INT(store_claim(s, 9000, allow_all, NULL, &j, &next), 0);
	CHECK(next == CLOCK_NEVER);
	CHECK(unstaged == NULL);
	store_close(s);
}

/* Who claimed one knows whether there is another for somebody else, and when. */
static void test_next_due(void)
{
	auto_with(job_free) struct job j = { 0 };
	struct job later = make_job(JOB_OBJECT, "later", "v", A);
	struct store *s = fresh();
	int64_t next = 0;

	CHECK(add(s, "k0", "v", A) > 0);
	CHECK(add(s, "k1", "v", A) > 0);
	CHECK_INT(store_claim(s, 5000, allow_all, NULL, &j, &next), 1);
	CHECK_INT(next, 5000);
	job_free(&j);
	CHECK_INT(store_claim(s, 5000, allow_all, NULL, &j, &next), 1);
	CHECK(next == CLOCK_NEVER);
	job_free(&j);
	later.due_ms = 9000;
	CHECK(add_job(s, later) > 0);
	CHECK(add(s, "k2", "v", A) > 0);
	CHECK_INT(store_claim(s, 5000, allow_all, NULL, &j, &next), 1);
	CHECK_STR(j.key, "k2");
	CHECK_INT(next, 9000);
	store_close(s);
}

struct allowing {
	const char *refuse;
	int asked_a, asked_b, said_yes;
};

static bool allow_some(void *arg, const char *dest)
{
	struct allowing *a = arg;

	a->asked_a += strcmp(dest, A) == 0;
	a->asked_b += strcmp(dest, B) == 0;
	if (a->refuse && strcmp(dest, a->refuse) == 0)
		return false;
	a->said_yes++;
	return true;
}

static void test_allow(void)
{
	struct job later = make_job(JOB_OBJECT, "l", "v", "arn:aws:s3:::gamma");
	struct allowing a = { .refuse = A };
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	int64_t next = 0, b;

	for (int i = 0; i < 100; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		CHECK(add(s, key, "v", A) > 0);
	}
	b = add(s, "k", "v", B);
	later.due_ms = 7000;
	CHECK(add_job(s, later) > 0);
	CHECK_INT(store_claim(s, 5000, allow_some, &a, &j, &next), 1);
	CHECK_INT(j.id, b);
	CHECK(a.asked_a == 1 && a.asked_b == 1 && a.said_yes == 1);
	job_free(&j);
	CHECK_INT(store_claim(s, 5000, allow_some, &a, &j, &next), 0);
	CHECK_INT(next, 7000);
	CHECK(a.asked_a == 2 && a.asked_b == 1); /* nothing is due for B: not asked */
	CHECK_INT(store_claim(s, 999, allow_some, &a, &j, &next), 0);
	CHECK_INT(next, 1000);
	CHECK_INT(a.asked_a, 2);
	a.refuse = NULL;
	CHECK_INT(store_claim(s, 5000, allow_some, &a, &j, &next), 1);
	CHECK_STR(j.key, "k0");
	CHECK_INT(a.said_yes, 2);
	store_close(s);
}

static void test_retry(void)
{
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	int64_t a1 = add(s, "a", "v1", A), a2 = add(s, "a", "v2", A), b = add(s, "a", "v1", B);
	uint64_t n = 0;

	CHECK_INT(work(s, OUTCOME_PARK), a1);
	CHECK_INT(work(s, OUTCOME_PARK), b);
	CHECK_INT(work(s, OUTCOME_DONE), 0);
	CHECK_INT(store_retry(s, A, "other", &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(store_retry(s, B, NULL, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(counts(s, A).parked, 1);
	CHECK_INT(claim_at(s, clock_wall_ms() + 1000, &j), b);
	CHECK(j.uncertain && j.attempt == 0);
	job_free(&j);
	CHECK_INT(store_retry(s, NULL, "a", &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(claim_at(s, clock_wall_ms() + 1000, &j), a1);
	CHECK_INT(finish_as(s, &j, OUTCOME_DONE), 0);
	CHECK_INT(claim_id(s), a2);
	check_sound(s);
	store_close(s);
}

static void test_tags(void)
{
	struct job t = make_job(JOB_TAGS, "k", "v1", A);
	auto_with(job_free) struct job j = { 0 };
	struct store *s = fresh();
	int64_t object = add(s, "k", "v1", A), first, second;

	first = add_job(s, t);
	CHECK(first > object);
	t.rule_id = (char *)(uintptr_t) "newer";
	CHECK_INT(add_job(s, t), first); /* taken over */
	CHECK_INT(work(s, OUTCOME_DONE), object);
	CHECK_INT(add_job(s, t), first); /* ready now, taken over still */
	CHECK_INT(claim_at(s, 5000, &j), first);
	CHECK_STR(j.rule_id, "newer");
	second = add_job(s, t); /* a claimed one is not touched */
	CHECK(second > first);
	CHECK_INT(add_job(s, t), second);
	CHECK_INT(finish_as(s, &j, OUTCOME_DONE), 0);
	object = add(s, "k", "v1", A);
	CHECK(add_job(s, t) > object); /* the object job would bring old tags back */
	CHECK_INT(counts(s, A).waiting, 2);
	t.version = (char *)(uintptr_t) "v2";
	CHECK(add_job(s, t) > second);
	t.dest = (char *)(uintptr_t)B;
	CHECK(add_job(s, t) > second);
	check_sound(s);
	store_close(s);
}

static void test_moves(void)
{
	struct store *s = fresh();
	auto_with(store_move_free) struct store_move got = { 0 };
	char names[][3] = { "a/", "b/", "c/", "d/" };
	struct store_move a = {
		.from = names[0], .to = names[1], .phase = MOVE_COPY, .had_marker = true
	};
	struct store_move b = { .from = names[2], .to = names[3], .phase = MOVE_COPY };

	CHECK_INT(store_move_next(s, 0, &got), -ENOENT);
	CHECK_INT(store_move_add(s, &a), 0);
	CHECK_INT(store_move_add(s, &b), 0);
	a.phase = MOVE_DELETE;
	a.upto_ms = 77;
	CHECK_INT(store_move_set(s, &a), 0);
	CHECK_INT(store_move_next(s, 0, &got), 0);
	CHECK_STR(got.from, "a/");
	CHECK_STR(got.to, "b/");
	CHECK_INT(got.phase, MOVE_DELETE);
	CHECK_INT(got.upto_ms, 77);
	CHECK(got.had_marker);
	CHECK_INT(store_move_drop(s, a.id), 0);
	CHECK_INT(store_move_next(s, 0, &got), 0);
	CHECK_STR(got.to, "d/");
	CHECK(!got.had_marker);
	CHECK_INT(store_move_next(s, b.id, &got), -ENOENT);
	store_close(s);
}

int main(void)
{
	fixture_start();
	test_open();
	test_syncs();
	test_refused();
	test_upgrade();
	test_read_only();
	test_moves();
	test_tickets();
	test_ticket_uploads();
	test_round_trip();
	test_order();
	test_later();
	test_next_due();
	test_allow();
	test_retry();
	test_tags();
	fixture_end();
	return check_done();
}
