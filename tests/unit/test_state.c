/* test_state.c - the state directory: made and checked, one mount at a time, bound to its bucket;
 * staged bodies after a boot. */
#include "fs/state.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

static char top[] = "/tmp/test_state.XXXXXX";
static char why[900];

static int open_at(const char *name, const char *url, const char *bucket, const char *prefix,
		   struct state **ret_s)
{
	char dir[200], mountpoint[200];
	const struct state_conf conf = {
		.dir = dir, .url = url, .bucket = bucket, .prefix = prefix, .mountpoint = mountpoint
	};

	snprintf(dir, sizeof(dir), "%s/%s", top, name);
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", top);
	return state_new(&conf, ret_s, why, sizeof(why));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void test_making(void)
{
	struct state *s = NULL;

	umask(0);
	if (CHECK_INT(open_at("a/b", "http://h", "bucket", "p/", &s), 0)) {
		CHECK_INT(mode_of(state_dir(s)), 0700);
		CHECK_INT(mode_of(state_staging_dir(s)), 0700);
		CHECK_INT(mode_of(state_failed_dir(s)), 0700);
	}
	umask(022);
	state_free(s, true);
	s = NULL;
	/* the same again */
	CHECK_INT(open_at("a/b", "http://h", "bucket", "p/", &s), 0);
	state_free(s, true);
}

/* The pid stays in the lock file of a mount that did not end in order. */
static void test_left(void)
{
	struct state *s = NULL;

	for (int round = 0; round < 3; round++) {
		CHECK_INT(open_at("left", "http://h", "bucket", "", &s), 0);
		CHECK_INT(state_was_left(s), round == 1);
		state_free(s, round > 0);
	}
}

static void test_binding(void)
{
	struct state *s = NULL;

	CHECK_INT(open_at("a/b", "http://other", "bucket", "p/", &s), -EINVAL);
	CHECK(strstr(why, "s3://bucket/p/") != NULL);
	CHECK_INT(open_at("a/b", "http://h", "bucket2", "p/", &s), -EINVAL);
	CHECK_INT(open_at("a/b", "http://h", "bucket", "", &s), -EINVAL);
	/* AWS: the region is no part of a bucket's name */
	CHECK_INT(open_at("aws", "https://s3.us-east-1.amazonaws.com", "x", "", &s), 0);
	state_free(s, true);
	s = NULL;
	CHECK_INT(open_at("aws", "https://s3.eu-west-1.amazonaws.com", "x", "", &s), 0);
	state_free(s, true);
}

static void test_lock(void)
{
	struct state *s = NULL, *t = NULL;
	char pid[32];

	CHECK_INT(open_at("a/b", "http://h", "bucket", "p/", &s), 0);
	CHECK_INT(open_at("a/b", "http://h", "bucket", "p/", &t), -EBUSY);
	snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
	CHECK(strstr(why, pid) != NULL);
	state_free(s, true);
	CHECK_INT(open_at("a/b", "http://h", "bucket", "p/", &t), 0);
	state_free(t, true);
}

static void test_refused(void)
{
	struct state *s = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/open", top);
	mkdir(path, 0755);
	CHECK_INT(open_at("open", "http://h", "b", "", &s), -EACCES);
	CHECK(strstr(why, "chmod 700") != NULL);
	snprintf(path, sizeof(path), "%s/file", top);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK(open_at("file", "http://h", "b", "", &s) < 0);
	CHECK(strstr(why, path) != NULL);
	if (geteuid() == 0) {
		snprintf(path, sizeof(path), "%s/theirs", top);
		mkdir(path, 0700);
		CHECK_INT(chown(path, 12345, 12345), 0);
		CHECK_INT(open_at("theirs", "http://h", "b", "", &s), -EACCES);
		CHECK(strstr(why, "12345") != NULL);
	}
}

static void test_place(void)
{
	struct state *s = NULL;

	CHECK_INT(open_at("mnt/state", "http://h", "b", "", &s), -EINVAL);
	CHECK_INT(open_at("mnt", "http://h", "b", "", &s), -EINVAL);
	CHECK_INT(open_at("mnt2", "http://h", "b", "", &s), 0);
	state_free(s, true);
}

static int count_staged(void *arg, const struct job *j)
{
	*(unsigned *)arg += j->staged != NULL;
	return 0;
}

static unsigned staged_rows(struct store *s)
{
	const struct store_filter all = { 0 };
	unsigned n = 0;

	CHECK_INT(store_each_job(s, &all, count_staged, &n), 0);
	return n;
}

static void test_boot(void)
{
	char key[] = "key", version[] = "v", first[] = "d1", second[] = "d2", rule[] = "r",
	     body[] = "body";
	const struct store_conf conf = { .dir = top, .instance = "one" };
	/* two destinations share one staged body */
	struct job jobs[2] = {
		{ .kind = JOB_OBJECT,
		  .key = key,
		  .version = version,
		  .dest = first,
		  .rule_id = rule,
		  .staged = body },
		{ .kind = JOB_OBJECT,
		  .key = key,
		  .version = version,
		  .dest = second,
		  .rule_id = rule,
		  .staged = body },
	};
	struct store *s = NULL;
	int64_t ticket = 0;
	unsigned n = 99;
	char *id = NULL;

	if (!CHECK_INT(store_open(&conf, &s, why, sizeof(why)), 0))
		return;
	CHECK_INT(state_check_boot(s, &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(store_begin(s, JOB_OBJECT, "key", "token", &ticket), 0);
	CHECK_INT(store_commit(s, ticket, jobs, NULL, 2), 0);
	CHECK_INT(staged_rows(s), 2);
	CHECK_INT(state_check_boot(s, &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(staged_rows(s), 2);
	CHECK_INT(store_put_info(s, "boot_id", "another"), 0);
	CHECK_INT(state_check_boot(s, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(staged_rows(s), 0);
	CHECK_INT(store_get_info(s, "boot_id", &id), 0);
	CHECK(id && strcmp(id, "another") != 0);
	free(id);
	store_close(s);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
	test_making();
	test_left();
	test_binding();
	test_lock();
	test_refused();
	test_place();
	test_boot();
	CHECK_INT(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	return check_done();
}
