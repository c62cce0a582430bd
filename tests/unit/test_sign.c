/* test_sign.c - SigV4: AWS's published vectors (tests/data/sigv4), and what they leave out. */
#include "s3/sign.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/io.h"
#include "tests/unit/check.h"

struct vector {
	char name[64], key_id[64], secret[64], service[16], method[8], host[64], path[256];
	char *token, payload[128], signed_names[128], signature[65];
	struct kv query, headers;
	int64_t wall_ms;
	bool filled;
};

static void vector_start(struct vector *v, const char *name)
{
	*v = (struct vector){ .filled = true };
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->key_id, sizeof(v->key_id), "AKIDEXAMPLE");
	snprintf(v->secret, sizeof(v->secret), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	snprintf(v->service, sizeof(v->service), "service");
	snprintf(v->method, sizeof(v->method), "GET");
	snprintf(v->host, sizeof(v->host), "example.amazonaws.com");
	snprintf(v->path, sizeof(v->path), "/");
	CHECK_INT(time_parse_iso("2015-08-30T12:36:00Z", &v->wall_ms), 0);
}

static void pair_set(struct kv *kv, const char *text)
{
	const char *eq = strchr(text, '=');

	CHECK(eq);
	if (eq)
		CHECK_INT(kv_setn(kv, text, (size_t)(eq - text), eq + 1, strlen(eq + 1)), 0);
}

static void vector_line(struct vector *v, const char *name, const char *value)
{
	if (strcmp(name, "credentials") == 0)
		CHECK_INT(sscanf(value, "%63s %63s", v->key_id, v->secret), 2);
	else if (strcmp(name, "time") == 0)
		CHECK_INT(time_parse_iso(value, &v->wall_ms), 0);
	else if (strcmp(name, "query") == 0)
		pair_set(&v->query, value);
	else if (strcmp(name, "header") == 0)
		pair_set(&v->headers, value);
	else if (strcmp(name, "token") == 0)
		CHECK_INT(str_dup(value, &v->token), 0);
	else {
		const struct {
			const char *name;
			char *dst;
			size_t n;
		} texts[] = {
			{ "service", v->service, sizeof(v->service) },
			{ "method", v->method, sizeof(v->method) },
			{ "host", v->host, sizeof(v->host) },
			{ "path", v->path, sizeof(v->path) },
			{ "payload", v->payload, sizeof(v->payload) },
			{ "signed", v->signed_names, sizeof(v->signed_names) },
			{ "signature", v->signature, sizeof(v->signature) },
		};
		bool known = false;

		for (size_t i = 0; i < array_size(texts); i++) {
			if (strcmp(name, texts[i].name) == 0) {
				snprintf(texts[i].dst, texts[i].n, "%s", value);
				known = true;
			}
		}
		CHECK(known);
	}
}

static void vector_run(struct vector *v)
{
	const struct cred c = { v->key_id, v->secret, v->token, CLOCK_NEVER };
	struct kv out = KV_EMPTY;
	char hash[65], date[9];
	uint8_t sum[32];
	char *want = NULL;
	struct sign_req r = { .method = v->method,
			      .host = v->host,
			      .path = v->path,
			      .query = &v->query,
			      .headers = &v->headers,
			      .payload_hash = hash,
			      .region = "us-east-1",
			      .service = v->service,
			      .wall_ms = v->wall_ms };

	if (!v->filled)
		return;
	CHECK_CASE(v->name);
	CHECK_INT(sha256(v->payload, strlen(v->payload), sum), 0);
	hex_encode(sum, sizeof(sum), hash);
	time_format_amz_date(v->wall_ms, date);
	CHECK_INT(sign_v4(&r, &c, &out), 0);
	CHECK_INT(str_format(&want,
			     "AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/%s/aws4_request, "
			     "SignedHeaders=%s, Signature=%s",
			     v->key_id, date, v->service, v->signed_names, v->signature),
		  0);
	CHECK_STR(kv_get(&out, "authorization"), want);
	CHECK_STR(kv_get(&out, "host"), v->host);
	free(want);
	kv_free(&out);
	kv_free(&v->query);
	kv_free(&v->headers);
	free(v->token);
	v->filled = false;
	CHECK_CASE(NULL);
}

