/*
 * verify_pair.c - which versions of a key a rule selects for a destination, and which of the
 * versions there is the replica of each. The ledger knows; where it does not, the marks in the
 * replicas' metadata do; delete markers, which can carry none, by where they stand.
 */
#include "ctl/verify.h"

#include <errno.h>
#include <string.h>

#include "queue/replica.h"
#include "queue/store.h"
#include "s3/object.h"

/* --- bodies ----------------------------------------------------------------------------------- */

/* Is the ETag the MD5 of the whole body? Not with KMS or a customer's key, nor of parts (S3 API
 * Reference, "Object"). */
static bool is_md5(const struct s3_info *i)
{
	return i->etag && strlen(i->etag) == 32 && !replica_is_kms(i->sse) && !i->sse_customer;
}

static enum v_body compare_bodies(const struct s3_info *a, const struct s3_info *b)
{
	if (a->size != b->size)
		return V_OTHER_SIZE;
	if (a->size == 0 || (a->etag && b->etag && strcmp(a->etag, b->etag) == 0))
		return V_SAME;
	return is_md5(a) && is_md5(b) ? V_OTHER_ETAG : V_DOUBT;
}

/* --- selection -------------------------------------------------------------------------------- */

/* A delete marker is decided by the version that it hides. */
static const struct v_version *carrier_of(const struct v_side *s, size_t i)
{
	while (i < s->n && s->v[i].marker)
		i++;
	return i < s->n ? &s->v[i] : NULL;
}

static const struct rule *rule_for(const struct verify *v, const struct v_group *g, size_t i,
				   const char *arn, const struct rule **won)
{
	const struct v_version *carrier = carrier_of(&g->source, i);
	const struct rules_facts f = {
		.key = g->key,
		.tags = carrier ? &carrier->tags : NULL,
		.delete_marker = g->source.v[i].marker,
		.is_replica = carrier && kv_get(&carrier->info.meta, REPL_META_REPLICA),
		.sse = carrier ? carrier->info.sse : NULL,
	};
	size_t n = rules_match(v->rules, &f, won, rules_dest_count(v->rules));

	for (size_t k = 0; k < n; k++)
		if (strcmp(won[k]->dest_arn, arn) == 0)
			return won[k];
	return NULL;
}

/* --- marks ------------------------------------------------------------------------------------ */

/* What a replica says of itself -> the version; the newest of several. */
struct marks {
	struct map *versions, *tokens;
};

static void marks_free(struct marks *m)
{
	map_free(m->versions);
	map_free(m->tokens);
}

static int note_mark(struct map *m, const struct v_version *v, const char *name)
{
	const char *value = kv_get(&v->info.meta, name);

	return value ? map_set(m, value, (void *)(uintptr_t)v) : 0;
}

static bool is_replica_of(const struct v_version *v, const char *bucket)
{
	const char *home = kv_get(&v->info.meta, REPL_META_REPLICA);

	return home && strcmp(home, bucket) == 0;
}

static int read_marks(const struct v_side *s, const char *bucket, struct marks *m)
{
	int r = map_new(&m->versions);

	r = r ? r : map_new(&m->tokens);
	for (size_t i = s->n; !r && i-- > 0;) {
		if (bucket && !is_replica_of(&s->v[i], bucket))
			continue;
		r = note_mark(m->versions, &s->v[i], REPL_META_SOURCE_VERSION);
		r = r ? r : note_mark(m->tokens, &s->v[i], REPL_META_ID);
	}
	return r;
}

/* --- pairs ------------------------------------------------------------------------------------ */

static const struct v_row *row_of(const struct v_there *t, const struct v_version *src)
{
	for (size_t i = 0; i < t->rows_n; i++)
		if (t->rows[i].marker == src->marker && strcmp(t->rows[i].version, src->id) == 0)
			return &t->rows[i];
	return NULL;
}

/* The job that makes the replica, else one that changes it. */
static const struct v_job *job_of(const struct v_there *t, const char *version)
{
	const struct v_job *found = NULL;

	for (size_t i = 0; i < t->jobs_n; i++)
		if (strcmp(t->jobs[i].version, version) == 0 &&
		    (!found || job_kind_is_change(found->kind)))
			found = &t->jobs[i];
	return found;
}

