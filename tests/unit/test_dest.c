#include <errno.h>
#include <stdio.h>

#include "queue/dest_i.h"
#include "tests/unit/check.h"

#define COPY_ARN "arn:aws:s3:::copy"

static const struct s3_error down = { .class = FAULT_RETRY,
				      .code = "Transport",
				      .message = "no route" };
static const struct s3_error denied = { .status = 403,
					.class = FAULT_AUTH,
					.code = "AccessDenied" };
static const struct s3_error expired = { .status = 403,
					 .class = FAULT_AUTH,
					 .code = "ExpiredToken" };
static const struct s3_error busy = {
	.status = 503, .class = FAULT_RETRY, .code = "SlowDown", .retry_after_ms = 9000
};
static const struct s3_error local = { .class = FAULT_RETRY, .code = "Local" };

static struct dest_gauge gauge(unsigned at_once)
{
	return (struct dest_gauge){ .at_once = at_once };
}

static bool fail(struct dest_gauge *g, const struct s3_error *e, int64_t now)
{
	CHECK(dest_gauge_admit(g, now));
	return dest_gauge_note(g, -EIO, e, now);
}

static void test_at_once(void)
{
	struct dest_gauge g = gauge(2);

	CHECK(dest_gauge_admit(&g, 0));
	CHECK(dest_gauge_admit(&g, 0));
	CHECK(!dest_gauge_admit(&g, 0));
	CHECK(!dest_gauge_note(&g, 0, NULL, 0));
	CHECK(dest_gauge_admit(&g, 0));
}

static void test_pause_and_probe(void)
{
	struct dest_gauge g = gauge(8);

	CHECK(!fail(&g, &down, 1000));
	CHECK(!fail(&g, &down, 1000));
	CHECK(fail(&g, &down, 1000));
	CHECK_INT(g.state, DEST_PAUSED);
	CHECK_INT(g.until_ms, 1000 + DEST_PAUSE_FIRST_MS);
	CHECK_INT(g.since_ms, 1000);
	CHECK(strstr(g.why, "no route") != NULL);
	CHECK(!dest_gauge_admit(&g, 2999));
	/* One probe, which fails: twice as long. */
	CHECK(dest_gauge_admit(&g, 3000));
	CHECK(!dest_gauge_admit(&g, 3000));
	CHECK(dest_gauge_note(&g, -EIO, &down, 4000));
	CHECK_INT(g.until_ms, 4000 + 2 * DEST_PAUSE_FIRST_MS);
	CHECK_INT(g.since_ms, 1000);
	/* One that is stopped says nothing: the next may go at once. */
	CHECK(dest_gauge_admit(&g, 8000));
	CHECK(!dest_gauge_note(&g, -ECANCELED, NULL, 8000));
	CHECK(dest_gauge_admit(&g, 8000));
	CHECK(!dest_gauge_note(&g, -EIO, &local, 8000));
	CHECK(dest_gauge_admit(&g, 8000));
	CHECK(dest_gauge_note(&g, 0, NULL, 8000));
	CHECK_INT(g.state, DEST_OPEN);
	CHECK_STR(g.why, "");
	CHECK_INT(g.running, 0);
	/* As if new. */
	CHECK(!fail(&g, &down, 9000));
	CHECK(!fail(&g, &down, 9000));
	CHECK(fail(&g, &down, 9000));
	CHECK_INT(g.until_ms, 9000 + DEST_PAUSE_FIRST_MS);
}

static void test_what_counts(void)
{
	struct dest_gauge g = gauge(8);

	/* An answer of any kind, also a refusal, ends the row of failures. */
	CHECK(!fail(&g, &down, 0));
	CHECK(!fail(&g, &down, 0));
	CHECK(!fail(&g, &denied, 0));
	CHECK(!fail(&g, &down, 0));
	CHECK(!fail(&g, &down, 0));
	CHECK(!fail(&g, &local, 0));
	CHECK(fail(&g, &expired, 0));
	CHECK_INT(g.state, DEST_PAUSED);
	/* A job from before the pause went well. */
	g.running++;
	CHECK(dest_gauge_note(&g, 0, NULL, 10));
	CHECK_INT(g.state, DEST_OPEN);
	/* Retry-After is heeded, and the pause has an end. */
	CHECK(!fail(&g, &busy, 0));
	CHECK(!fail(&g, &busy, 0));
	CHECK(fail(&g, &busy, 0));
	CHECK_INT(g.until_ms, 9000);
	for (int i = 0; i < 20; i++) {
		int64_t now = g.until_ms;

		CHECK(fail(&g, &busy, now));
		CHECK(g.until_ms - now <= DEST_PAUSE_MAX_MS);
	}
	CHECK(!dest_is_sick(0, NULL));
	CHECK(dest_is_sick(-ETIMEDOUT, NULL));
	CHECK(!dest_is_sick(-ENOMEM, NULL));
}

