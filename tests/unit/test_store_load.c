#include "queue/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/map.h"
#include "tests/unit/store_fixture.h"

#define THREADS 16

static const char *const dests[] = { A, B };

/* --- group commit ----------------------------------------------------------------------------- */

/* Transactions in the write-ahead log: frames that say how long the database is after them. */
static int count_commits(void)
{
	unsigned char head[24];
	char path[256];
	int fd = open(in_dir("queue.db-wal", path), O_RDONLY | O_CLOEXEC), n = 0;
	off_t at = 32;

	while (pread(fd, head, sizeof(head), at) == (ssize_t)sizeof(head)) {
		n += head[4] || head[5] || head[6] || head[7];
		at += 24 + 4096;
	}
	close(fd);
	return n;
}

struct caller {
	pthread_t thread;
	struct store *s;
	int64_t ticket;
	size_t meta; /* bytes that the job's metadata has */
	int result;
};

static void *call_commit(void *arg)
{
	struct caller *c = arg;
	struct job j = make_job(JOB_OBJECT, "k", "v", A);
	auto_free char *text = malloc(c->meta + 1);

	if (!text)
		abort();
	memset(text, 'm', c->meta);
	text[c->meta] = '\0';
	CHECK_INT(kv_set(&j.spec.meta, "m", text), 0);
	c->result = store_commit(c->s, c->ticket, &j, NULL, 1);
	CHECK_INT(j.id > 0, c->result == 0);
	kv_free(&j.spec.meta);
	return NULL;
}

static size_t count_waiting(struct store *s)
{
	size_t n = 0;

	scoped_lock(&s->locked.l);
	for (struct store_op *op = s->locked.first; op; op = op->next)
		n++;
	return n;
}

/* One caller leads at once, and is held up; the others gather behind it. */
static void commit_together(struct store *s, struct caller *callers)
{
	lock_take(&s->write);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&callers[i].thread, NULL, call_commit, &callers[i]);
	while (count_waiting(s) < THREADS - 1)
		sched_yield();
	lock_drop(&s->write);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(callers[i].thread, NULL);
}

static void begin_all(struct store *s, struct caller *callers)
{
	for (size_t i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){ .s = s, .meta = 1 };
		CHECK_INT(store_begin(s, JOB_OBJECT, "k", "t", &callers[i].ticket), 0);
	}
}

static void test_group(void)
{
	struct caller callers[THREADS];
	struct store *s = fresh();
	int before;

	CHECK_INT(sql(s->db, "PRAGMA wal_autocheckpoint = 0"), 0);
	begin_all(s, callers);
	before = count_commits();
	commit_together(s, callers);
	for (size_t i = 0; i < THREADS; i++)
		CHECK_INT(callers[i].result, 0);
	CHECK_INT(count_commits() - before, 2);
	check_sound(s);
	/* One that fails takes no other with it. */
	begin_all(s, callers);
	callers[5].ticket = callers[9].ticket = 999999;
	commit_together(s, callers);
	for (size_t i = 0; i < THREADS; i++)
		CHECK_INT(callers[i].result, i == 5 || i == 9 ? -ENOENT : 0);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM ticket"), 2);
	CHECK_INT(counts(s, A).waiting + counts(s, A).ready, 2 * THREADS - 2);
	check_sound(s);
	store_close(s);
}

static void test_group_full(void)
{
	struct caller callers[THREADS];
	struct store *s = fresh();
	char text[64];

	begin_all(s, callers);
	snprintf(text, sizeof(text), "PRAGMA max_page_count = %lld",
		 (long long)sql_number(s->read, "PRAGMA page_count") + 24);
	CHECK_INT(sql(s->db, text), 0);
	callers[3].meta = callers[8].meta = 1000000;
	quiet(true);
	commit_together(s, callers);
	quiet(false);
	for (size_t i = 0; i < THREADS; i++)
		CHECK_INT(callers[i].result, i == 3 || i == 8 ? -ENOSPC : 0);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM ticket"), 2);
	CHECK_INT(sql_number(s->read, "SELECT count(*) FROM job"), THREADS - 2);
	check_sound(s);
	store_close(s);
}

/* --- everything at once ----------------------------------------------------------------------- */

struct stress {
	struct store *s;
	int per_thread, keys;
	atomic_int next_name, committing, claimed_now, done;
	pthread_mutex_t lock;
	struct map *last; /* "dest key" -> id of the row last done, as a pointer */
	struct map *busy; /* "dest key" -> a row is claimed */
};

