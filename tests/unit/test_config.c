/* test_config.c - the command line: every kind of option, names that are wrong, buckets and
 * prefixes, paths. */
#include "fs/config.h"
#include "queue/dest.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

static char why[600];

static int read_options(struct config *c, const char *list)
{
	config_init(c);
	why[0] = '\0';
	return config_read_options(c, list, why, sizeof(why));
}

static void test_defaults(void)
{
	struct config c;

	CHECK_INT(read_options(&c, ""), 0);
	CHECK_INT(c.staging_max, 10 * GIB);
	CHECK_INT(c.drain_ms, 60000);
	CHECK_INT(c.attr_ms, 1000);
	CHECK_INT(c.hold_ms, 10000);
	CHECK_INT(c.settle_ms, 1000);
	CHECK_INT(c.durability, DURABILITY_SOURCE);
	CHECK_INT(c.memory, 256 * MIB);
	CHECK_INT(c.path_style, -1);
	CHECK(c.posix_meta && c.early_upload && !c.ro);
	CHECK_INT(c.log_level, LOG_LEVEL_INFO);
	config_free(&c);
}

static void test_values(void)
{
	struct config c;
	char cwd[PATH_MAX], path[PATH_MAX + 20];

	CHECK_INT(read_options(
			  &c, "url=http://"
			      "h:1,endpoint=eu-west-1,use_path_request_style,rules=r.json,state=/s,"
			      "staging_max=5M,drain_timeout=1.5,attr_timeout=0.05,hold=0,posix_"
			      "meta=no,umask=027,uid=7,gid=8,"
			      "repl_threads=3,log_level=debug,cache=1K,max_attempts=2,timeout=30,"
			      "retry_first=0.1,retry_max=2,tags=at-create,untag=delete-marker"),
		  0);
	CHECK_STR(why, "");
	CHECK_STR(c.url, "http://h:1");
	CHECK_STR(c.region, "eu-west-1");
	CHECK_INT(c.path_style, 1);
	CHECK_STR(c.state, "/s");
	CHECK_INT(c.staging_max, 5 * MIB);
	CHECK_INT(c.drain_ms, 1500);
	CHECK_INT(c.attr_ms, 50);
	CHECK_INT(c.hold_ms, 0);
	CHECK(!c.posix_meta);
	CHECK_INT(c.umask, 027);
	CHECK_INT(c.uid, 7);
	CHECK_INT(c.gid, 8);
	CHECK_INT(c.repl_threads, 3);
	CHECK_INT(c.log_level, LOG_LEVEL_DEBUG);
	CHECK_INT(c.call_ms, 30000);
	CHECK_INT(c.retry_first_ms, 100);
	CHECK_INT(c.tags_at_create, 1);
	CHECK_INT(c.untag, 2);
	CHECK_INT(c.all_deletes, 0);
	if (CHECK(getcwd(cwd, sizeof(cwd)) != NULL)) {
		snprintf(path, sizeof(path), "%s/r.json", cwd);
		CHECK_STR(c.rules, path);
	}
	config_free(&c);
	CHECK_INT(read_options(&c, "rules=bucket,use_path_request_style=no,region=a,region=b"), 0);
	CHECK_STR(c.rules, "bucket");
	CHECK_INT(c.path_style, 0);
	CHECK_STR(c.region, "b");
	config_free(&c);
}