static struct v_version *find_replica(const struct v_there *t, const struct marks *m,
				      const struct v_version *src)
{
	const struct v_row *row = row_of(t, src);
	struct v_version *dst = row && row->replica ? map_get(t->side.by_id, row->replica) : NULL;
	const char *token = kv_get(&src->info.meta, REPL_META_ID);

	if (!dst)
		dst = map_get(m->versions, src->id);
	if (!dst && token)
		dst = map_get(m->tokens, token);
	return dst && dst->marker == src->marker && !dst->paired ? dst : NULL;
}

static void set_replica(const struct v_there *t, struct v_pair *p, struct v_version *dst)
{
	p->dst = dst;
	p->at = (size_t)(dst - t->side.v);
	dst->paired = true;
	if (p->src->err || dst->err) {
		p->state = V_UNREAD;
		p->why = p->src->err ? p->src->why : dst->why;
		return;
	}
	p->state = V_THERE;
	if (!p->src->marker)
		p->body = compare_bodies(&p->src->info, &dst->info);
}

/* Between the replicas of its neighbours. */
static void pair_marker(struct v_there *t, size_t i)
{
	size_t newer = i, older = i + 1, from, to;

	while (newer > 0 && !t->pairs[newer - 1].dst)
		newer--;
	while (older < t->pairs_n && !t->pairs[older].dst)
		older++;
	from = newer > 0 ? t->pairs[newer - 1].at + 1 : 0;
	to = older < t->pairs_n ? t->pairs[older].at : t->side.n;
	while (to > from) {
		struct v_version *e = &t->side.v[--to];

		if (e->marker && !e->paired && !e->ledger) {
			set_replica(t, &t->pairs[i], e);
			return;
		}
	}
}

/* Not there: why? */
static int judge_absent(const struct verify *v, const struct v_group *g, size_t d, struct v_pair *p)
{
	const struct v_there *t = &g->there[d];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each has its source */
	const struct v_job *job = job_of(t, p->src->id);
	const struct v_row *row = row_of(t, p->src);
	bool was = true;
	int r = 0;

	if (p->src->err) {
		p->state = V_UNREAD;
		p->why = p->src->why;
		return 0;
	}
	if (job && !job_kind_is_change(job->kind)) {
		p->state = job->parked ? V_FAILED : V_BEHIND;
		p->why = job->why;
		return 0;
	}
	if (row && row->done_ms >= v->start_ms) {
		p->state = V_BEHIND;
		return 0;
	}
	if (v->store && !row)
		r = store_was_selected(v->store, p->src->marker ? JOB_DELETE : JOB_OBJECT, g->key,
				       p->src->id, v->dests[d].arn, &was);
	p->state = was ? V_MISSING : V_BEFORE;
	return r;
}

static int add_pairs(struct verify *v, struct v_group *g, size_t d, const struct marks *m)
{
	size_t max = rules_dest_count(v->rules);
	auto_free const struct rule **won = calloc(max + 1, sizeof(*won));
	struct v_there *t = &g->there[d];

	t->pairs = calloc(g->source.n + 1, sizeof(*t->pairs));
	if (!won || !t->pairs)
		return -ENOMEM;
	for (size_t i = 0; i < g->source.n; i++) {
		const struct v_version *src = &g->source.v[i];
		struct v_pair p = { .src = src };
		const struct v_job *job = job_of(t, src->id);
		struct v_version *dst;

		if (src->err == -ENOENT) /* removed since the listing */
			continue;
		p.rule = rule_for(v, g, i, v->dests[d].arn, won);
		if (!p.rule) {
			t->unselected++;
			continue;
		}
		p.busy = job && !job->parked;
		dst = find_replica(t, m, src);
		if (dst)
			set_replica(t, &p, dst);
		/* What stands there is not what the queue calls done: no version id, say. */
		if (dst && job && job->parked && !job_kind_is_change(job->kind)) {
			p.state = V_FAILED;
			p.why = job->why;
		}
		t->pairs[t->pairs_n++] = p;
	}
	return 0;
}

