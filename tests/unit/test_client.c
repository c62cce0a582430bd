/* test_client.c - s3_call over scripted attempts: what is repeated, corrected, waited for. */
#include "s3/client.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/io.h"
#include "tests/unit/check.h"
#include "tests/unit/s3_script.h"

static void conf_make(struct s3_client_conf *conf, struct script *s)
{
	struct cred_source *cred = NULL;

	CHECK_INT(cred_source_static("ID", "topsecret", NULL, &cred), 0);
	*conf = (struct s3_client_conf){ .url = "http://127.0.0.1:9000",
					 .region = "us-east-1",
					 .bucket = "buck",
					 .path_style = -1,
					 .cred = cred,
					 .attempt = script_attempt,
					 .attempt_arg = s };
}

static struct s3_client *client_make(const struct s3_client_conf *conf)
{
	struct s3_client *c = NULL;
	char why[300];

	if (!CHECK_INT(s3_client_new(conf, &c, why, sizeof(why)), 0))
		fprintf(stderr, "why: %s\n", why);
	return c;
}

static struct s3_client *scripted(struct script *s, const struct step *steps, size_t n)
{
	struct s3_client_conf conf;

	*s = (struct script){ .steps = steps, .n = (unsigned)n };
	conf_make(&conf, s);
	return client_make(&conf);
}

/* ---- the table ---- */

#define XML(code)                                                                                  \
	"<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>words</Message></Error>"
#define LOST                                                                                       \
	{                                                                                          \
		-ECONNRESET, 0, NULL, NULL, true, 0                                                \
	}
#define REFUSED                                                                                    \
	{                                                                                          \
		-ECONNREFUSED, 0, NULL, NULL, false, 0                                             \
	}
#define FINE                                                                                       \
	{                                                                                          \
		0, 200, NULL, NULL, false, 0                                                       \
	}
#define SLOW                                                                                       \
	{                                                                                          \
		0, 503, NULL, XML("SlowDown"), false, 0                                            \
	}
#define BROKEN                                                                                     \
	{                                                                                          \
		0, 500, NULL, XML("InternalError"), false, 0                                       \
	}