static void test_written(void)
{
	static const struct {
		const char *list, *sse, *key, *acl;
	} rows[] = {
		{ "", NULL, NULL, NULL },
		{ "sse=AES256,default_acl=public-read", "AES256", NULL, "public-read" },
		{ "sse=aws:kms,default_acl=private", "aws:kms", NULL, NULL },
		{ "sse=aws:kms:arn:aws:kms:eu-west-1:1:key/2", "aws:kms",
		  "arn:aws:kms:eu-west-1:1:key/2", NULL },
		{ "use_sse", "AES256", NULL, NULL },
		{ "use_sse=1", "AES256", NULL, NULL },
		{ "use_sse=kmsid", "aws:kms", NULL, NULL },
		{ "use_sse=kmsid:k1", "aws:kms", "k1", NULL },
		{ "use_sse=k:k1,sse=AES256", "AES256", NULL, NULL },
	};
	static const char *const bad[] = {
		"sse=aes",	      "sse=AES256:key",	      "sse=aws:kms:", "use_sse=custom:/k",
		"default_acl=nobody", "default_acl=",	      "untag=",	      "untag=drop",
		"untag=kee",	      "tags=keep",
	};
	struct config c;

	for (size_t i = 0; i < array_size(rows); i++) {
		CHECK_CASE(rows[i].list);
		CHECK_INT(read_options(&c, rows[i].list), 0);
		CHECK_STR(c.sse, rows[i].sse);
		CHECK_STR(c.sse_key, rows[i].key);
		CHECK_STR(c.default_acl, rows[i].acl);
		config_free(&c);
	}
	for (size_t i = 0; i < array_size(bad); i++) {
		CHECK_CASE(bad[i]);
		CHECK_INT(read_options(&c, bad[i]), -EINVAL);
		CHECK(strstr(why, "expected ") != NULL);
		config_free(&c);
	}
	CHECK_CASE("");
}

static void test_mount_options(void)
{
	struct config c;

	CHECK_INT(read_options(&c, "rw,_netdev,nofail,x-systemd.automount,comment=a "
				   "b,user,noexec,allow_other,max_read=4096,ro"),
		  0);
	CHECK_STR(buf_str(&c.fuse), "rw,noexec,allow_other,max_read=4096,ro");
	CHECK(c.ro && c.allow_other);
	config_free(&c);
	CHECK_INT(read_options(&c, "context=a:s0\\,c1,rules=/a\\,b"), 0);
	CHECK_STR(buf_str(&c.fuse), "context=a:s0\\,c1");
	CHECK_STR(c.rules, "/a,b");
	config_free(&c);
}

static void test_refused(void)
{
	static const struct {
		const char *list, *words;
	} table[] = {
		{ "drain_timout=5", "did you mean 'drain_timeout'" },
		{ "nonsense_option=1", "unknown option 'nonsense_option'" },
		{ "secret_access_key=x", "unknown option" },
		{ "rules", "rules=FILE|bucket" },
		{ "rules=", "needs a value" },
		{ "staging_max=much", "a size" },
		{ "drain_timeout=-1", "seconds" },
		{ "drain_timeout=1.", "seconds" },
		{ "drain_timeout=99999999999999", "seconds" },
		{ "repl_threads=0", "from 1 to 256" },
		{ "repl_threads=9999999999", "from 1 to 256" },
		{ "uid=root", "a number" },
		{ "umask=9", "octal" },
		{ "umask=1777", "octal" },
		{ "posix_meta=maybe", "yes or no" },
		{ "log_level=loud", "error, warn" },
		{ "=x", "unknown option" },
		{ "a\nb=1", "a\\x0ab" },
	};

	for (size_t i = 0; i < array_size(table); i++) {
		struct config c;

		CHECK_CASE(table[i].list);
		CHECK_INT(read_options(&c, table[i].list), -EINVAL);
		CHECK(strstr(why, table[i].words) != NULL);
		CHECK(strchr(why, '\n') == NULL);
		config_free(&c);
	}
	CHECK_CASE("");
}

