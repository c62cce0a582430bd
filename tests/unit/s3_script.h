/* s3_script.h - an http_attempt_fn that plays a script and notes what it was asked. */
#ifndef TESTS_UNIT_S3_SCRIPT_H
#define TESTS_UNIT_S3_SCRIPT_H

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "s3/client.h"
#include "tests/unit/check.h"

#define STEPS_MAX 8

static inline void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

struct step {
	int rc, status;
	const char *headers; /* "name: value\n..." */
	const char *body;
	bool sent;
	int takes_ms;
};

struct script {
	const struct step *steps;
	unsigned n; /* the last one is repeated */
	unsigned calls;
	char url[STEPS_MAX][256];
	char authorization[STEPS_MAX][400];
	char date[STEPS_MAX][20];
	char payload[STEPS_MAX][65];
	bool want_md5[STEPS_MAX];
	int64_t at[STEPS_MAX];
	int64_t deadline[STEPS_MAX];
	int64_t stall_ms;
	struct s3_client *abort_during;
	uint64_t cut;		 /* so many bytes of the body do not go out */
	const char *change_file; /* gets new keys during the first attempt */
};

static inline void headers_set(struct kv *kv, const char *text)
{
	while (text && *text) {
		const char *colon = strstr(text, ": ");
		size_t n = strcspn(text, "\n");

		CHECK_INT(kv_setn(kv, text, (size_t)(colon - text), colon + 2,
				  n - (size_t)(colon + 2 - text)),
			  0);
		text += n + (text[n] == '\n');
	}
}

static inline void note(struct script *s, const struct http_req *q)
{
	unsigned i = min_of(s->calls, STEPS_MAX - 1u);

	snprintf(s->url[i], sizeof(s->url[i]), "%s", q->url);
	snprintf(s->authorization[i], sizeof(s->authorization[i]), "%s",
		 kv_get(q->headers, "authorization"));
	snprintf(s->date[i], sizeof(s->date[i]), "%s", kv_get(q->headers, "x-amz-date"));
	snprintf(s->payload[i], sizeof(s->payload[i]), "%s",
		 kv_get(q->headers, "x-amz-content-sha256"));
	s->want_md5[i] = q->want_md5;
	s->at[i] = clock_mono_ms();
	s->deadline[i] = q->deadline_mono_ms;
	s->stall_ms = q->stall_ms;
	s->calls++;
}

static inline int body_send(const struct http_req *q, uint64_t cut, struct http_res *r)
{
	struct digest *d = NULL;
	char chunk[7];
	size_t n;
	int rc = 0;

	CHECK_INT(digest_new(DIGEST_MD5, &d), 0);
	for (uint64_t off = 0; off < q->body_size - cut && rc == 0; off += n) {
		n = (size_t)min_of((uint64_t)sizeof(chunk), q->body_size - cut - off);
		if (q->read)
			rc = q->read(q->read_arg, chunk, n, off);
		else
			memcpy(chunk, (const char *)q->body_data + off, n);
		digest_add(d, chunk, n);
	}
	CHECK_INT(digest_end(d, r->body_md5), 0);
	r->body_md5_valid = rc == 0 && !cut && q->body_size;
	digest_free(d);
	return rc;
}

static inline int script_attempt(void *arg, const struct http_req *q, struct http_res *r)
{
	struct script *s = arg;
	const struct step *st = &s->steps[min_of(s->calls, s->n - 1)];
	int rc;

	note(s, q);
	if (s->abort_during)
		s3_client_abort(s->abort_during);
	if (s->change_file && s->calls == 1)
		CHECK_INT(io_replace_file(s->change_file, "NEWER:S\n", 8, 0600), 0);
	if (st->takes_ms)
		pause_ms(st->takes_ms);
	r->sent = st->sent || st->status;
	rc = r->sent ? body_send(q, s->cut, r) : 0;
	if (rc)
		return rc;
	headers_set(&r->headers, st->headers);
	r->status = st->status;
	if (st->body && q->write && st->status / 100 == 2) {
		r->received = strlen(st->body);
		rc = q->write(q->write_arg, st->body, strlen(st->body));
	} else if (st->body)
		rc = buf_adds(&r->body, st->body);
	if (st->rc)
		snprintf(r->why, sizeof(r->why), "scripted");
	return rc ? rc : st->rc;
}

#endif
