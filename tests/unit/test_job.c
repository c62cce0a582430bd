#include "queue/job.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "tests/unit/check.h"

static void test_names(void)
{
	CHECK_STR(job_kind_name(JOB_OBJECT), "object");
	CHECK_STR(job_kind_name(JOB_TAGS), "tags");
	CHECK_STR(job_kind_name(JOB_DELETE), "delete");
	CHECK_STR(job_kind_name((enum job_kind)9), "unknown");
	CHECK_STR(job_state_name(JOB_WAITING), "waiting");
	CHECK_STR(job_state_name(JOB_READY), "ready");
	CHECK_STR(job_state_name(JOB_CLAIMED), "claimed");
	CHECK_STR(job_state_name(JOB_DONE), "done");
	CHECK_STR(job_state_name(JOB_PARKED), "parked");
	CHECK_STR(job_state_name((enum job_state)0), "unknown");
	CHECK_STR(job_status_name(JOB_WAITING), "PENDING");
	CHECK_STR(job_status_name(JOB_READY), "PENDING");
	CHECK_STR(job_status_name(JOB_CLAIMED), "PENDING");
	CHECK_STR(job_status_name(JOB_DONE), "COMPLETED");
	CHECK_STR(job_status_name(JOB_PARKED), "FAILED");
	CHECK_STR(job_status_name((enum job_state)77), "");
}

static void test_steps(void)
{
	static const struct {
		unsigned from, to;
	} legal[] = {
		{ 0, JOB_WAITING },	     { 0, JOB_READY },		{ JOB_WAITING, JOB_READY },
		{ JOB_READY, JOB_CLAIMED },  { JOB_CLAIMED, JOB_DONE }, { JOB_CLAIMED, JOB_READY },
		{ JOB_CLAIMED, JOB_PARKED }, { JOB_PARKED, JOB_READY },
	};

	for (unsigned from = 0; from < 8; from++) {
		for (unsigned to = 0; to < 8; to++) {
			bool want = false;

			for (size_t i = 0; i < array_size(legal); i++)
				want = want || (legal[i].from == from && legal[i].to == to);
			CHECK_INT(job_step_legal((enum job_state)from, (enum job_state)to), want);
		}
	}
}