static void test_arn(void)
{
	CHECK_STR(destconf_arn_bucket("arn:aws:s3:::copy"), "copy");
	CHECK_STR(destconf_arn_bucket("arn:aws-cn:s3:::copy"), "copy");
	CHECK_STR(destconf_arn_bucket("arn:aws:s3:::"), NULL);
	CHECK_STR(destconf_arn_bucket("arn:aws:s3:::a/b"), NULL);
	CHECK_STR(destconf_arn_bucket("arn:aws:sqs:::copy"), NULL);
	CHECK_STR(destconf_arn_bucket("copy"), NULL);
}

static void test_file(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[copy]\nurl = https://x\n", "f: line 1: [copy] is not the ARN of a bucket" },
		{ "\n[arn:aws:s3:::copy]\nurl = https://x\nurll = y\n",
		  "f: line 4: urll: unknown key" },
		{ "[arn:aws:s3:::copy]\nallow_http = maybe\n",
		  "f: line 2: allow_http: must be yes or no" },
		{ "[arn:aws:s3:::copy]\nurl =\n", "f: line 2: url: has no value" },
		{ "[arn:aws:s3:::copy]\nprofile = a\npasswd_file = b\n",
		  "f: line 3: passwd_file: not together with profile" },
		{ "[rule a]\nurl = https://x\n",
		  "f: line 2: url: unknown key (of a rule: durability)" },
		{ "[rule a]\ndurability = none\n", "f: line 2: durability: must be staged" },
	};
	struct destconf c = { 0 };
	char why[400];

	CHECK_INT(destconf_parse("f", "# nothing\n", &c, why, sizeof(why)), 0);
	CHECK_INT(c.n, 0);
	destconf_free(&c);
	CHECK_INT(destconf_parse("f",
				 "[arn:aws:s3:::copy]\nurl = https://x:9\nregion=eu\n"
				 "use_path_request_style = no\n[arn:aws:s3:::b]\nprofile = p\n",
				 &c, why, sizeof(why)),
		  0);
	CHECK_INT(c.n, 2);
	CHECK_STR(destconf_find(&c, COPY_ARN)->url, "https://x:9");
	CHECK_INT(destconf_find(&c, COPY_ARN)->path_style, DESTCONF_NO);
	CHECK_INT(destconf_find(&c, COPY_ARN)->allow_http, DESTCONF_UNSET);
	CHECK(!destconf_find(&c, "arn:aws:s3:::nowhere"));
	destconf_free(&c);
	CHECK_INT(destconf_parse("f", "[rule a b]\ndurability = C\n[rule x]\ndurability = staged\n",
				 &c, why, sizeof(why)),
		  0);
	CHECK_INT(c.n, 0);
	CHECK_INT(c.rules_n, 2);
	CHECK_STR(c.rules[0].id, "a b");
	CHECK_INT(c.rules[0].durability, DURABILITY_REPLICAS);
	CHECK_INT(c.rules[1].durability, DURABILITY_STAGED);
	destconf_free(&c);
	for (size_t i = 0; i < array_size(bad); i++) {
		CHECK_CASE(bad[i].why);
		CHECK_INT(destconf_parse("f", bad[i].text, &c, why, sizeof(why)), -EINVAL);
		if (!CHECK(strncmp(why, bad[i].why, strlen(bad[i].why)) == 0))
			fprintf(stderr, "%s\n", why);
	}
	CHECK_CASE(NULL);
	CHECK_INT(destconf_read("/nowhere/at/all", &c, why, sizeof(why)), -ENOENT);
}

static void test_set(void)
{
	struct s3_client_conf source = { .url = "http://127.0.0.1:1", .path_style = 1 };
	struct cred_conf cred = { 0 };
	struct dest_set_conf conf = { .source = &source, .source_cred = &cred, .at_once = 1 };
	struct dest_set *ds;
	struct dest *d = NULL;
	struct dest *again = NULL;
	struct dest_health h;
	char why[300] = "";

	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	if (!CHECK_INT(dest_set_new(&conf, &ds, why, sizeof(why)), 0))
		return;
	CHECK_INT(dest_get(ds, "nonsense", &d, why, sizeof(why)), -EINVAL);
	CHECK_INT(dest_get(ds, COPY_ARN, &d, why, sizeof(why)), 0);
	CHECK_INT(dest_get(ds, COPY_ARN, &again, why, sizeof(why)), 0);
	CHECK(d == again);
	CHECK_STR(dest_bucket(d), "copy");
	CHECK_STR(s3_client_bucket(dest_client(d)), "copy");
	CHECK_INT(dest_set_next_probe(ds), INT64_MAX);
	for (int i = 0; i < 3; i++) {
		CHECK(dest_admit(d, 50));
		CHECK_INT(dest_note(d, -EIO, &down, 50), i == 2);
	}
	CHECK_INT(dest_set_next_probe(ds), 50 + DEST_PAUSE_FIRST_MS);
	dest_get_health(d, &h);
	CHECK(h.paused && h.until_ms == 50 + DEST_PAUSE_FIRST_MS);
	dest_set_abort(ds);
	dest_set_free(ds);
}

int main(void)
{
	test_at_once();
	test_pause_and_probe();
	test_what_counts();
	test_arn();
	test_file();
	test_set();
	return check_done();
}