static const struct row {
	const char *name, *method;
	bool once, error_in_200;
	struct step steps[3];
	unsigned n;
	int rc;
	unsigned calls;
	bool unclear;
	const char *code;
	enum fault_class class;
} rows[] = {
	{ "fine", "GET", 0, 0, { FINE }, 1, 0, 1, 0, "", FAULT_NONE },
	{ "no content",
	  "DELETE",
	  0,
	  0,
	  { { 0, 204, NULL, NULL, 0, 0 } },
	  1,
	  0,
	  1,
	  0,
	  "",
	  FAULT_NONE },
	{ "reset, then fine", "PUT", 0, 0, { LOST, FINE }, 2, 0, 2, 0, "", FAULT_NONE },
	{ "reset, once", "PUT", 1, 0, { LOST, FINE }, 2, -EIO, 1, 1, "Transport", FAULT_RETRY },
	{ "timeout, once",
	  "PUT",
	  1,
	  0,
	  { { -ETIMEDOUT, 0, NULL, NULL, true, 0 } },
	  1,
	  -ETIMEDOUT,
	  1,
	  1,
	  "Transport",
	  FAULT_RETRY },
	{ "half an answer, once",
	  "POST",
	  1,
	  0,
	  { { -EIO, 200, NULL, "ha", true, 0 }, FINE },
	  2,
	  -EIO,
	  1,
	  1,
	  "Transport",
	  FAULT_RETRY },
	{ "refused connection, once",
	  "PUT",
	  1,
	  0,
	  { REFUSED, REFUSED, FINE },
	  3,
	  0,
	  3,
	  0,
	  "",
	  FAULT_NONE },
	{ "refused to the end", "PUT", 1, 0, { REFUSED }, 1, -EIO, 3, 0, "Transport", FAULT_RETRY },
	{ "slow down, once", "PUT", 1, 0, { SLOW, FINE }, 2, 0, 2, 0, "", FAULT_NONE },
	{ "throttled with a 403, once",
	  "PUT",
	  1,
	  0,
	  { { 0, 403, NULL, XML("SlowDown"), 0, 0 }, FINE },
	  2,
	  0,
	  2,
	  0,
	  "",
	  FAULT_NONE },
	{ "429, once",
	  "PUT",
	  1,
	  0,
	  { { 0, 429, NULL, NULL, 0, 0 }, FINE },
	  2,
	  0,
	  2,
	  0,
	  "",
	  FAULT_NONE },
	{ "500, once", "PUT", 1, 0, { BROKEN, FINE }, 2, -EIO, 1, 1, "InternalError", FAULT_RETRY },
	{ "502, once",
	  "PUT",
	  1,
	  0,
	  { { 0, 502, NULL, "<html>", 0, 0 } },
	  1,
	  -EIO,
	  1,
	  1,
	  "HTTP502",
	  FAULT_RETRY },
	{ "504, once",
	  "PUT",
	  1,
	  0,
	  { { 0, 504, NULL, NULL, 0, 0 } },
	  1,
	  -EIO,
	  1,
	  1,
	  "HTTP504",
	  FAULT_RETRY },
	{ "500, then fine", "PUT", 0, 0, { BROKEN, FINE }, 2, 0, 2, 0, "", FAULT_NONE },
	{ "500 to the end", "PUT", 0, 0, { BROKEN }, 1, -EIO, 3, 1, "InternalError", FAULT_RETRY },
	{ "an unclear one is not forgotten",
	  "PUT",
	  0,
	  0,
	  { LOST, SLOW },
	  2,
	  -EIO,
	  3,
	  1,
	  "SlowDown",
	  FAULT_RETRY },
	{ "unclear, then refused for good",
	  "DELETE",
	  0,
	  0,
	  { LOST, { 0, 403, NULL, XML("AccessDenied"), 0, 0 } },
	  2,
	  -EACCES,
	  2,
	  1,
	  "AccessDenied",
	  FAULT_AUTH },
	{ "a read is never unclear",
	  "GET",
	  0,
	  0,
	  { LOST, BROKEN },
	  2,
	  -EIO,
	  3,
	  0,
	  "InternalError",
	  FAULT_RETRY },
	{ "404",
	  "GET",
	  0,
	  0,
	  { { 0, 404, NULL, XML("NoSuchKey"), 0, 0 } },
	  1,
	  -ENOENT,
	  1,
	  0,
	  "NoSuchKey",
	  FAULT_GONE },
	{ "412",
	  "PUT",
	  0,
	  0,
	  { { 0, 412, NULL, XML("PreconditionFailed"), 0, 0 } },
	  1,
	  -ESTALE,
	  1,
	  0,
	  "PreconditionFailed",
	  FAULT_CONFLICT },
	{ "416",
	  "GET",
	  0,
	  0,
	  { { 0, 416, NULL, XML("InvalidRange"), 0, 0 } },
	  1,
	  -ERANGE,
	  1,
	  0,
	  "InvalidRange",
	  FAULT_BAD },
	{ "HEAD 403",
	  "HEAD",
	  0,
	  0,
	  { { 0, 403, NULL, NULL, 0, 0 } },
	  1,
	  -EACCES,
	  1,
	  0,
	  "AccessDenied",
	  FAULT_AUTH },
	{ "304 unasked",
	  "GET",
	  0,
	  0,
	  { { 0, 304, NULL, NULL, 0, 0 } },
	  1,
	  -EIO,
	  1,
	  0,
	  "HTTP304",
	  FAULT_BAD },
	{ "redirect elsewhere",
	  "GET",
	  0,
	  0,
	  { { 0, 307, "location: http://evil/\n", NULL, 0, 0 }, FINE },
	  2,
	  -EIO,
	  1,
	  0,
	  "HTTP307",
	  FAULT_BAD },
	{ "error in 200",
	  "POST",
	  0,
	  1,
	  { { 0, 200, NULL, XML("InternalError"), 0, 0 }, { 0, 200, NULL, " \n <Done/>", 0, 0 } },
	  2,
	  0,
	  2,
	  0,
	  "",
	  FAULT_NONE },
	{ "error in 200, once",
	  "POST",
	  1,
	  1,
	  { { 0, 200, NULL, XML("InternalError"), 0, 0 }, FINE },
	  2,
	  -EIO,
	  1,
	  1,
	  "InternalError",
	  FAULT_RETRY },
	{ "refusal in 200, once",
	  "POST",
	  1,
	  1,
	  { { 0, 200, NULL, XML("SlowDown"), 0, 0 }, { 0, 200, NULL, "<Done/>", 0, 0 } },
	  2,
	  0,
	  2,
	  0,
	  "",
	  FAULT_NONE },
	{ "empty 200, once",
	  "POST",
	  1,
	  1,
	  { FINE },
	  1,
	  -EIO,
	  1,
	  1,
	  "MalformedAnswer",
	  FAULT_RETRY },
	{ "half a document, once",
	  "POST",
	  1,
	  1,
	  { { 0, 200, NULL, "<Done><ETag>", 0, 0 } },
	  1,
	  -EIO,
	  1,
	  1,
	  "MalformedAnswer",
	  FAULT_RETRY },
	{ "looks like an error, is data",
	  "GET",
	  0,
	  0,
	  { { 0, 200, NULL, XML("InternalError"), 0, 0 } },
	  1,
	  0,
	  1,
	  0,
	  "",
	  FAULT_NONE },
};