static void *commit_many(void *arg)
{
	struct stress *x = arg;
	int me = atomic_fetch_add(&x->next_name, 1);

	for (int i = 0; i < x->per_thread; i++) {
		char key[32], version[32];
		struct job jobs[2];
		int64_t ticket = 0;

		snprintf(key, sizeof(key), "k%d", (i * 7 + me) % x->keys);
		snprintf(version, sizeof(version), "v%d-%d", me, i);
		for (size_t d = 0; d < 2; d++)
			jobs[d] = make_job(i % 9 ? JOB_OBJECT : JOB_DELETE, key, version, dests[d]);
		CHECK_INT(store_begin(x->s, JOB_OBJECT, key, "t", &ticket), 0);
		CHECK_INT(store_note_upload(x->s, ticket, "source", key, "up"), 0);
		if (i % 5 == 0)
			CHECK_INT(store_abandon(x->s, ticket), 0);
		else
			CHECK_INT(store_commit(x->s, ticket, jobs, NULL, 2), 0);
	}
	atomic_fetch_sub(&x->committing, 1);
	return NULL;
}

static void note_claim(struct stress *x, const struct job *j, const char *pair)
{
	pthread_mutex_lock(&x->lock);
	CHECK(map_get(x->busy, pair) == NULL);
	CHECK((int64_t)(intptr_t)map_get(x->last, pair) < j->id);
	CHECK_INT(map_set(x->busy, pair, x), 0);
	pthread_mutex_unlock(&x->lock);
}

static void note_end(struct stress *x, const struct job *j, const char *pair, bool done)
{
	pthread_mutex_lock(&x->lock);
	CHECK(map_del(x->busy, pair) != NULL);
	if (done)
		CHECK_INT(map_set(x->last, pair, (void *)(intptr_t)j->id), 0);
	pthread_mutex_unlock(&x->lock);
}

static void carry_out(struct stress *x, struct job *j)
{
	struct mpu_part p = { .number = 1, .etag = "e", .size = 1 };
	bool done = (j->id + j->attempt) % 4 != 0;
	struct outcome o = { .kind = done ? OUTCOME_DONE : OUTCOME_LATER,
			     .due_ms = 1,
			     .count = true };
	auto_free char *unstaged = NULL;
	char pair[128];

	snprintf(pair, sizeof(pair), "%s %s", j->dest, j->key);
	note_claim(x, j, pair);
	CHECK_INT(store_put_upload(x->s, j->id, "up", MPU_SUM_NONE), 0);
	CHECK_INT(store_put_part(x->s, j->id, &p), 0);
	note_end(x, j, pair, done);
	CHECK_INT(store_finish(x->s, j, &o, &unstaged), 0);
	atomic_fetch_add(&x->done, done);
}

static void *claim_many(void *arg)
{
	struct stress *x = arg;
	int idle = 0;

	while (idle < 2) {
		auto_with(job_free) struct job j = { 0 };
		bool last = atomic_load(&x->committing) == 0 && atomic_load(&x->claimed_now) == 0;
		int64_t id;

		atomic_fetch_add(&x->claimed_now, 1);
		id = claim_at(x->s, 5000, &j);
		CHECK(id >= 0);
		if (id > 0)
			carry_out(x, &j);
		atomic_fetch_sub(&x->claimed_now, 1);
		idle = id == 0 && last ? idle + 1 : 0;
		if (id == 0)
			sched_yield();
	}
	return NULL;
}

static int count_one(void *arg, const struct job *j)
{
	(void)j;
	++*(int *)arg;
	return 0;
}

static void *ask_many(void *arg)
{
	struct stress *x = arg;
	struct store *ro = NULL;
	int n = 0;

	while (atomic_load(&x->committing) > 0) {
		struct store_counts c;

		CHECK_INT(store_count(x->s, A, &c), 0);
		CHECK_INT(try_open(NULL, true, &ro), 0);
		CHECK_INT(store_count(ro, NULL, &c), 0);
		CHECK_INT(store_each_job(ro,
					 &(struct store_filter){
						 .dest = B, .unfinished = true, .limit = 100 },
					 count_one, &n),
			  0);
		store_close(ro);
		CHECK_INT(store_prune(x->s, -1000000), 0);
	}
	return NULL;
}