static void test_source(void)
{
	static const struct {
		const char *text, *bucket, *prefix;
	} table[] = {
		{ "s3://b", "b", "" },
		{ "s3://b/", "b", "" },
		{ "S3://b/x", "b", "x/" },
		{ "s3://b/x/y//", "b", "x/y/" },
		{ "s3://b/x,y z", "b", "x,y z/" },
		{ "b", "b", "" },
		{ "b:", "b", "" },
		{ "b:/", "b", "" },
		{ "b:/x/y", "b", "x/y/" },
		{ "s3://", NULL, NULL },
		{ "", NULL, NULL },
		{ ":/x", NULL, NULL },
		{ "b/x", NULL, NULL },
		{ "b:x", NULL, NULL },
		{ "http://b", NULL, NULL },
		{ "s3://b/x//y", NULL, NULL },
		{ "s3://b/../y", NULL, NULL },
		{ "s3://b/.", NULL, NULL },
	};

	for (size_t i = 0; i < array_size(table); i++) {
		struct config c;
		int err;

		CHECK_CASE(table[i].text);
		config_init(&c);
		err = config_read_source(&c, table[i].text, why, sizeof(why));
		CHECK_INT(err, table[i].bucket ? 0 : -EINVAL);
		if (err == 0) {
			CHECK_STR(c.bucket, table[i].bucket);
			CHECK_STR(c.prefix, table[i].prefix);
		}
		config_free(&c);
	}
	CHECK_CASE("");
}

static int read_line(struct config *c, int argc, const char **words)
{
	char *argv[12] = { NULL };
	int err;

	for (int i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	optind = 0;
	why[0] = '\0';
	err = config_read(argc, argv, c, why, sizeof(why));
	for (int i = 0; i < 12; i++)
		free(argv[i]);
	return err;
}

static void test_line(void)
{
	const char *good[] = { "crrfs", "s3://b/p", "/", "-f", "-o", "ro", "-o", "uid=3" };
	const char *help[] = { "crrfs", "--help" };
	const char *few[] = { "crrfs", "s3://b" };
	const char *many[] = { "crrfs", "s3://b", "/", "x" };
	const char *absent[] = { "crrfs", "s3://b", "/not/there" };
	const char *file[] = { "crrfs", "s3://b", "/dev/null" };
	const char *flag[] = { "crrfs", "s3://b", "/", "-x" };
	const char *both[] = { "crrfs", "s3://b", "/", "-o", "profile=a,passwd_file=/b" };
	struct config c;

	CHECK_INT(read_line(&c, 8, good), 0);
	CHECK_STR(c.mountpoint, "/");
	CHECK_STR(c.prefix, "p/");
	CHECK(c.foreground && c.ro && c.uid == 3);
	config_free(&c);
	CHECK_INT(read_line(&c, 2, help), 0);
	CHECK(c.help);
	config_free(&c);
	CHECK_INT(read_line(&c, 2, few), -EINVAL);
	CHECK(strstr(why, "usage") != NULL);
	config_free(&c);
	CHECK_INT(read_line(&c, 4, many), -EINVAL);
	config_free(&c);
	CHECK_INT(read_line(&c, 3, absent), -EINVAL);
	CHECK(strstr(why, "/not/there") != NULL);
	config_free(&c);
	CHECK_INT(read_line(&c, 3, file), -EINVAL);
	config_free(&c);
	CHECK_INT(read_line(&c, 4, flag), -EINVAL);
	config_free(&c);
	CHECK_INT(read_line(&c, 5, both), -EINVAL);
	config_free(&c);
}

/* No option twice, and --help fits a terminal. */
static void test_table(void)
{
	size_t lines = 0;

	for (size_t i = 0; i < config_table_n; i++) {
		const struct config_option *o = &config_table[i];

		CHECK_CASE(o->name);
		for (size_t j = i + 1; j < config_table_n; j++)
			CHECK(strcmp(o->name, config_table[j].name) != 0);
		if (!o->help)
			continue;
		lines++;
		CHECK(strlen(o->name) + strlen(o->arg) + 1 <= 24);
		CHECK(2 + 24 + 1 + strlen(o->help) <= 79);
	}
	CHECK_CASE("");
	CHECK(lines <= 32);
}

int main(void)
{
	test_defaults();
	test_values();
	test_written();
	test_mount_options();
	test_refused();
	test_source();
	test_line();
	test_table();
	return check_done();
}