/* --- order ------------------------------------------------------------------------------------ */

static bool is_busy(const struct v_there *t)
{
	for (size_t i = 0; i < t->jobs_n; i++)
		if (!t->jobs[i].parked)
			return true;
	return false;
}

/* Replicas must stand as their sources do; and what is current here, if it is selected, must be
 * what is current there. Something on its way may change both. */
static void check_order(const struct v_group *g, struct v_there *t)
{
	size_t last = 0;
	bool any = false;

	if (is_busy(t))
		return;
	for (size_t i = 0; i < t->pairs_n; i++) {
		struct v_pair *p = &t->pairs[i];

		if (!p->dst)
			continue;
		p->order = any && p->at < last;
		last = max_of(last, p->at);
		any = true;
	}
	if (t->pairs_n && t->pairs[0].src == &g->source.v[0] && t->pairs[0].dst &&
	    !t->pairs[0].dst->latest)
		t->pairs[0].order = true;
}

/* --- replicas of what is gone ----------------------------------------------------------------- */

static bool may_be_extra(const struct v_group *g, const struct v_version *e, const char *bucket,
			 const struct marks *sources)
{
	const char *version = e->ledger, *token = kv_get(&e->info.meta, REPL_META_ID);

	if (e->paired || e->err || (!version && !is_replica_of(e, bucket)))
		return false;
	if (!version)
		version = kv_get(&e->info.meta, REPL_META_SOURCE_VERSION);
	if (version)
		return !map_get(g->source.by_id, version);
	return token && !map_get(sources->tokens, token);
}

/* The listing is older than the replica may be, and may hold the current version only. */
static int is_gone(struct verify *v, const char *key, const struct v_version *e, bool *ret_gone)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	const char *token = kv_get(&e->info.meta, REPL_META_ID);
	const char *version =
		e->ledger ? e->ledger : kv_get(&e->info.meta, REPL_META_SOURCE_VERSION);
	struct s3_error err = { 0 };
	int r;

	*ret_gone = true;
	if (e->marker)
		return 0;
	r = version ? object_head(v->client.source, key, version, &info, &err)
		    : object_find(v->client.source, key, REPL_META_ID, token, 0, &info, &err);
	if (r && r != -ENOENT) {
		ctl_say_s3(v->client.bucket, r, &err);
		return r;
	}
	*ret_gone = r == -ENOENT;
	return 0;
}

static int find_extra(struct verify *v, struct v_group *g, struct v_there *t)
{
	auto_with(marks_free) struct marks sources = { 0 };
	int r = read_marks(&g->source, NULL, &sources);

	t->extra = calloc(t->side.n + 1, sizeof(*t->extra));
	if (!t->extra)
		return -ENOMEM;
	for (size_t i = 0; !r && i < t->side.n; i++) {
		const struct v_version *e = &t->side.v[i];
		bool gone = false;

		if (v->o->current_only && (e->marker || !e->latest))
			continue;
		if (may_be_extra(g, e, v->client.bucket, &sources))
			r = is_gone(v, g->key, e, &gone);
		if (gone)
			t->extra[t->extra_n++] = e;
	}
	return r;
}

int verify_pair(struct verify *v, struct v_group *g, size_t dest)
{
	auto_with(marks_free) struct marks marks = { 0 };
	struct v_there *t = &g->there[dest];
	int r = read_marks(&t->side, v->client.bucket, &marks);

	r = r ? r : add_pairs(v, g, dest, &marks);
	for (size_t i = 0; !r && i < t->pairs_n; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each has its source */
		if (!t->pairs[i].dst && t->pairs[i].src->marker)
			pair_marker(t, i);
	for (size_t i = 0; !r && i < t->pairs_n; i++)
		if (!t->pairs[i].dst)
			r = judge_absent(v, g, dest, &t->pairs[i]);
	if (r)
		return r;
	check_order(g, t);
	return find_extra(v, g, t);
}