static void test_stress(void)
{
	struct stress x = { .per_thread = 60, .keys = 40, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t t[THREADS + 5];
	size_t n = 0;
	int want = 0;

	x.s = fresh();
	for (int i = 0; i < x.per_thread; i++)
		want += i % 5 ? 2 * THREADS : 0;
	CHECK_INT(map_new(&x.last), 0);
	CHECK_INT(map_new(&x.busy), 0);
	atomic_store(&x.committing, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[n++], NULL, commit_many, &x);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[n++], NULL, claim_many, &x);
	pthread_create(&t[n++], NULL, ask_many, &x);
	for (size_t i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	CHECK_INT(x.done, want);
	CHECK_INT(counts(x.s, NULL).ready + counts(x.s, NULL).waiting + counts(x.s, NULL).claimed,
		  0);
	CHECK_INT(sql_number(x.s->read, "SELECT count(*) FROM ledger"), want);
	CHECK_INT(sql_number(x.s->read, "SELECT count(*) FROM ticket"), 0);
	CHECK_INT(map_count(x.busy), 0);
	check_sound(x.s);
	map_free(x.last);
	map_free(x.busy);
	store_close(x.s);
}

/* --- crashes ---------------------------------------------------------------------------------- */

struct told {
	int64_t ticket, job;
};

struct crasher {
	struct store *s;
	int fd;		 /* told what was acknowledged */
	atomic_int left; /* until the end; -1 = for ever */
};

/* Every third ticket is left behind. */
static void *crash_commit(void *arg)
{
	struct crasher *c = arg;

	for (int64_t i = 0;; i++) {
		struct job j = make_job(JOB_OBJECT, "k", "v", dests[i % 2]);
		struct told told = { 0, 0 };
		char key[32];

		snprintf(key, sizeof(key), "k%lld", (long long)(i % 10));
		j.key = key;
		if (store_begin(c->s, JOB_OBJECT, key, "t", &told.ticket) < 0)
			_exit(3);
		if (i % 3 && store_commit(c->s, told.ticket, &j, NULL, 1) < 0)
			_exit(4);
		told.job = j.id;
		if (write(c->fd, &told, sizeof(told)) != (ssize_t)sizeof(told))
			_exit(5);
		if (atomic_load(&c->left) > 0 && atomic_fetch_sub(&c->left, 1) == 1)
			_exit(0); /* amid what the other threads do */
	}
	return NULL;
}

static void *crash_work(void *arg)
{
	struct crasher *c = arg;
	int n = 0;

	for (;;) {
		if (work(c->s, n++ % 3 ? OUTCOME_DONE : OUTCOME_LATER) < 0)
			_exit(6);
	}
	return NULL;
}

static void child_crashes(int fd, int round)
{
	struct crasher c = { must_open("child"), fd, round % 2 ? 200 : -1 };
	pthread_t t;

	if (store_reset_claims(c.s) < 0)
		_exit(7);
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, crash_commit, &c);
	for (int i = 0; i < 2; i++)
		pthread_create(&t, NULL, crash_work, &c);
	for (;;)
		pause();
}

static void check_told(struct store *s, const struct told *told)
{
	struct db_stmt *st;

	db_lock(s->read);
	CHECK_INT(db_prepare(s->read,
			     "SELECT (SELECT count(*) FROM ticket WHERE id = ?1) * 2"
			     " + (SELECT count(*) FROM job WHERE id = ?2)",
			     &st),
		  0);
	db_bind_i64(st, 1, told->ticket);
	db_bind_i64(st, 2, told->job);
	CHECK_INT(db_step(st), 1);
	CHECK_INT(db_col_i64(st, 0), told->job ? 1 : 2);
	db_reset(st);
	db_unlock(s->read);
}

static void crash_once(int round)
{
	struct told told[5000];
	struct store *s, *ro = NULL;
	size_t n = 0;
	int fds[2], status = 0;
	pid_t pid;

	CHECK_INT(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child_crashes(fds[1], round);
	}
	close(fds[1]);
	while (n < array_size(told) &&
	       read(fds[0], &told[n], sizeof(told[n])) == (ssize_t)sizeof(told[n])) {
		n++;
		if (round % 2 == 0 && n == 150 + 50 * (size_t)round)
			kill(pid, SIGKILL);
	}
	kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	/* 3 to 7 tell what failed; anything else is the crash, or valgrind's opinion of it. */
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) < 3 || WEXITSTATUS(status) > 7);
	close(fds[0]);
	CHECK(n > 10);
	CHECK_INT(try_open(NULL, true, &ro), 0);
	check_sound(ro);
	for (size_t i = 0; i < n; i++)
		check_told(ro, &told[i]);
	store_close(ro);
	s = must_open("next");
	check_sound(s);
	CHECK_INT(store_reset_claims(s), 0);
	CHECK_INT(counts(s, NULL).claimed, 0);
	check_sound(s);
	store_close(s);
}

