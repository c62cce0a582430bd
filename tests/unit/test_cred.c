/* test_cred.c - where credentials come from, in a home of its own. */
#include "s3/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "tests/unit/check.h"

static char home[64];

static const char *in_home(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	const char *path = in_home(name);

	CHECK_INT(io_replace_file(path, text, strlen(text), mode), 0);
	CHECK_INT(chmod(path, mode), 0);
}

static void clean(void)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID",
					     "AWS_SECRET_ACCESS_KEY",
					     "AWS_SESSION_TOKEN",
					     "AWS_PROFILE",
					     "AWS_REGION",
					     "AWS_DEFAULT_REGION",
					     "AWS_SHARED_CREDENTIALS_FILE",
					     "AWS_CONFIG_FILE" };
	static const char *const files[] = { ".aws/credentials", ".aws/config", ".passwd-s3fs",
					     "passwd" };

	for (size_t i = 0; i < array_size(names); i++)
		unsetenv(names[i]);
	for (size_t i = 0; i < array_size(files); i++)
		unlink(in_home(files[i]));
}

/* want_id NULL = only the error counts. */
static void expect(const struct cred_conf *conf, int rc, const char *id, const char *secret,
		   const char *token, const char *region, const char *in_why)
{
	struct cred_source *s = NULL;
	const struct cred *c = NULL;
	char why[300];

	CHECK_INT(cred_source_new(conf, &s, why, sizeof(why)), rc);
	if (in_why && !CHECK(strstr(why, in_why)))
		fprintf(stderr, "why: %s\n", why);
	CHECK(strstr(why, "hidden") == NULL);
	if (!s)
		return;
	CHECK_INT(cred_source_get(s, &c), 0);
	CHECK_STR(c->key_id, id);
	CHECK_STR(c->secret, secret);
	CHECK_STR(c->session_token, token);
	CHECK_STR(cred_source_region(s), region);
	cred_unref(c);
	cred_source_free(s);
}

static void test_passwd(void)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		int rc;
		const char *id, *secret, *why;
	} cases[] = {
		{ "plain", "ID:hidden\n", 0600, 0, "ID", "hidden", NULL },
		{ "comments, blanks, CR", "# c\n\n  ID:hidden \r\n", 0600, 0, "ID", "hidden",
		  NULL },
		{ "own line wins", "ID:hidden\nbuck:ID2:hidden2\nother:ID3:hidden3", 0400, 0, "ID2",
		  "hidden2", NULL },
		{ "any for others", "other:ID3:hidden3\nID:hidden", 0600, 0, "ID", "hidden", NULL },
		{ "none fits", "other:ID3:hidden3\n", 0600, -ENOENT, NULL, NULL,
		  "no line for bucket buck" },
		{ "empty", "", 0600, -ENOENT, NULL, NULL, "empty" },
		{ "group reads", "ID:hidden\n", 0640, -EACCES, NULL, NULL, "chmod 600" },
		{ "others read", "ID:hidden\n", 0604, -EACCES, NULL, NULL, "mode 604" },
		{ "no colon", "# x\nIDhidden\n", 0600, -EINVAL, NULL, NULL, "passwd:2: expected" },
		{ "no secret", "ID:\n", 0600, -EINVAL, NULL, NULL, "expected" },
		{ "blank inside", "ID:hid den\n", 0600, -EINVAL, NULL, NULL, "expected" },
		{ "twice", "ID:hidden\nID2:hidden2\n", 0600, -EINVAL, NULL, NULL,
		  "passwd:2: a second" },
		{ "control character", "I\001D:hidden\n", 0600, -EINVAL, NULL, NULL, "printable" },
	};
	struct cred_conf conf = { .bucket = "buck" };
	char path[256];

	for (size_t i = 0; i < array_size(cases); i++) {
		CHECK_CASE(cases[i].name);
		clean();
		put("passwd", cases[i].text, cases[i].mode);
		snprintf(path, sizeof(path), "%s", in_home("passwd"));
		conf.passwd_file = path;
		expect(&conf, cases[i].rc, cases[i].id, cases[i].secret, NULL, NULL, cases[i].why);
	}
	CHECK_CASE("missing");
	clean();
	expect(&conf, -ENOENT, NULL, NULL, NULL, NULL, "passwd");
	conf.passwd_file = home;
	expect(&conf, -EINVAL, NULL, NULL, NULL, NULL, "not a regular file");
	CHECK_CASE(NULL);
}

#define CREDENTIALS                                                                                \
	"[default]\naws_access_key_id = D\naws_secret_access_key = DS\n"                           \
	"[work]\naws_access_key_id=W\naws_secret_access_key=WS\naws_session_token=WT==\n"          \
	"[half]\naws_access_key_id=H\n"
#define CONFIG                                                                                     \
	"[default]\nregion = eu-central-1\n[profile work]\nregion=eu-west-3\n"                     \
	"[profile only]\naws_access_key_id=O\naws_secret_access_key=OS\n"                          \
	"[profile sso]\nsso_start_url=https://x\n"

