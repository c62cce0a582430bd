/*
 * verify_repair.c - rows for the queue that heal what was found. The history of a key cannot be
 * mended in place: from the oldest version on that is missing, other or out of order, all newer
 * ones are sent again, so that the replicas stand as their sources do. Nothing is ever removed.
 * What was written since the listing would end below them: such a key is left alone.
 */
#include "ctl/verify.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "queue/repl.h"
#include "queue/store.h"

struct wrong {
	bool body, tags, acl;
};

static void note_wrong(void *arg, const char *what, const char *name)
{
	struct wrong *w = arg;

	(void)name;
	if (strcmp(what, "tags") == 0)
		w->tags = true;
	else if (strcmp(what, "acl") == 0)
		w->acl = true;
	else
		w->body = true;
}

static struct wrong find_wrong(const struct v_pair *p)
{
	struct wrong w = { 0 };

	if (p->state == V_THERE && !p->err)
		verify_differences(p, note_wrong, &w);
	w.body |= p->state == V_MISSING;
	return w;
}

/* --- rows ------------------------------------------------------------------------------------- */

struct rows {
	struct job *jobs;
	size_t n;
};

static void rows_free(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		job_free(&r->jobs[i]);
	free(r->jobs);
}

/* What is missing may be there after all (uncertain): that is asked first. What is to be sent again
 * is there, and nobody shall be content with it. */
static int add_row(struct rows *rows, const struct v_group *g, const char *dest,
		   const struct v_pair *p, enum job_kind kind)
{
	struct job *j = &rows->jobs[rows->n++];
	int r;

	*j = (struct job){ .kind = kind,
			   .class = JOB_BACKFILL,
			   .uncertain = p->state == V_MISSING || job_kind_is_change(kind),
			   .created_ms = clock_wall_ms() };
	j->due_ms = j->created_ms;
	r = str_dup(g->key, &j->key);
	r = r ? r : str_dup(p->src->id, &j->version);
	r = r ? r : str_dup(dest, &j->dest);
	r = r ? r : str_dup(p->rule->id, &j->rule_id);
	r = r ? r : str_dup(p->rule->storage_class, &j->storage_class);
	r = r ? r : repl_how(p->rule, &j->how);
	r = r ? r : str_dup(kv_get(&p->src->info.meta, REPL_META_ID), &j->token);
	if (kind != JOB_TAGS)
		return r;
	j->spec.known = true;
	return r ? r : kv_copy(&j->spec.tags, &p->src->tags);
}

static int add_rows(struct rows *rows, const struct v_group *g, const char *dest,
		    const struct v_there *t)
{
	bool again = false;
	int r = 0;

	for (size_t i = t->pairs_n; !r && i-- > 0;) {
		const struct v_pair *p = &t->pairs[i];
		struct wrong w = find_wrong(p);

		again |= w.body;
		if (p->state != V_THERE && p->state != V_MISSING)
			continue;
		if (again) {
			r = add_row(rows, g, dest, p, p->src->marker ? JOB_DELETE : JOB_OBJECT);
			continue;
		}
		if (w.tags)
			r = add_row(rows, g, dest, p, JOB_TAGS);
		if (!r && w.acl)
			r = add_row(rows, g, dest, p, JOB_ACL);
	}
	return r;
}

static void say_rows(const struct verify *v, const struct rows *rows)
{
	char shown[CTL_SHOWN], version[CTL_SHOWN];

	for (size_t i = 0; !v->o->json && i < rows->n; i++)
		printf("queued %s %s %s for %s\n", job_kind_name(rows->jobs[i].kind),
		       ctl_shown(rows->jobs[i].key, shown),
		       ctl_shown(rows->jobs[i].version, version), rows->jobs[i].dest);
}

/* 1 = something of this key is in the queue: what failed is tried again, and all else waits for the
 * next time. */
static int leave_to_queue(struct verify *v, const struct v_group *g, size_t d)
{
	const struct v_there *t = &g->there[d];
	bool parked = false;
	uint64_t n = 0;
	int r;

	for (size_t i = 0; i < t->jobs_n; i++)
		parked |= t->jobs[i].parked;
	r = parked ? store_retry(v->store, v->dests[d].arn, g->key, &n) : 0;
	v->counts.queued += n;
	return r ? r : t->jobs_n > 0;
}

int verify_repair(struct verify *v, const struct v_group *g, size_t dest)
{
	const struct v_there *t = &g->there[dest];
	auto_with(rows_free) struct rows rows = { 0 };
	char shown[CTL_SHOWN];
	bool added = false;
	int r = leave_to_queue(v, g, dest);

	if (r)
		return min_of(r, 0);
	rows.jobs = calloc(2 * t->pairs_n + 1, sizeof(*rows.jobs));
	if (!rows.jobs)
		return -ENOMEM;
	r = add_rows(&rows, g, v->dests[dest].arn, t);
	if (r || !rows.n)
		return r;
	r = store_add_if_quiet(v->store, g->since_ms, rows.jobs, rows.n, &added);
	if (r)
		return r;
	if (!added) {
		ctl_say("%s changed meanwhile; run verify again", ctl_shown(g->key, shown));
		v->counts.changed++;
		return 0;
	}
	say_rows(v, &rows);
	v->counts.queued += rows.n;
	return 0;
}