static void test_rows(void)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		const struct row *r = &rows[i];
		struct s3_client_conf conf;
		struct script s = { .steps = r->steps, .n = r->n };
		struct s3_client *c;
		struct s3_req q = { .op = "Op",
				    .method = r->method,
				    .key = "k",
				    .once = r->once,
				    .error_in_200 = r->error_in_200 };
		struct s3_res res = { 0 };

		CHECK_CASE(r->name);
		conf_make(&conf, &s);
		conf.max_attempts = 3;
		c = client_make(&conf);
		CHECK_INT(s3_call(c, &q, &res), r->rc);
		CHECK_INT(s.calls, r->calls);
		CHECK_INT(res.error.unclear, r->unclear);
		CHECK_STR(res.error.code, r->code);
		CHECK_INT(res.error.class, r->class);
		if (r->rc == 0 && r->error_in_200)
			CHECK_STR(buf_str(&res.body), "<Done/>");
		for (unsigned k = 1; k < s.calls; k++)
			CHECK_STR(s.url[k], "http://127.0.0.1:9000/buck/k");
		s3_res_free(&res);
		s3_client_free(c);
	}
	CHECK_CASE(NULL);
}

/* ---- waiting ---- */

static void test_waits(void)
{
	static const struct step steps[] = {
		LOST, LOST, { 0, 503, "retry-after: 1\n", XML("SlowDown"), 0, 0 }, FINE
	};
	struct s3_req q = { .op = "Op", .method = "GET", .key = "k" };
	struct s3_res res = { 0 };
	struct script s;
	struct s3_client *c = scripted(&s, steps, array_size(steps));

	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_INT(s.calls, 4);
	CHECK(s.at[1] - s.at[0] >= 50);
	CHECK(s.at[2] - s.at[1] >= 100);
	CHECK(s.at[3] - s.at[2] >= 1000);
	CHECK(s.deadline[0] == s.deadline[3] && s.deadline[0] - s.at[0] <= 60000);
	CHECK_INT(s.stall_ms, 30000);
	s3_res_free(&res);
	s3_client_free(c);
}

