/* test_endpoint.c - URLs taken and refused, and where requests go; s3_client_new's checks. */
#include "s3/endpoint.h"

#include <errno.h>

#include "s3/client.h"
#include "tests/unit/check.h"

struct seen {
	char url[256];
	char payload[80];
};

static int see(void *arg, const struct http_req *q, struct http_res *r)
{
	struct seen *s = arg;

	snprintf(s->url, sizeof(s->url), "%s", q->url);
	snprintf(s->payload, sizeof(s->payload), "%s", kv_get(q->headers, "x-amz-content-sha256"));
	r->status = 200;
	return 0;
}

static void test_new(void)
{
	static const struct {
		const char *url, *bucket, *region;
		int path_style, rc;
		bool allow_http;
		const char *place; /* of key "a b/+" with ?x=1, or words of why */
	} cases[] = {
		{ NULL, "buck", NULL, -1, 0, 0,
		  "https://buck.s3.us-east-1.amazonaws.com/a%20b/%2B?x=1" },
		{ NULL, "bu.ck", NULL, -1, 0, 0,
		  "https://s3.us-east-1.amazonaws.com/bu.ck/a%20b/%2B?x=1" },
		{ NULL, "Buck_", NULL, -1, 0, 0,
		  "https://s3.us-east-1.amazonaws.com/Buck_/a%20b/%2B?x=1" },
		{ NULL, "buck", "cn-north-1", 1, 0, 0,
		  "https://s3.cn-north-1.amazonaws.com.cn/buck/a%20b/%2B?x=1" },
		{ "https://Host.Example:443/", "buck", NULL, -1, 0, 0,
		  "https://host.example/buck/a%20b/%2B?x=1" },
		{ "https://host.example:8443", "buck", NULL, 0, 0, 0,
		  "https://buck.host.example:8443/a%20b/%2B?x=1" },
		{ "http://localhost:9000", "buck", NULL, -1, 0, 0,
		  "http://localhost:9000/buck/a%20b/%2B?x=1" },
		{ "http://127.1.2.3", "buck", NULL, -1, 0, 0,
		  "http://127.1.2.3/buck/a%20b/%2B?x=1" },
		{ "http://[::1]:80", "buck", NULL, -1, 0, 0, "http://[::1]/buck/a%20b/%2B?x=1" },
		{ "http://host.example", "buck", NULL, -1, 0, 1,
		  "http://host.example/buck/a%20b/%2B?x=1" },
		{ "http://host.example", "buck", NULL, -1, -EINVAL, 0, "allow_http" },
		{ "http://127.0.0.1.evil.example", "buck", NULL, -1, -EINVAL, 0, "allow_http" },
		{ "http://localhost.evil.example", "buck", NULL, -1, -EINVAL, 0, "allow_http" },
		{ "http://[::2]", "buck", NULL, -1, -EINVAL, 0, "allow_http" },
		{ "http://localhost@evil.example", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://u:p@h", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://h/path", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://h?q", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://h:0", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://h:99999", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "ftp://h", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "h", "buck", NULL, -1, -EINVAL, 0, "expected http" },
		{ "https://127.0.0.1", "buck", NULL, 0, -EINVAL, 0, "use path style" },
		{ "https://h", "Buck_", NULL, 0, -EINVAL, 0, "use path style" },
		{ "https://h", "..", NULL, -1, -EINVAL, 0, "bucket" },
		{ "https://h", "a/b", NULL, -1, -EINVAL, 0, "bucket" },
		{ "https://h", "", NULL, -1, -EINVAL, 0, "bucket" },
		{ "https://h", "buck", "EU/1", -1, -EINVAL, 0, "region" },
	};
	for (size_t i = 0; i < array_size(cases); i++) {
		struct s3_req q = { .op = "Op", .method = "GET", .key = "a b/+" };
		struct s3_client_conf conf;
		struct s3_client *c = NULL;
		struct s3_res res = { 0 };
		struct seen s = { "", "" };
		char why[300];
		int rc;

		CHECK_CASE(cases[i].url ? cases[i].url : cases[i].bucket);
		conf = (struct s3_client_conf){ .url = cases[i].url,
						.bucket = cases[i].bucket,
						.region = cases[i].region,
						.path_style = cases[i].path_style,
						.allow_http = cases[i].allow_http,
						.attempt = see,
						.attempt_arg = &s };
		CHECK_INT(cred_source_static("ID", "S", NULL, &conf.cred), 0);
		rc = s3_client_new(&conf, &c, why, sizeof(why));
		CHECK_INT(rc, cases[i].rc);
		if (rc) {
			if (!CHECK(strstr(why, cases[i].place)))
				fprintf(stderr, "why: %s\n", why);
			cred_source_free(conf.cred); /* not taken */
			continue;
		}
		CHECK_INT(kv_set(&q.query, "x", "1"), 0);
		CHECK_INT(s3_call(c, &q, &res), 0);
		CHECK_STR(s.url, cases[i].place);
		CHECK_STR(s.payload, strncmp(s.url, "https", 5) == 0
					     ? "UNSIGNED-PAYLOAD"
					     : "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
					       "5991b7852b855");
		CHECK_STR(s3_client_bucket(c), cases[i].bucket);
		s3_res_free(&res);
		s3_req_free(&q);
		s3_client_free(c);
	}
	CHECK_CASE(NULL);
}

static void test_keys(void)
{
	static const struct {
		const char *key, *path;
	} cases[] = {
		{ NULL, "/b" },
		{ "", "/b/" },
		{ "/", "/b//" },
		{ "a//b/", "/b/a//b/" },
		{ "../x", "/b/../x" },
		{ "\xc3\xbc ~+%&=?#", "/b/%C3%BC%20~%2B%25%26%3D%3F%23" },
		{ "a\nb\x01", "/b/a%0Ab%01" },
	};
	struct endpoint e;
	char why[100];

	CHECK_INT(endpoint_parse("https://h", &e, why, sizeof(why)), 0);
	for (size_t i = 0; i < array_size(cases); i++) {
		struct place p = { 0 };

		CHECK_INT(endpoint_place(&e, true, "b", cases[i].key, NULL, &p), 0);
		CHECK_STR(p.path, cases[i].path);
		place_free(&p);
	}
}

int main(void)
{
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	test_new();
	test_keys();
	return check_done();
}