static void test_step(void)
{
	struct job j = { .state = JOB_READY };
	int status = 0;
	pid_t pid;

	job_step(&j, JOB_CLAIMED);
	CHECK_INT(j.state, JOB_CLAIMED);
	pid = fork();
	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(fd, STDERR_FILENO);
		j.state = JOB_DONE;
		job_step(&j, JOB_READY);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

static void fill(struct job_spec *s)
{
	s->known = true;
	s->size = 5497558138880;
	s->mtime_ms = 1769900000123;
	s->multipart = true;
	CHECK_INT(str_dup("d41d8cd98f00b204e9800998ecf8427e-7", &s->etag), 0);
	CHECK_INT(str_dup("STANDARD_IA", &s->storage_class), 0);
	CHECK_INT(kv_set(&s->meta, "mode", "33188"), 0);
	CHECK_INT(kv_set(&s->meta, "latin", "na\xefve \x01\x7f \"quoted\" \\ + % &="), 0);
	CHECK_INT(kv_set(&s->meta, "empty", ""), 0);
	CHECK_INT(kv_set(&s->sys, "content-type", "text/plain; charset=utf-8"), 0);
	CHECK_INT(kv_set(&s->tags, "\xc3\xbcml\xc3\xa4ut", "a b"), 0);
	CHECK_INT(str_dup("old/\xc3\xa4 \"name\"", &s->base.key), 0);
	CHECK_INT(str_dup("v.1", &s->base.version), 0);
	CHECK_INT(str_dup("e-7", &s->base.etag), 0);
	s->base.size = 5497558138000;
	s->base.shown = 5497558137000;
	s->base.own = calloc(2, sizeof(*s->base.own));
	s->base.own_n = 2;
	s->base.own[0] = (struct s3_range){ 0, 10 };
	s->base.own[1] = (struct s3_range){ 5497558137000, 5497558138880 };
}

static void check_same(const struct job_spec *a, const struct job_spec *b)
{
	CHECK_INT(a->known, b->known);
	CHECK_INT(a->size, b->size);
	CHECK_INT(a->mtime_ms, b->mtime_ms);
	CHECK_INT(a->multipart, b->multipart);
	CHECK_STR(a->etag, b->etag);
	CHECK_STR(a->storage_class, b->storage_class);
	CHECK(kv_equal(&a->meta, &b->meta));
	CHECK(kv_equal(&a->sys, &b->sys));
	CHECK(kv_equal(&a->tags, &b->tags));
	CHECK_STR(a->base.key, b->base.key);
	CHECK_STR(a->base.version, b->base.version);
	CHECK_STR(a->base.etag, b->base.etag);
	CHECK_INT(a->base.size, b->base.size);
	CHECK_INT(a->base.shown, b->base.shown);
	CHECK_INT(a->base.own_n, b->base.own_n);
	for (size_t i = 0; i < a->base.own_n; i++) {
		CHECK_INT(a->base.own[i].start, b->base.own[i].start);
		CHECK_INT(a->base.own[i].end, b->base.own[i].end);
	}
}

static void round_trip(const struct job_spec *s)
{
	auto_with(job_spec_free) struct job_spec back = { 0 };
	auto_with(buf_free) struct buf b;

	buf_init(&b, BUF_LIMIT_DOC);
	CHECK_INT(job_spec_to_json(s, &b), 0);
	CHECK_INT(job_spec_from_json(buf_str(&b), &back), 0);
	check_same(s, &back);
}

static void test_spec(void)
{
	auto_with(job_spec_free) struct job_spec s = { 0 };
	auto_with(job_spec_free) struct job_spec copy = { 0 };
	auto_with(buf_free) struct buf b;

	round_trip(&s);
	fill(&s);
	round_trip(&s);
	CHECK_INT(job_spec_copy(&copy, &s), 0);
	check_same(&copy, &s);
	CHECK_INT(kv_set(&copy.tags, "more", "x"), 0);
	CHECK(!kv_equal(&copy.tags, &s.tags));
	CHECK_INT(job_spec_copy(&copy, &s), 0); /* what it held is freed */
	check_same(&copy, &s);
	copy.size = INT64_MAX;
	round_trip(&copy);
	copy.mtime_ms = -5;
	round_trip(&copy);
	copy.size = UINT64_MAX;
	buf_init(&b, BUF_LIMIT_DOC);
	CHECK_INT(job_spec_to_json(&copy, &b), -EINVAL);
	buf_free(&b);
	buf_init(&b, 20);
	CHECK_INT(job_spec_to_json(&s, &b), -E2BIG);
}

#define GOOD_HEAD "{\"known\":true,\"size\":1,\"etag\":null,\"class\":null,\"mtime\":0,"
#define GOOD_TAIL "\"multipart\":false,\"meta\":\"\",\"sys\":\"\",\"tags\":\"\"}"

#define BASE_HEAD "\"base\":{\"key\":\"k\","
#define BASE_TAIL "\"version\":null,\"etag\":null,\"size\":1,\"shown\":1}"

static void test_bad_spec(void)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "empty", "" },
		{ "no object", "[]" },
		{ "empty object", "{}" },
		{ "cut off", "{\"known\":true" },
		{ "known is text", "{\"known\":\"true\",\"size\":1,\"etag\":null,\"class\":null,"
				   "\"mtime\":0," GOOD_TAIL },
		{ "size is text", "{\"known\":true,\"size\":\"1\",\"etag\":null,\"class\":null,"
				  "\"mtime\":0," GOOD_TAIL },
		{ "size negative", "{\"known\":true,\"size\":-1,\"etag\":null,\"class\":null,"
				   "\"mtime\":0," GOOD_TAIL },
		{ "size broken", "{\"known\":true,\"size\":1.5,\"etag\":null,\"class\":null,"
				 "\"mtime\":0," GOOD_TAIL },
		{ "size missing",
		  "{\"known\":true,\"etag\":null,\"class\":null,\"mtime\":0," GOOD_TAIL },
		{ "etag is a number",
		  "{\"known\":true,\"size\":1,\"etag\":1,\"class\":null,\"mtime\":0," GOOD_TAIL },
		{ "meta is an object",
		  GOOD_HEAD "\"multipart\":false,\"meta\":{},\"sys\":\"\",\"tags\":\"\"}" },
		{ "tags are cut",
		  GOOD_HEAD "\"multipart\":false,\"meta\":\"\",\"sys\":\"\",\"tags\":\"a=%\"}" },
		{ "a tag twice", GOOD_HEAD
		  "\"multipart\":false,\"meta\":\"\",\"sys\":\"\",\"tags\":\"a=1&a=2\"}" },
		{ "base is text", GOOD_HEAD "\"base\":\"k\"," GOOD_TAIL },
		{ "base has no key", GOOD_HEAD "\"base\":{\"key\":null," BASE_TAIL "," GOOD_TAIL },
		{ "half a range", GOOD_HEAD BASE_HEAD "\"own\":[1]," BASE_TAIL "," GOOD_TAIL },
		{ "an empty range", GOOD_HEAD BASE_HEAD "\"own\":[1,1]," BASE_TAIL "," GOOD_TAIL },
		{ "ranges that fall",
		  GOOD_HEAD BASE_HEAD "\"own\":[5,9,0,2]," BASE_TAIL "," GOOD_TAIL },
		{ "a range of texts",
		  GOOD_HEAD BASE_HEAD "\"own\":[\"1\",\"2\"]," BASE_TAIL "," GOOD_TAIL },
		{ "base has no size",
		  GOOD_HEAD BASE_HEAD "\"version\":null,\"etag\":null,\"shown\":1}," GOOD_TAIL },
		{ "tags are missing",
		  GOOD_HEAD "\"multipart\":false,\"meta\":\"m=1\",\"sys\":\"\"}" },
	};
	struct job_spec s = { .size = 42 };

	for (size_t i = 0; i < array_size(rows); i++) {
		CHECK_CASE(rows[i].name);
		CHECK_INT(job_spec_from_json(rows[i].text, &s), -EINVAL);
		CHECK_INT(s.size, 42);
	}
	CHECK_CASE("");
	CHECK_INT(job_spec_from_json(GOOD_HEAD "\"later\":[1]," GOOD_TAIL, &s), 0);
	CHECK_INT(s.size, 1);
	job_spec_free(&s);
	CHECK_INT(job_spec_from_json(GOOD_HEAD BASE_HEAD BASE_TAIL "," GOOD_TAIL, &s), 0);
	CHECK(job_base_is_whole(&s.base, 1));
	job_spec_free(&s);
}

