/* repl_commit.c - the place where the rules decide: what was changed, and who must get it. */
#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "s3/part.h"

struct decision {
	struct job *jobs;
	size_t n, cap;
};

static void decision_free(struct decision *d)
{
	for (size_t i = 0; i < d->n; i++)
		job_free(&d->jobs[i]);
	free(d->jobs);
}

static bool has_dest(const struct decision *d, const char *arn)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->jobs[i].dest, arn) == 0)
			return true;
	return false;
}

static int add_job(struct decision *d, enum job_kind kind, const struct ticket *t,
		   const struct repl_facts *f, const char *arn, const struct rule *rule)
{
	const char *id = kv_get(&f->spec->meta, REPL_META_ID);
	struct job *j;
	int err;

	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 4;
		struct job *grown = reallocarray(d->jobs, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		d->jobs = grown;
		d->cap = cap;
	}
	j = &d->jobs[d->n++];
	*j = (struct job){ .kind = kind, .created_ms = clock_wall_ms() };
	j->due_ms = j->created_ms;
	err = str_dup(f->key, &j->key);
	err = err < 0 ? err : str_dup(f->version, &j->version);
	err = err < 0 ? err : str_dup(arn, &j->dest);
	err = err < 0 ? err : str_dup(rule ? rule->id : NULL, &j->rule_id);
	err = err < 0 ? err : str_dup(rule ? rule->storage_class : NULL, &j->storage_class);
	err = err < 0 ? err : str_dup(t->kind == JOB_OBJECT ? t->token : id, &j->token);
	return err < 0 ? err : job_spec_copy(&j->spec, f->spec);
}

/* --- tags: destinations that had the version before the tags changed -------------------------- */

struct had {
	struct decision *d;
	const struct ticket *t;
	const struct repl_facts *f;
};

/*
 * S3 User Guide, "What does Amazon S3 replicate": tag changes of a replicated version follow it,
 * whatever the new tags are.
 */
static int had_before(const struct had *h, const char *arn)
{
	if (has_dest(h->d, arn))
		return 0;
	return add_job(h->d, JOB_TAGS, h->t, h->f, arn, NULL);
}

static int had_row(void *arg, const struct job *j)
{
	return j->kind == JOB_OBJECT ? had_before(arg, j->dest) : 0;
}

static int had_replica(void *arg, const struct store_replica *r)
{
	return r->delete_marker ? 0 : had_before(arg, r->dest);
}

static int decide_had(struct repl *r, const struct ticket *t, const struct repl_facts *f,
		      struct decision *d)
{
	struct had h = { d, t, f };
	struct store_filter filter = { .key = f->key, .version = f->version };
	int err;

	err = store_each_job(r->store, &filter, had_row, &h);
	return err != 0 ? err : store_each_replica(r->store, f->key, f->version, had_replica, &h);
}

/* --- who gets what ---------------------------------------------------------------------------- */

static int decide_one(struct repl *r, const struct ticket *t, const struct repl_facts *f,
		      const struct rule *rule, struct decision *d)
{
	enum job_kind kind = t->kind;
	bool was = true;
	int err;

	if (kind == JOB_TAGS) {
		err = store_was_selected(r->store, f->key, f->version, rule->dest_arn, &was);
		if (err < 0)
			return err;
		kind = was ? JOB_TAGS : JOB_OBJECT;
	}
	return add_job(d, kind, t, f, rule->dest_arn, rule);
}

static int decide(struct repl *r, const struct ticket *t, const struct repl_facts *f,
		  struct decision *d)
{
	const struct rules_facts facts = {
		.key = f->key,
		.tags = &f->spec->tags,
		.delete_marker = t->kind == JOB_DELETE,
		.is_replica = kv_get(&f->spec->meta, REPL_META_REPLICA) != NULL,
	};
	struct rule_set *rs = repl_get_rules(r);
	size_t count = rules_dest_count(rs);
	const struct rule **won = calloc(count + 1, sizeof(*won));
	int err = won ? 0 : -ENOMEM;
	size_t n = won ? rules_match(rs, &facts, won, count) : 0;

	for (size_t i = 0; err == 0 && i < n; i++)
		err = decide_one(r, t, f, won[i], d);
	if (err == 0 && t->kind == JOB_TAGS && !facts.is_replica)
		err = decide_had(r, t, f, d);
	free(won);
	rules_unref(rs);
	return err;
}

/* --- early uploads ---------------------------------------------------------------------------- */

/*
 * Is what was sent early what this destination must get now? Tags may differ: they are put again at
 * the end anyway.
 */
static bool early_fits(struct ticket *t, const struct early *e, struct upload *u,
		       const struct job *j)
{
	const char *class = j->storage_class ? j->storage_class : j->spec.storage_class;
	auto_with(kv_free) struct kv meta = KV_EMPTY;

	if (j->kind != JOB_OBJECT || !j->spec.known || strcmp(e->arn, j->dest) != 0 ||
	    strcmp(e->key, j->key) != 0 || part_count(j->spec.size) < 2 || !upload_started(u))
		return false;
	if ((class == NULL) != (e->storage_class == NULL) ||
	    (class && strcmp(class, e->storage_class) != 0))
		return false;
	if (repl_replica_meta(t->r, &j->spec, t->token, NULL, &meta) < 0)
		return false;
	return kv_equal(&meta, &e->meta) && kv_equal(&j->spec.sys, &e->sys) &&
	       !upload_is_stale(u, j->spec.size);
}

