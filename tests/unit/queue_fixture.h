/*
 * queue_fixture.h - a store, rules, destinations and a fake S3 in a directory of its own, for
 * test_repl, test_copy, test_recover, test_worker.
 */
#ifndef TESTS_UNIT_QUEUE_FIXTURE_H
#define TESTS_UNIT_QUEUE_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/pool.h"
#include "queue/recover.h"
#include "queue/repl.h"
#include "queue/worker.h"
#include "s3/object.h"
#include "s3/part.h"
#include "tests/unit/fake_s3.h"

/* What its clients send through, with the fixture's fake_s3. */
#ifndef FIXTURE_ATTEMPT
#define FIXTURE_ATTEMPT fake_attempt
#endif
#ifndef FIXTURE_TMP
#define FIXTURE_TMP "/tmp"
#endif

#define COPY   "arn:aws:s3:::copy"
#define TAGGED "arn:aws:s3:::tagged"

/* Tax/ goes to copy, deletes too; what is tagged class=secret goes to tagged. */
#define RULES_TWO                                                                                  \
	"<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>"                  \
	"<Rule><ID>tax</ID><Status>Enabled</Status><Priority>1</Priority>"                         \
	"<Filter><Prefix>Tax/</Prefix></Filter>"                                                   \
	"<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"              \
	"<Destination><Bucket>" COPY "</Bucket></Destination></Rule>"                              \
	"<Rule><ID>secret</ID><Status>Enabled</Status><Priority>2</Priority>"                      \
	"<Filter><Tag><Key>class</Key><Value>secret</Value></Tag></Filter>"                        \
	"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>"             \
	"<Destination><Bucket>" TAGGED "</Bucket></Destination></Rule>"                            \
	"</ReplicationConfiguration>"

struct queue_fixture {
	char dir[64], staging[96];
	struct fake_s3 s3;
	struct s3_client *source;
	struct store *store;
	struct dest_set *dests;
	struct pool *pool;
	struct rule_set *rules;
	struct repl *repl;
};

static inline struct rule_set *rules_from(const char *xml)
{
	struct rules_error e;
	struct rule_set *rs = NULL;

	if (rules_parse(xml, strlen(xml), &rs, &e) < 0) {
		fprintf(stderr, "%s %s %s\n", e.code, e.message, e.hint);
		exit(1);
	}
	return rs;
}

static inline void fixture_open(struct queue_fixture *f, const char *instance, const char *xml,
				uint64_t staging_max)
{
	struct store_conf store = { .dir = f->dir, .instance = instance };
	struct s3_client_conf source = { .url = "http://127.0.0.1",
					 .region = "us-east-1",
					 .path_style = 1,
					 .max_attempts = 1,
					 .attempt = FIXTURE_ATTEMPT,
					 .attempt_arg = &f->s3 };
	struct cred_conf cred = { 0 };
	struct dest_set_conf dests = { .source = &source, .source_cred = &cred };
	struct repl_conf repl = { .staging_dir = f->staging, .staging_max = staging_max };
	char why[300] = "";

	must(store_open(&store, &f->store, why, sizeof(why)));
	must(dest_set_new(&dests, &f->dests, why, sizeof(why)));
	source.bucket = "src";
	must(cred_source_static("id", "secret", NULL, &source.cred));
	must(s3_client_new(&source, &f->source, why, sizeof(why)));
	must(pool_new("upload", 2, 64, &f->pool));
	must(pool_start(f->pool));
	f->rules = rules_from(xml);
	for (size_t i = 0; i < rules_dest_count(f->rules); i++) {
		struct dest *d;

		must(dest_get(f->dests, rules_dest(f->rules, i), &d, why, sizeof(why)));
		dest_set_caps(d, &(struct s3_caps){ 0 });
	}
	repl.store = f->store;
	repl.dests = f->dests;
	repl.source = f->source;
	repl.upload_pool = f->pool;
	must(repl_new(&repl, f->rules, &f->repl));
}