static void test_deadline(void)
{
	static const struct step later[] = { { 0, 503, "retry-after: 3600\n", XML("SlowDown"), 0,
					       0 } };
	static const struct step moving[] = { { -ECONNRESET, 0, NULL, NULL, true, 300 }, FINE };
	struct s3_req q = {
		.op = "Op", .method = "PUT", .key = "k", .body_data = "abc", .body_size = 3
	};
	struct s3_client_conf conf;
	struct s3_res res = { 0 };
	struct script s = { .steps = later, .n = 1 };
	int64_t start = clock_mono_ms();
	struct s3_client *c;
	char text[400];

	conf_make(&conf, &s);
	conf.call_ms = 20000;
	c = client_make(&conf);
	CHECK_INT(s3_call(c, &q, &res),
		  -ETIMEDOUT); /* the wait would not fit: at once, with the reason */
	CHECK(clock_mono_ms() - start < 20000);
	CHECK_STR(s3_error_text(&res.error, text, sizeof(text)), "503 SlowDown: words");
	s3_res_free(&res);
	s3_client_free(c);
	conf_make(&conf, &s);
	conf.call_ms = 400;
	c = client_make(&conf);
	/* bulk data: the time in which bytes move does not count */
	s = (struct script){ .steps = moving, .n = 2 };
	q.data = true;
	for (int i = 0; i < 2; i++) {
		CHECK_INT(s3_call(c, &q, &res), 0);
		CHECK_INT(s.deadline[0] == CLOCK_NEVER, 1);
		s3_res_free(&res);
		res = (struct s3_res){ 0 };
		s.calls = 0;
		conf.call_ms = 250;
		s3_client_free(c);
		conf_make(&conf, &s);
		conf.call_ms = 250;
		c = client_make(&conf);
	}
	q.data = false;
	CHECK_INT(s3_call(c, &q, &res), -ETIMEDOUT);
	CHECK_INT(s.calls, 1);
	s3_res_free(&res);
	s3_client_free(c);
}

struct abort_job {
	struct s3_client *c;
	int rc;
	struct s3_error error;
};

static void *abort_call(void *arg)
{
	struct abort_job *j = arg;
	struct s3_req q = { .op = "Op", .method = "PUT", .key = "k" };
	struct s3_res res = { 0 };

	j->rc = s3_call(j->c, &q, &res);
	j->error = res.error;
	s3_res_free(&res);
	return NULL;
}

static void test_abort(void)
{
	static const struct step later[] = { { 0, 500, "retry-after: 20\n", NULL, 0, 0 } };
	static const struct step lost[] = { { -ECANCELED, 0, NULL, NULL, true, 0 } };
	struct script s;
	struct abort_job j = { 0 };
	int64_t start = clock_mono_ms();
	pthread_t t;

	j.c = scripted(&s, later, 1);
	CHECK_INT(pthread_create(&t, NULL, abort_call, &j), 0);
	pause_ms(100);
	s3_client_abort(j.c);
	CHECK_INT(pthread_join(t, NULL), 0);
	CHECK(clock_mono_ms() - start < 15000); /* not until it would have tried again */
	CHECK_INT(j.rc, -ECANCELED);
	CHECK(j.error.unclear);
	abort_call(&j);
	CHECK_INT(j.rc, -ECANCELED);
	CHECK_INT(s.calls, 1);
	CHECK(!j.error.unclear);
	s3_client_free(j.c);
	/* in the middle of an attempt */
	j.c = scripted(&s, lost, 1);
	s.abort_during = j.c;
	abort_call(&j);
	CHECK_INT(j.rc, -ECANCELED);
	CHECK_INT(s.calls, 1);
	CHECK(j.error.unclear);
	s3_client_free(j.c);
}

/* A patient one goes on while there is no answer at all; an answer counts as ever. */
static void test_patience(void)
{
	static const struct step away[] = { REFUSED, REFUSED, REFUSED, FINE };
	static const struct step broken[] = { REFUSED, REFUSED, BROKEN, FINE };
	static const struct step *const all[] = { away, broken };
	static const int want[] = { 0, -EIO };
	static const unsigned calls[] = { 4, 3 };

	for (size_t i = 0; i < array_size(all); i++) {
		struct script s = { .steps = all[i], .n = 4 };
		struct s3_req q = { .op = "Op", .method = "GET", .key = "k" };
		struct s3_res res = { 0 };
		struct s3_client_conf conf;
		struct s3_client *c;

		conf_make(&conf, &s);
		conf.max_attempts = 2;
		conf.patient = true;
		c = client_make(&conf);
		CHECK_INT(s3_call(c, &q, &res), want[i]);
		CHECK_INT(s.calls, calls[i]);
		s3_res_free(&res);
		s3_client_free(c);
	}
}

static void *fire_soon(void *arg)
{
	pause_ms(100);
	cancel_fire(arg);
	return NULL;
}