static void test_profiles(void)
{
	struct cred_conf none = { 0 }, work = { .profile = "work" }, only = { .profile = "only" };
	struct cred_conf half = { .profile = "half" }, sso = { .profile = "sso" },
			 bad = { .profile = "no" };

	clean();
	put(".aws/credentials", CREDENTIALS, 0600);
	put(".aws/config", CONFIG, 0600);
	expect(&none, 0, "D", "DS", NULL, "eu-central-1", NULL);
	expect(&work, 0, "W", "WS", "WT==", "eu-west-3", NULL);
	expect(&only, 0, "O", "OS", NULL, NULL, NULL);
	expect(&half, -EINVAL, NULL, NULL, NULL, NULL, "both be given");
	expect(&sso, -EINVAL, NULL, NULL, NULL, NULL, "sso_start_url is not supported");
	expect(&bad, -ENOENT, NULL, NULL, NULL, NULL, "profile no has no credentials");
	setenv("AWS_PROFILE", "work", 1);
	expect(&none, 0, "W", "WS", "WT==", "eu-west-3", NULL);
	setenv("AWS_DEFAULT_REGION", "r-2", 1);
	expect(&none, 0, "W", "WS", "WT==", "r-2", NULL);
	setenv("AWS_REGION", "r-1", 1);
	expect(&only, 0, "O", "OS", NULL, "r-1", NULL);
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	/* the environment's keys come before its profile; a named profile comes before both */
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	expect(&none, -EINVAL, NULL, NULL, NULL, NULL, "environment");
	setenv("AWS_SECRET_ACCESS_KEY", "ES", 1);
	setenv("AWS_SESSION_TOKEN", "", 1);
	expect(&none, 0, "E", "ES", NULL, "eu-west-3", NULL);
	expect(&only, 0, "O", "OS", NULL, NULL, NULL);
	clean();
	put("passwd", "[default]\naws_access_key_id=X\naws_secret_access_key=XS\n", 0600);
	setenv("AWS_SHARED_CREDENTIALS_FILE", in_home("passwd"), 1);
	expect(&none, 0, "X", "XS", NULL, NULL, NULL);
	put("passwd", "[default\nrubbish", 0600);
	expect(&none, -EINVAL, NULL, NULL, NULL, NULL, "not understood");
	clean();
	put(".passwd-s3fs", "P:PS\n", 0600);
	expect(&none, 0, "P", "PS", NULL, NULL, NULL);
	put(".passwd-s3fs", "P:PS\n", 0644);
	expect(&none, -EACCES, NULL, NULL, NULL, NULL, "chmod");
	clean();
	if (access("/etc/passwd-s3fs", F_OK) != 0)
		expect(&none, -ENOENT, NULL, NULL, NULL, NULL, "no credentials found");
}

static void check_id(struct cred_source *s, const char *id)
{
	const struct cred *c = NULL;

	CHECK_INT(cred_source_get(s, &c), 0);
	CHECK_STR(c->key_id, id);
	cred_unref(c);
}

static void test_refresh(void)
{
	struct cred_conf conf = { 0 };
	struct cred_source *s = NULL;
	const struct cred *held = NULL, *same = NULL;
	char why[300], path[256];

	clean();
	put("passwd", "ID1:S1\n", 0600);
	snprintf(path, sizeof(path), "%s", in_home("passwd"));
	conf.passwd_file = path;
	CHECK_INT(cred_source_new(&conf, &s, why, sizeof(why)), 0);
	CHECK_INT(cred_source_get(s, &held), 0);
	CHECK_INT(cred_source_get(s, &same), 0);
	CHECK(held == same);
	put("passwd", "ID2:S2\n", 0600);
	check_id(s, "ID2");
	CHECK_STR(held->key_id, "ID1");	  /* who holds them keeps them */
	put("passwd", "rubbish\n", 0600); /* damaged, or open to others: the last good ones stay */
	check_id(s, "ID2");
	put("passwd", "ID3:S3\n", 0644);
	check_id(s, "ID2");
	unlink(path);
	check_id(s, "ID2");
	put("passwd", "ID4:S4\n", 0600);
	check_id(s, "ID4");
	cred_unref(same);
	cred_source_free(s);
	CHECK_STR(held->secret, "S1");
	cred_unref(held);
	cred_unref(NULL);
	cred_source_free(NULL);
}

static void *getter(void *arg)
{
	for (int i = 0; i < 300; i++) {
		const struct cred *c = NULL;

		if (cred_source_get(arg, &c) == 0)
			cred_unref(c);
	}
	return NULL;
}

static void test_threads(void)
{
	struct cred_conf conf = { 0 };
	struct cred_source *s = NULL;
	pthread_t t[4];
	char why[300], text[64], path[256];

	put("passwd", "ID:S\n", 0600);
	snprintf(path, sizeof(path), "%s", in_home("passwd"));
	conf.passwd_file = path;
	CHECK_INT(cred_source_new(&conf, &s, why, sizeof(why)), 0);
	for (size_t i = 0; i < array_size(t); i++)
		CHECK_INT(pthread_create(&t[i], NULL, getter, s), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "ID%d:S\n", i);
		put("passwd", text, 0600);
	}
	for (size_t i = 0; i < array_size(t); i++)
		CHECK_INT(pthread_join(t[i], NULL), 0);
	check_id(s, "ID19");
	cred_source_free(s);
}

static void test_static(void)
{
	struct cred_source *s = NULL;
	const struct cred *c = NULL;

	CHECK_INT(cred_source_static("A", "B", "C", &s), 0);
	CHECK_INT(cred_source_get(s, &c), 0);
	CHECK_STR(c->key_id, "A");
	CHECK_STR(c->secret, "B");
	CHECK_STR(c->session_token, "C");
	CHECK_STR(cred_source_region(s), NULL);
	cred_unref(c);
	cred_source_free(s);
}

int main(void)
{
	snprintf(home, sizeof(home), "/tmp/test_cred.XXXXXX");
	CHECK(mkdtemp(home) != NULL);
	setenv("HOME", home, 1);
	CHECK_INT(mkdir(in_home(".aws"), 0700), 0);
	test_passwd();
	test_profiles();
	test_refresh();
	test_threads();
	test_static();
	clean();
	rmdir(in_home(".aws"));
	rmdir(home);
	return check_done();
}
