/*
 * script_s3.h - a server that says what it is told to, in order, and looks at what it is asked: an
 * http_attempt_fn for tests of the verbs. A step that differs from the request, and steps that are
 * left over, are failed checks.
 */
#ifndef TESTS_UNIT_SCRIPT_S3_H
#define TESTS_UNIT_SCRIPT_S3_H

#include "tests/unit/check.h"

#include <errno.h>

#include "s3/client.h"

struct script_step {
	const char *method;
	const char *url;	/* has to be in the request's */
	const char *headers[32]; /* name, value: have to be in the request; value NULL = must not be;
				   up to NULL */
	const char *sends;	/* has to be in the request's body; NULL = anything */
	int rc;			/* the connection broke after the request was sent */
	int status;
	const char *answer[24]; /* name, value of the answer's headers, up to NULL */
	const char *body;
};

struct script {
	const struct script_step *steps;
	size_t n, at;
};

static inline void script_check(const struct script_step *s, const struct http_req *q)
{
	auto_free char *body = calloc(1, (size_t)q->body_size + 1);

	CHECK_STR(q->method, s->method);
	if (!CHECK(strstr(q->url, s->url)))
		fprintf(stderr, "\tasked: %s, wanted: %s\n", q->url, s->url);
	for (size_t k = 0; k < array_size(s->headers) && s->headers[k]; k += 2)
		if (!CHECK_STR(kv_get(q->headers, s->headers[k]), s->headers[k + 1]))
			fprintf(stderr, "\theader: %s\n", s->headers[k]);
	if (q->read)
		CHECK_INT(q->read(q->read_arg, body, (size_t)q->body_size, 0), 0);
	else if (q->body_size > 0)
		memcpy(body, q->body_data, (size_t)q->body_size);
	if (s->sends && !CHECK(strstr(body, s->sends)))
		fprintf(stderr, "\tsent: %s, wanted: %s\n", body, s->sends);
}

static int script_attempt(void *arg, const struct http_req *q, struct http_res *res)
{
	struct script *script = arg;
	const struct script_step *s = &script->steps[script->at];
	size_t n;

	if (!CHECK(script->at < script->n)) {
		fprintf(stderr, "\tasked: %s %s\n", q->method, q->url);
		return -ENOTCONN;
	}
	script->at++;
	script_check(s, q);
	res->sent = true;
	if (s->rc != 0)
		return s->rc;
	res->status = s->status;
	for (size_t k = 0; k < array_size(s->answer) && s->answer[k]; k += 2)
		CHECK_INT(kv_set(&res->headers, s->answer[k], s->answer[k + 1]), 0);
	n = s->body ? strlen(s->body) : 0;
	res->received = n;
	if (q->write && s->status < 300)
		return n > 0 ? q->write(q->write_arg, s->body, n) : 0;
	return buf_add(&res->body, s->body ? s->body : "", n);
}

static inline struct s3_client *script_client(struct script *script)
{
	struct s3_client_conf conf = { .url = "http://127.0.0.1:9",
				       .region = "us-east-1",
				       .bucket = "b",
				       .path_style = 1,
				       .max_attempts = 1,
				       .attempt = script_attempt,
				       .attempt_arg = script };
	struct s3_client *c = NULL;
	char why[200];

	CHECK_INT(cred_source_static("ID", "SECRET", NULL, &conf.cred), 0);
	CHECK_INT(s3_client_new(&conf, &c, why, sizeof(why)), 0);
	return c;
}

/* script_run(steps, c, expression): the expression talks to c, which answers by the steps. */
#define SCRIPT_RUN(table, c, statement)                                                            \
	do {                                                                                       \
		struct script script_now = { .steps = (table), .n = array_size(table) };           \
		struct s3_client *c = script_client(&script_now);                                  \
		statement;                                                                         \
		CHECK_INT(script_now.at, script_now.n);                                            \
		s3_client_free(c);                                                                 \
	} while (0)

#endif