static int call_it(struct s3_client *c, const char *method)
{
	struct s3_req q = { .op = "Op", .method = method, .key = "k" };
	struct s3_res res = { 0 };
	int r = s3_call(c, &q, &res);

	s3_res_free(&res);
	return r;
}

/* What changes nothing is given up with the operation that the thread works for, waits included. */
static void test_interrupt(void)
{
	static const struct step later[] = { { 0, 503, "retry-after: 20\n", XML("SlowDown"), 0, 0 },
					     FINE };
	struct script s;
	struct s3_client *c = scripted(&s, later, 2);
	struct cancel cancel;
	pthread_t t;

	cancel_init(&cancel);
	CHECK(cancel_enter(&cancel) == NULL);
	CHECK_INT(pthread_create(&t, NULL, fire_soon, &cancel), 0);
	CHECK_INT(call_it(c, "GET"), -EINTR);
	CHECK_INT(s.calls, 1);
	CHECK_INT(pthread_join(t, NULL), 0);
	CHECK_INT(call_it(c, "HEAD"), -EINTR);
	CHECK_INT(s.calls, 1);
	CHECK_INT(call_it(c, "PUT"), 0);
	CHECK_INT(s.calls, 2);
	CHECK(cancel_enter(NULL) == &cancel);
	CHECK_INT(call_it(c, "GET"), 0);
	cancel_free(&cancel);
	s3_client_free(c);
}

/* ---- corrections ---- */