/*
 * What is known of the upload goes with the row. Parts that are in flight are recorded by the
 * worker.
 */
static int record_parts(struct upload *u, struct job *j, struct store_parts *ret_parts)
{
	unsigned max = part_count(j->spec.size);
	struct mpu_part *parts;
	int err;

	if (!upload_id(u))
		return 0;
	parts = calloc(max, sizeof(*parts));
	err = parts ? str_dup(upload_id(u), &j->upload_id) : -ENOMEM;
	if (err < 0) {
		free(parts);
		return err;
	}
	ret_parts->n = upload_parts(u, parts, max);
	ret_parts->parts = parts;
	return 0;
}

/* The job takes the upload: e->upload is NULL after. */
static int hand_one(struct ticket *t, struct repl_early *e, struct job *j,
		    struct store_parts *ret_parts)
{
	int err;

	err = record_parts(e->upload, j, ret_parts);
	err = err < 0 ? err : repl_keep_upload(t->r, t->token, j->dest, e->upload);
	if (err == 0)
		e->upload = NULL;
	return err;
}

/* Each early upload goes to its job, where it still fits. */
static int hand_over(struct ticket *t, struct decision *d, struct repl_early *e, size_t n,
		     struct store_parts *ret_parts)
{
	for (size_t k = 0; k < n; k++) {
		const struct early *known = e[k].upload ? early_find(t, e[k].upload) : NULL;

		for (size_t i = 0; known && e[k].upload && i < d->n; i++) {
			int err;

			if (!early_fits(t, known, e[k].upload, &d->jobs[i]))
				continue;
			err = hand_one(t, &e[k], &d->jobs[i], &ret_parts[i]);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* --- the staged body -------------------------------------------------------------------------- */

static bool needs_body(const struct decision *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i].kind == JOB_OBJECT)
			return true;
	return false;
}

/* Names the file in the rows when it is worth keeping. */
static int name_body(struct repl *r, const char *staged, struct decision *d, uint64_t *ret_size)
{
	uint64_t size;
	int err = 0;

	if (!staged || !needs_body(d) || repl_staged_size(r, staged, &size) < 0 ||
	    size > r->staging_max)
		return 0;
	for (size_t i = 0; err == 0 && i < d->n; i++)
		if (d->jobs[i].kind == JOB_OBJECT)
			err = str_dup(staged, &d->jobs[i].staged);
	*ret_size = size;
	return err;
}

static bool is_named(const struct decision *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i].staged)
			return true;
	return false;
}

/* After the rows stand: a worker may have read and released the file already, that is no harm. */
static void keep_body(struct repl *r, const char *staged, bool named, uint64_t size)
{
	if (!staged)
		return;
	if (!named) {
		repl_unlink_staged(r, staged);
		return;
	}
	if (repl_keep_body(r, staged, size) < 0)
		log_debug("staged=%s result=uncounted", staged);
	if (!store_is_staged(r->store, staged))
		repl_release_staged(r, staged);
}

/* --- commit ----------------------------------------------------------------------------------- */

static int write_rows(struct ticket *t, struct decision *d, const struct store_parts *parts)
{
	struct repl *r = t->r;
	int64_t id;

	lock_take(&t->locked.l);
	id = t->locked.id;
	lock_drop(&t->locked.l);
	if (d->n > 0)
		return store_commit(r->store, id, d->jobs, parts, d->n);
	/* Nobody wants it. Were this lost, recovery would find the same. */
	return id != 0 ? store_abandon(r->store, id) : 0;
}

/* The workers may have it: no row, so nobody claimed it. */
static void take_back(struct repl *r, const struct decision *d)
{
	for (size_t i = 0; i < d->n; i++)
		upload_drop(repl_take_upload(r, &d->jobs[i]));
}

static int commit_rows(struct ticket *t, struct decision *d, const char *staged,
		       struct repl_early *e, size_t n)
{
	auto_free struct store_parts *parts = calloc(d->n + 1, sizeof(*parts));
	uint64_t size = 0;
	int err = parts ? 0 : -ENOMEM;

	if (err == 0)
		err = hand_over(t, d, e, n, parts);
	repl_early_drop(e, n);
	err = err < 0 ? err : name_body(t->r, staged, d, &size);
	err = err < 0 ? err : write_rows(t, d, parts);
	for (size_t i = 0; parts && i < d->n; i++)
		free((void *)parts[i].parts);
	if (err < 0) {
		take_back(t->r, d);
		return err;
	}
	for (size_t i = 0; i < d->n; i++)
		repl_name_upload(t->r, &d->jobs[i]);
	keep_body(t->r, staged, is_named(d), size);
	return 0;
}

int repl_commit(struct ticket *t, const struct repl_facts *f, const char *staged,
		struct repl_early *e, size_t n)
{
	auto_with(decision_free) struct decision d = { 0 };
	struct repl *r = t->r;
	int err;

	err = decide(r, t, f, &d);
	if (err < 0)
		repl_early_drop(e, n);
	else
		err = commit_rows(t, &d, staged, e, n);
	if (err < 0)
		return err;
	ticket_consume(t);
	if (d.n > 0)
		repl_ready(r);
	return 0;
}
