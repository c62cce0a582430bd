/* repl_commit.c - what was changed becomes rows: who gets them is repl_decide.c. */
#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "s3/part.h"

/* --- early uploads ---------------------------------------------------------------------------- */

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
	j->upload_sum = upload_sum(u);
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

			if (!early_fits(known, e[k].upload, &d->jobs[i]))
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
	/* Nobody wants it. Were this lost, recovery would find the same; but not, where
	 * something older is held, that it is older. */
	if (!job_kind_is_change(d->kind) && atomic_load(&r->held_left))
		return store_take_place(r->store, id, d->facts->key);
	return id != 0 ? store_abandon(r->store, id) : 0;
}

/* Without a row it cannot be left to recovery: it goes on, whatever is left of its key. */
static int let_older_go_first(struct ticket *t, const char *key)
{
	int64_t id;

	lock_take(&t->locked.l);
	id = t->locked.id;
	lock_drop(&t->locked.l);
	return id != 0 ? repl_left_try(t->r, key) : 0;
}

/* The workers may have it: no row, so nobody claimed it. */
static void take_back(struct repl *r, const struct decision *d)
{
	for (size_t i = 0; i < d->n; i++)
		upload_drop(repl_take_upload(r, &d->jobs[i]));
}

int repl_commit_rows(struct ticket *t, struct decision *d, const char *staged, struct repl_early *e,
		     size_t n)
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
	crash_point("ticket.committed");
	for (size_t i = 0; i < d->n; i++)
		repl_name_upload(t->r, &d->jobs[i]);
	keep_body(t->r, staged, is_named(d), size);
	return 0;
}

int repl_commit(struct ticket *t, const struct repl_facts *f, const char *staged,
		struct repl_early *e, size_t n)
{
	auto_with(decision_free) struct decision d = {
		.kind = t->kind,
		.token = t->kind == JOB_OBJECT ? t->token : NULL,
		.facts = f,
	};
	struct repl *r = t->r;
	int err;

	err = let_older_go_first(t, f->key);
	err = err < 0 ? err : repl_decide(r, &d);
	if (err < 0)
		repl_early_drop(e, n);
	else
		err = repl_commit_rows(t, &d, staged, e, n);
	if (err < 0) {
		repl_left_add(t, f, staged);
		repl_ready(r); /* the workers try it again */
		return err;
	}
	ticket_consume(t);
	if (d.n > 0)
		repl_ready(r);
	return 0;
}

/* --- versions of others ----------------------------------------------------------------------- */

/* Takes out what this destination is not meant for, or has already. */
static int keep_offered(struct repl *r, struct decision *d, const struct repl_offer *o)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct job *j = &d->jobs[i];
		bool was = false;

		if (err == 0 && !o->again)
			err = store_was_selected(r->store, j->kind, j->key, j->version, j->dest,
						 &was);
		if (err < 0 || was || (o->dest && strcmp(o->dest, j->dest) != 0)) {
			job_free(j);
			continue;
		}
		j->class = o->class;
		j->batch = o->batch;
		j->repair = o->repair;
		j->how.replicas = o->replicas;
		j->uncertain = true;
		d->jobs[kept++] = *j;
	}
	d->n = kept;
	return err;
}

int repl_offer(struct repl *r, enum job_kind kind, const struct repl_facts *f,
	       const struct repl_offer *o, unsigned *ret_n)
{
	auto_with(decision_free) struct decision d = { .kind = kind,
						       .facts = f,
						       .replicas = o->replicas };
	int err;

	err = repl_decide(r, &d);
	err = err < 0 ? err : keep_offered(r, &d, o);
	if (err == 0 && d.n > 0)
		err = store_add(r->store, d.jobs, d.n);
	if (err < 0)
		return err;
	if (d.n > 0)
		repl_ready(r);
	*ret_n = (unsigned)d.n;
	return 0;
}
