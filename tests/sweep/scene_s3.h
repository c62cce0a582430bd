/* scene_s3.h - the S3 in memory of the unit tests, as a sweep sees it: what it does does not count,
 * what it calls back does, and an attempt may fail. */
#ifndef TESTS_SWEEP_SCENE_S3_H
#define TESTS_SWEEP_SCENE_S3_H

#define FIXTURE_ATTEMPT scene_attempt
#define FIXTURE_TMP	"/dev/shm" /* a sweep syncs often */

#include "tests/sweep/scene.h"

static inline int scene_attempt(void *arg, const struct http_req *req, struct http_res *res);

#include "tests/unit/queue_fixture.h"

struct scene_call {
	const struct http_req *req;
	struct http_res *res;
	bool headed;
};

static inline int scene_read(void *arg, void *dst, size_t n, uint64_t off)
{
	const struct scene_call *c = arg;
	int r;

	sweep_resume();
	r = c->req->read(c->req->read_arg, dst, n, off);
	sweep_pause();
	return r;
}

static inline int scene_write(void *arg, const void *p, size_t n)
{
	struct scene_call *c = arg;
	int r = 0;

	sweep_resume();
	if (c->req->head && !c->headed)
		r = c->req->head(c->req->write_arg, c->res->status, &c->res->headers);
	c->headed = true;
	if (r == 0)
		r = c->req->write(c->req->write_arg, p, n);
	sweep_pause();
	return r;
}

static inline int scene_served(void *arg, const struct http_req *req, struct http_res *res)
{
	struct scene_call c = { req, res, false };
	struct http_req mine = *req;
	int r;

	if (req->read) {
		mine.read = scene_read;
		mine.read_arg = &c;
	}
	if (req->write) {
		mine.write = scene_write;
		mine.write_arg = &c;
	}
	sweep_pause();
	r = fake_attempt(arg, &mine, res);
	sweep_resume();
	return r;
}

/* The fixture's clients send through this: arg is its fake_s3. Matches http_attempt_fn. */
static inline int scene_attempt(void *arg, const struct http_req *req, struct http_res *res)
{
	return sweep_attempt(scene_served, arg, req, res);
}

#endif