static void test_vectors(void)
{
	const char *dir = getenv("srcdir");
	struct vector v = { 0 };
	char path[512], *next, *line;
	unsigned count = 0;
	struct buf b;

	snprintf(path, sizeof(path), "%s/tests/data/sigv4/vectors.txt", dir ? dir : ".");
	buf_init(&b, BUF_LIMIT_DOC);
	CHECK_INT(io_read_file(path, BUF_LIMIT_DOC, &b), 0);
	for (next = b.data; next && (line = strsep(&next, "\n"));) {
		char *value = strchr(line, ' ');

		if (!value || *line == '#')
			continue;
		*value++ = '\0';
		if (strcmp(line, "case") == 0) {
			vector_run(&v);
			vector_start(&v, value);
			count++;
		} else
			vector_line(&v, line, value);
	}
	vector_run(&v);
	CHECK_INT(count, 17);
	buf_free(&b);
}

/* What is too long for a request is refused, and nothing is given back half made. */
static void test_too_long(void)
{
	const struct cred c = { "ID", "SECRET", NULL, CLOCK_NEVER };
	auto_free char *text = calloc(1, BUF_LIMIT_SMALL + 2);
	struct kv out = KV_EMPTY, headers = KV_EMPTY;
	const struct sign_req good = { .method = "GET",
				       .host = "h",
				       .path = "/",
				       .payload_hash = "UNSIGNED-PAYLOAD",
				       .region = "us-east-1",
				       .service = "s3" };
	struct sign_req bad[] = { good, good };

	memset(text, 'x', BUF_LIMIT_SMALL + 1);
	CHECK_INT(kv_set(&headers, text, "a name that goes on"), 0);
	bad[0].region = text;
	bad[1].headers = &headers;
	for (size_t i = 0; i < array_size(bad); i++) {
		CHECK(sign_v4(&bad[i], &c, &out) < 0);
		CHECK_INT(out.n, 0);
	}
	CHECK_INT(sign_v4(&good, &c, &out), 0);
	kv_free(&out);
	kv_free(&headers);
}

/* Pairs are sorted as encoded: "a:" (a%3A) before "a0", though ':' > '0'; "a" before "a-b". */
static void test_query_order(void)
{
	const struct cred c = { "ID", "SECRET", NULL, CLOCK_NEVER };
	struct kv a = KV_EMPTY, b = KV_EMPTY, out_a = KV_EMPTY, out_b = KV_EMPTY;
	struct sign_req r = { .method = "GET",
			      .host = "h",
			      .path = "/",
			      .query = &a,
			      .payload_hash = "UNSIGNED-PAYLOAD",
			      .region = "r",
			      .service = "s3" };

	/* the signature was computed apart, by hmac of Python */
	CHECK_INT(kv_set(&a, "a0", "1"), 0);
	CHECK_INT(kv_set(&a, "a:", "2"), 0);
	CHECK_INT(kv_set(&a, "a", "3 /+"), 0);
	CHECK_INT(kv_set(&a, "a-b", ""), 0);
	CHECK_INT(sign_v4(&r, &c, &out_a), 0);
	CHECK(strstr(kv_get(&out_a, "authorization"),
		     "Signature="
		     "8c0e043922386c6ae2f8d88f5283d3d1e23a18d90a8375cc97b32074aac1cb55") != NULL);
	CHECK_STR(kv_get(&out_a, "x-amz-date"), "19700101T000000Z");
	CHECK_STR(kv_get(&out_a, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
	/* no query at all is like an empty one */
	r.query = NULL;
	kv_free(&out_a);
	CHECK_INT(sign_v4(&r, &c, &out_a), 0);
	r.query = &b;
	CHECK_INT(sign_v4(&r, &c, &out_b), 0);
	CHECK(kv_equal(&out_a, &out_b));
	CHECK(kv_get(&out_a, "x-amz-security-token") == NULL);
	kv_free(&a);
	kv_free(&out_a);
	kv_free(&out_b);
}

int main(void)
{
	test_vectors();
	test_query_order();
	test_too_long();
	return check_done();
}