static inline void fixture_close(struct queue_fixture *f)
{
	pool_stop(f->pool);
	repl_free(f->repl);
	pool_free(f->pool);
	rules_unref(f->rules);
	dest_set_free(f->dests);
	s3_client_free(f->source);
	store_close(f->store);
}

static inline void fixture_init(struct queue_fixture *f, const char *xml)
{
	memset(f, 0, sizeof(*f));
	log_to_stderr(LOG_LEVEL_ERROR);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	snprintf(f->dir, sizeof(f->dir), FIXTURE_TMP "/test_queue.XXXXXX");
	if (!mkdtemp(f->dir))
		abort();
	snprintf(f->staging, sizeof(f->staging), "%s/staging", f->dir);
	if (mkdir(f->staging, 0700) < 0)
		abort();
	fake_init(&f->s3);
	fixture_open(f, "one", xml, 64 * MIB);
}

static inline void remove_files(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static inline void fixture_free(struct queue_fixture *f)
{
	fixture_close(f);
	fake_free(&f->s3);
	remove_files(f->staging);
	remove_files(f->dir);
}

/* n bytes that differ from place to place. */
static inline char *pattern(size_t n)
{
	char *p = malloc(n + 1);

	if (!p)
		abort();
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 251 + i / 65537);
	p[n] = '\0';
	return p;
}

static inline bool is_staged_there(const struct queue_fixture *f, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", f->staging, name);
	return access(path, F_OK) == 0;
}

static inline void stage(const struct queue_fixture *f, const char *name, const char *body,
			 size_t n)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", f->staging, name);
	must(io_replace_file(path, body, n, 0600));
}

/*
 * A version at the source with this body (copied), as fs would have made it under the ticket's
 * token. Returns its id (borrowed).
 */
static inline const char *source_put(struct queue_fixture *f, const char *key, const char *token,
				     const char *body, size_t n)
{
	struct fake_version *v;
	char *copy = malloc(n + 1);

	if (!copy)
		abort();
	memcpy(copy, body, n);
	lock_take(&f->s3.l);
	v = fake_add(&f->s3, "src", key, copy, n);
	must(kv_set(&v->headers, "x-amz-meta-colour", "red"));
	if (token)
		must(kv_set(&v->headers, "x-amz-meta-crrfs-id", token));
	lock_drop(&f->s3.l);
	return v->id;
}

/* What fs knows of that version. */
static inline struct job_spec spec_of(struct queue_fixture *f, const char *key, const char *token)
{
	const struct fake_version *v = fake_find(&f->s3, "src", key, NULL);
	struct job_spec s = { .known = true,
			      .size = v->len,
			      .etag = fake_dup(v->etag),
			      .mtime_ms = v->mtime_ms,
			      .multipart = part_count(v->len) > 1 };

	must(kv_set(&s.meta, "colour", "red"));
	if (token)
		must(kv_set(&s.meta, REPL_META_ID, token));
	must(kv_copy(&s.tags, &v->tags));
	return s;
}

static inline int note_jobs(void *arg, const struct job *j)
{
	struct buf *b = arg;

	return buf_addf(b, "%s %s %s %s%s; ", job_kind_name(j->kind), j->key, j->dest + 13,
			job_state_name(j->state), j->staged ? " staged" : "");
}

/* "object Tax/a copy ready staged; ..." of all rows; borrowed until the next call. */
static inline const char *jobs_text(struct queue_fixture *f)
{
	static char text[2000];
	struct store_filter all = { 0 };
	auto_with(buf_free) struct buf b;

	buf_init(&b, sizeof(text) - 1);
	must(store_each_job(f->store, &all, note_jobs, &b));
	snprintf(text, sizeof(text), "%s", buf_str(&b));
	return text;
}

static inline unsigned tickets(struct queue_fixture *f)
{
	uint64_t begun = 0;
	uint64_t held = 0;

	must(store_count_tickets(f->store, &begun, &held));
	return (unsigned)(begun + held);
}

#endif