static void test_base(void)
{
	static const struct {
		struct s3_range r;
		bool has; /* all of it is the base's */
		bool owns;
		uint64_t len; /* from r.start on */
	} rows[] = {
		{ { 0, 10 }, true, false, 10 },	    { { 0, 11 }, false, false, 10 },
		{ { 10, 20 }, false, true, 10 },    { { 15, 30 }, false, true, 5 },
		{ { 20, 30 }, true, false, 10 },    { { 19, 30 }, false, true, 1 },
		{ { 20, 90 }, true, false, 70 },    { { 20, 91 }, false, false, 70 },
		{ { 30, 101 }, false, false, 60 },  { { 90, 120 }, false, true, 10 },
		{ { 100, 120 }, false, false, 20 }, { { 5, 5 }, false, false, 0 },
	};
	struct s3_range own[] = { { 10, 20 }, { 90, 100 } };
	struct job_base b = { .key = (char *)(uintptr_t) "k", .size = 200, .shown = 95 },
			none = { .size = 200, .shown = 200 };

	CHECK(job_base_has(&b, (struct s3_range){ 0, 95 }));
	CHECK(!job_base_is_whole(&b, 95));
	b.own = own;
	b.own_n = 2;
	for (size_t i = 0; i < array_size(rows); i++) {
		uint64_t n = rows[i].r.end - rows[i].r.start, len = 0;

		CHECK_INT(job_base_has(&b, rows[i].r), rows[i].has);
		if (n == 0)
			continue;
		CHECK_INT(job_base_owns(&b, rows[i].r.start, n, &len), rows[i].owns);
		CHECK_INT(len, rows[i].len);
	}
	CHECK(!job_base_has(&none, (struct s3_range){ 0, 1 }));
	CHECK(!job_base_is_whole(&none, 200));
	b.own_n = 0;
	b.shown = 200;
	CHECK(job_base_is_whole(&b, 200));
	CHECK(!job_base_is_whole(&b, 199));
}

static void test_base_etag(void)
{
	static const struct {
		const char *etag, *copy;
		bool may_be;
	} rows[] = {
		{ "a", "a", true },	 { "a", "b", false },	  { "a-2", "a-2", true },
		{ "a-2", "b-2", false }, { "a-2", "a-3", false }, { "a-2", "b", true },
		{ "a", "b-2", true },	 { NULL, "b", true },	  { "a", NULL, true },
	};

	for (size_t i = 0; i < array_size(rows); i++)
		CHECK_INT(job_base_may_be(rows[i].etag, rows[i].copy), rows[i].may_be);
}

static void test_free(void)
{
	struct job j = { .state = JOB_READY };

	CHECK_INT(str_dup("k", &j.key), 0);
	CHECK_INT(str_dup("why", &j.why), 0);
	fill(&j.spec);
	job_free(&j);
	CHECK(j.key == NULL && j.why == NULL && j.spec.meta.n == 0 && j.state == 0);
	job_free(&j);
}

int main(void)
{
	test_names();
	test_steps();
	test_step();
	test_spec();
	test_bad_spec();
	test_base();
	test_base_etag();
	test_free();
	return check_done();
}