static void test_skew(void)
{
	static const struct step told[] = { { 0, 403, "date: Sat, 31 Jan 2026 23:59:59 GMT\n",
					      XML("RequestTimeTooSkewed"), 0, 0 },
					    FINE };
	static const struct step head[] = {
		{ 0, 403, "date: Sat, 31 Jan 2026 23:59:59 GMT\n", NULL, 0, 0 }, FINE
	};
	static const struct step always[] = { { 0, 403, "date: Sat, 31 Jan 2026 23:59:59 GMT\n",
						XML("RequestTimeTooSkewed"), 0, 0 } };
	static const struct step undated[] = { { 0, 403, NULL, XML("RequestTimeTooSkewed"), 0,
						 0 } };
	const struct {
		const struct step *steps;
		size_t n;
		const char *method;
		int rc;
		unsigned calls;
	} cases[] = {
		{ told, 2, "PUT", 0, 2 },
		{ head, 2, "HEAD", 0, 2 },
		{ always, 1, "PUT", -EACCES, 2 },
		{ undated, 1, "PUT", -EACCES, 1 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct s3_req q = {
			.op = "Op", .method = cases[i].method, .key = "k", .once = true
		};
		struct s3_res res = { 0 };
		struct script s;
		struct s3_client *c = scripted(&s, cases[i].steps, cases[i].n);

		CHECK_INT(s3_call(c, &q, &res), cases[i].rc);
		CHECK_INT(s.calls, cases[i].calls);
		s3_res_free(&res);
		if (cases[i].rc == 0) {
			res = (struct s3_res){ 0 };
			CHECK(memcmp(s.date[0], "20260131T2359", 13) != 0);
			CHECK(memcmp(s.date[1], "20260131T2359", 13) == 0 ||
			      memcmp(s.date[1], "20260201T0000", 13) == 0);
			CHECK_INT(s3_call(c, &q, &res), 0); /* remembered */
			CHECK(memcmp(s.date[2], "202601", 6) == 0 ||
			      memcmp(s.date[2], "20260201T00", 11) == 0);
			s3_res_free(&res);
		}
		s3_client_free(c);
	}
}

static void test_region(void)
{
	static const struct step malformed[] = { { 0, 400, NULL,
						   "<Error><Code>AuthorizationHeaderMalformed</"
						   "Code><Region>eu-west-1</Region></Error>",
						   0, 0 },
						 FINE };
	static const struct step moved[] = {
		{ 0, 301, "x-amz-bucket-region: eu-west-1\n", NULL, 0, 0 }, FINE
	};
	static const struct step circle[] = {
		{ 0, 301, "x-amz-bucket-region: eu-west-2\n", NULL, 0, 0 },
		{ 0, 301, "x-amz-bucket-region: eu-west-3\n", NULL, 0, 0 }
	};
	static const struct step evil[] = {
		{ 0, 301, "x-amz-bucket-region: evil.example#\n", NULL, 0, 0 }, FINE
	};
	struct s3_req q = { .op = "Op", .method = "HEAD", .key = "k" };
	struct s3_res res = { 0 };
	struct script s;
	struct s3_client *c = scripted(&s, malformed, 2);
	struct s3_client_conf conf;

	CHECK_INT(s3_call(c, &q, &res), 0);
	s3_res_free(&res);
	CHECK(strstr(s.authorization[0], "/us-east-1/s3/"));
	CHECK(strstr(s.authorization[1], "/eu-west-1/s3/"));
	CHECK_STR(s.url[1], "http://127.0.0.1:9000/buck/k");
	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK(strstr(s.authorization[2], "/eu-west-1/s3/")); /* remembered */
	s3_res_free(&res);
	s3_client_free(c);
	/* AWS: the host goes with the region */
	s = (struct script){ .steps = moved, .n = 2 };
	conf_make(&conf, &s);
	conf.url = NULL;
	conf.region = NULL;
	c = client_make(&conf);
	CHECK_STR(s3_client_url(c), "https://s3.us-east-1.amazonaws.com");
	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_STR(s.url[0], "https://buck.s3.us-east-1.amazonaws.com/k");
	CHECK_STR(s.url[1], "https://buck.s3.eu-west-1.amazonaws.com/k");
	s3_res_free(&res);
	/* once a call; and never to a host that the answer made up */
	s = (struct script){ .steps = circle, .n = 2 };
	CHECK_INT(s3_call(c, &q, &res), -EIO);
	CHECK_INT(s.calls, 2);
	CHECK_STR(res.error.region, "eu-west-3");
	s3_res_free(&res);
	s = (struct script){ .steps = evil, .n = 2 };
	CHECK_INT(s3_call(c, &q, &res), -EIO);
	CHECK_INT(s.calls, 1);
	s3_res_free(&res);
	s3_client_free(c);
}

/* The file changes while the server refuses the old keys. */
static void test_cred(void)
{
	static const struct step refused[] = { { 0, 403, NULL, XML("InvalidAccessKeyId"), 0, 0 } };
	static const struct step then[] = { { 0, 403, NULL, XML("ExpiredToken"), 0, 0 }, FINE };
	struct s3_req q = { .op = "Op", .method = "PUT", .key = "k" };
	struct s3_client_conf conf;
	struct s3_res res = { 0 };
	struct script s = { .steps = refused, .n = 1 };
	char path[] = "/tmp/test_client.XXXXXX", why[300];
	struct cred_conf cc = { .passwd_file = path };
	struct s3_client *c;
	int fd = mkstemp(path);

	CHECK_INT(io_write_full(fd, "OLD:S\n", 6), 0);
	close(fd);
	conf_make(&conf, &s);
	cred_source_free(conf.cred);
	CHECK_INT(cred_source_new(&cc, &conf.cred, why, sizeof(why)), 0);
	c = client_make(&conf);
	CHECK_INT(s3_call(c, &q, &res), -EACCES);
	CHECK_INT(s.calls, 1);
	s3_res_free(&res);
	CHECK_INT(io_replace_file(path, "NEW:S\n", 6, 0600), 0);
	s = (struct script){ .steps = then, .n = 2 };
	CHECK_INT(s3_call(c, &q, &res), -EACCES); /* these are new already: nothing to correct */
	CHECK(strstr(s.authorization[0], "Credential=NEW/"));
	s3_res_free(&res);
	s = (struct script){ .steps = then, .n = 2, .change_file = path };
	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_INT(s.calls, 2);
	CHECK(strstr(s.authorization[1], "Credential=NEWER/"));
	s3_res_free(&res);
	s3_client_free(c);
	unlink(path);
}

/* ---- bodies ---- */

struct sink {
	char text[64];
	int restarts, error;
};

static int sink_write(void *arg, const void *p, size_t n)
{
	struct sink *s = arg;

	strncat(s->text, p, min_of(n, sizeof(s->text) - strlen(s->text) - 1));
	return s->error;
}

static int sink_restart(void *arg)
{
	struct sink *s = arg;

	s->restarts++;
	s->text[0] = '\0';
	return 0;
}

static int source_read(void *arg, void *dst, size_t n, uint64_t off)
{
	const char *text = arg;

	if (!text)
		return -ENXIO;
	memcpy(dst, text + off, n);
	return 0;
}

static void test_sink(void)
{
	static const struct step steps[] = { { -EIO, 206, NULL, "hel", true, 0 },
					     BROKEN,
					     { 0, 206, NULL, "hello", 0, 0 } };
	static const struct step gone[] = { { 0, 404, NULL, XML("NoSuchKey"), 0, 0 } };
	struct sink sink = { 0 };
	struct s3_req q = { .op = "GetObject",
			    .method = "GET",
			    .key = "k",
			    .write = sink_write,
			    .write_arg = &sink,
			    .restart = sink_restart,
			    .data = true };
	struct s3_res res = { 0 };
	struct script s;
	struct s3_client *c = scripted(&s, steps, 3);

	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_STR(sink.text, "hello");
	CHECK_INT(sink.restarts, 2);
	CHECK_INT(res.status, 206);
	CHECK_INT(res.error.class, FAULT_NONE);
	s3_res_free(&res);
	sink = (struct sink){ .error = -ENOSPC }; /* the caller's own trouble is not repeated */
	s.calls = 2;
	CHECK_INT(s3_call(c, &q, &res), -ENOSPC);
	CHECK_INT(s.calls, 3);
	s3_res_free(&res);
	s3_client_free(c);
	sink = (struct sink){ 0 };
	c = scripted(&s, gone, 1);
	CHECK_INT(s3_call(c, &q, &res), -ENOENT);
	CHECK_STR(sink.text, "");
	s3_res_free(&res);
	s3_client_free(c);
}

static void test_upload(void)
{
	/* MD5 of "hello world" */
	static const struct step steps[] = {
		LOST,
		{ 0, 200, "etag: \"00000000000000000000000000000000\"\n", NULL, 0, 0 },
		{ 0, 200, "etag: \"5EB63BBBE01EEED093CB22BB8F5ACDC3\"\n", NULL, 0, 0 },
	};
	static const struct step empty[] = {
		{ 0, 200, "etag: \"00000000000000000000000000000000\"\n", NULL, 0, 0 },
		{ 0, 200, "etag: \"d41d8cd98f00b204e9800998ecf8427e\"\n", NULL, 0, 0 },
	};
	char text[] = "hello world";
	struct s3_req q = { .op = "PutObject",
			    .method = "PUT",
			    .key = "k",
			    .read = source_read,
			    .read_arg = text,
			    .body_size = 11,
			    .check_md5 = true,
			    .data = true };
	struct s3_res res = { 0 };
	struct script s;
	struct s3_client *c = scripted(&s, steps, 3);

	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_INT(s.calls, 3);
	CHECK_STR(s.payload[2], "UNSIGNED-PAYLOAD");
	s3_res_free(&res);
	/* wrong bytes stored: not unclear, so that no one takes them for the right ones */
	q.once = true;
	s = (struct script){ .steps = steps + 1, .n = 1 };
	CHECK_INT(s3_call(c, &q, &res), -EIO);
	CHECK(s.calls == 6 && !res.error.unclear);
	CHECK_STR(res.error.code, "ETagMismatch");
	s3_res_free(&res);
	/* cut off before the end of the body: nothing can have come of it */
	s = (struct script){ .steps = steps, .n = 1, .cut = 3 };
	CHECK_INT(s3_call(c, &q, &res), -EIO);
	CHECK(s.calls == 6 && !res.error.unclear);
	s3_res_free(&res);
	/* an empty body has an MD5 too */
	q = (struct s3_req){ .op = "PutObject", .method = "PUT", .key = "k", .check_md5 = true };
	s = (struct script){ .steps = empty, .n = 2 };
	res = (struct s3_res){ 0 };
	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_INT(s.calls, 2);
	s3_res_free(&res);
	s3_client_free(c);
	c = scripted(&s, steps + 1, 2);
	q = (struct s3_req){
		.op = "PutObject", .method = "PUT", .key = "k", .read = source_read, .body_size = 5
	};
	CHECK_INT(s3_call(c, &q, &res), -ENXIO); /* while it is hashed: nothing was sent */
	CHECK(s.calls == 0 && !res.error.unclear);
	s3_res_free(&res);
	s3_client_free(c);
}

/* One guard for each body that is stored, and not two where one is enough: its bytes are read and
 * hashed as seldom as can be. */
static void test_guard(void)
{
	static const struct step steps[] = { FINE };
	static const struct {
		const char *url;
		bool check_md5, is_signed;
	} cases[] = {
		{ "http://127.0.0.1:9000", true, false }, { "http://127.0.0.1:9000", false, true },
		{ "http://s3.example", true, true },	  { "http://s3.example", false, true },
		{ "https://s3.example", true, false },	  { "https://s3.example", false, false },
	};
	struct s3_req q = { .op = "PutObject",
			    .method = "PUT",
			    .key = "k",
			    .body_data = "hello world",
			    .body_size = 11 };

	for (size_t i = 0; i < array_size(cases); i++) {
		struct s3_client_conf conf;
		struct s3_res res = { 0 };
		struct script s = { .steps = steps, .n = 1 };
		struct s3_client *c;
		bool is_signed;

		CHECK_CASE(cases[i].url);
		conf_make(&conf, &s);
		conf.url = cases[i].url;
		conf.allow_http = true;
		c = client_make(&conf);
		q.check_md5 = cases[i].check_md5;
		CHECK_INT(s3_call(c, &q, &res), 0);
		is_signed = strcmp(s.payload[0], "UNSIGNED-PAYLOAD") != 0;
		CHECK_INT(is_signed, cases[i].is_signed);
		CHECK_INT(s.want_md5[0], q.check_md5);
		s3_res_free(&res);
		s3_client_free(c);
	}
	CHECK_CASE(NULL);
}

/* A server that heeds the checksum spares the MD5, until it does not any more. */
static void test_guard_checksum(void)
{
	static const struct step steps[] = {
		{ 0, 200, "x-amz-checksum-crc32c: yZRlqg==\n", NULL, 0, 0 },
		{ 0, 200, "x-amz-checksum-crc32c: yZRlqg==\n", NULL, 0, 0 },
		{ 0, 200, "etag: \"00000000000000000000000000000000\"\n", NULL, 0, 0 },
		{ 0, 200, "etag: \"5eb63bbbe01eeed093cb22bb8f5acdc3\"\n", NULL, 0, 0 },
	};
	struct s3_req q = { .op = "PutObject",
			    .method = "PUT",
			    .key = "k",
			    .body_data = "hello world",
			    .body_size = 11,
			    .check_md5 = true,
			    .checksum = true };
	struct script s;
	struct s3_client *c = scripted(&s, steps, 4);

	for (unsigned n = 0; n < 3; n++) {
		struct s3_res res = { 0 };

		CHECK_INT(s3_call(c, &q, &res), 0);
		s3_res_free(&res);
	}
	CHECK_INT(s.calls, 4);
	CHECK(s.want_md5[0] && !s.want_md5[1] && !s.want_md5[2] && s.want_md5[3]);
	s3_client_free(c);
}

static void test_conditional(void)
{
	static const struct step steps[] = { { 0, 304, "etag: \"x\"\n", NULL, 0, 0 } };
	struct s3_req q = { .op = "GetObject", .method = "GET", .key = "k" };
	struct s3_res res = { 0 };
	struct script s;
	struct s3_client *c = scripted(&s, steps, 1);

	CHECK_INT(kv_set(&q.headers, "if-none-match", "\"x\""), 0);
	CHECK_INT(s3_call(c, &q, &res), 0);
	CHECK_INT(res.status, 304);
	CHECK_STR(kv_get(&res.headers, "etag"), "\"x\"");
	s3_res_free(&res);
	s3_req_free(&q);
	s3_client_free(c);
}

int main(void)
{
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	test_rows();
	test_waits();
	test_deadline();
	test_abort();
	test_patience();
	test_interrupt();
	test_skew();
	test_region();
	test_cred();
	test_sink();
	test_upload();
	test_guard();
	test_guard_checksum();
	test_conditional();
	return check_done();
}