static void test_crash(void)
{
	remove_db();
	for (int round = 0; round < 4; round++)
		crash_once(round);
}

/* --- two processes ---------------------------------------------------------------------------- */

static void child_controls(void)
{
	struct store *s = must_open(NULL);
	int seen = 0;
	uint64_t n;

	for (int i = 0; i < 100; i++) {
		struct job j = make_job(JOB_OBJECT, "resync", "v", B);

		CHECK_INT(store_retry(s, NULL, NULL, &n), 0);
		CHECK_INT(store_commit(s, 0, &j, NULL, 1), 0);
		CHECK_INT(store_each_job(s, &(struct store_filter){ .parked = true }, count_one,
					 &seen),
			  0);
	}
	store_close(s);
	_exit(check_done());
}

static void test_two_processes(void)
{
	struct store *s;
	int status = 0, done = 0, parked = 0;
	pid_t pid;

	/* SQLite bears no fork while a database is open. */
	remove_db();
	pid = fork();
	if (pid == 0)
		child_controls();
	s = must_open("me");
	for (int i = 0; i < 200; i++) {
		CHECK(add(s, i % 2 ? "x" : "y", "v", A) > 0);
		CHECK(work(s, i % 3 ? OUTCOME_DONE : OUTCOME_PARK) >= 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (int64_t r = 1; r > 0;) {
		auto_with(job_free) struct job j = { 0 };
		uint64_t n = 0;

		CHECK_INT(store_retry(s, NULL, NULL, &n), 0);
		parked += (int)n;
		r = claim_at(s, clock_wall_ms() + 1000, &j);
		CHECK(r >= 0);
		done += r > 0 && finish_as(s, &j, OUTCOME_DONE) == 0;
	}
	CHECK_INT(counts(s, NULL).done, 300);
	CHECK_INT(counts(s, NULL).parked + counts(s, NULL).ready + counts(s, NULL).waiting, 0);
	CHECK(done > 0 && parked >= 0);
	check_sound(s);
	store_close(s);
}

/* Another process that holds the write lock for a while is waited for. */
static void test_busy(void)
{
	struct timespec wait = { 0, 300000000 };
	int fds[2], status = 0;
	struct store *s;
	char c = 0;
	pid_t pid;

	remove_db();

	CHECK_INT(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct store *mine = must_open(NULL);

		if (sql(mine->db, "BEGIN IMMEDIATE") < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		nanosleep(&wait, NULL);
		CHECK_INT(sql(mine->db, "COMMIT"), 0);
		store_close(mine);
		_exit(check_done());
	}
	CHECK_INT(read(fds[0], &c, 1), 1);
	s = must_open("me");
	CHECK_INT(counts(s, NULL).ready, 0); /* no question waits */
	CHECK(add(s, "k", "v", A) > 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	close(fds[0]);
	close(fds[1]);
	store_close(s);
}

static void *open_once(void *arg)
{
	struct store_conf conf = { .dir = test_dir, .instance = arg };
	struct store *s = NULL;
	char why[256] = "";

	if (!CHECK_INT(store_open(&conf, &s, why, sizeof(why)), 0))
		fprintf(stderr, "%s\n", why);
	store_close(s);
	return NULL;
}

/* Many that find no file yet. */
static void test_open_together(void)
{
	pthread_t t[8];

	for (int round = 0; round < 5; round++) {
		struct store *s;

		remove_db();
		for (size_t i = 0; i < array_size(t); i++)
			pthread_create(&t[i], NULL, open_once, (void *)(uintptr_t) "x");
		for (size_t i = 0; i < array_size(t); i++)
			pthread_join(t[i], NULL);
		s = must_open("y");
		CHECK(add(s, "k", "v", A) > 0);
		check_sound(s);
		store_close(s);
	}
}

int main(void)
{
	fixture_start();
	test_crash();
	test_two_processes();
	test_busy();
	test_group();
	test_group_full();
	test_stress();
	test_open_together();
	fixture_end();
	return check_done();
}
