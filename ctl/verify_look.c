/* verify_look.c - what the listings do not tell: metadata, tags and ACL, asked for in parallel. */
#include "ctl/verify.h"

#include <errno.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "queue/replica.h"
#include "s3/object.h"
#include "s3/tagging.h"

/* --- in parallel ------------------------------------------------------------------------------ */

#define THREADS_MAX 64

struct crowd {
	size_t n;
	void (*fn)(void *arg, size_t i);
	void *arg;
	struct {
		struct lock l;
		struct cond rest;
		size_t next;
		unsigned at_work;
	} locked;
};

static void work(void *arg)
{
	struct crowd *c = arg;
	size_t i;

	lock_take(&c->locked.l);
	while (c->locked.next < c->n) {
		i = c->locked.next++;
		lock_drop(&c->locked.l);
		c->fn(c->arg, i);
		lock_take(&c->locked.l);
	}
	c->locked.at_work--;
	cond_signal(&c->locked.rest);
	lock_drop(&c->locked.l);
}

void verify_parallel(struct verify *v, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
	struct crowd c = { .n = n, .fn = fn, .arg = arg };

	lock_init(&c.locked.l);
	cond_init(&c.locked.rest);
	c.locked.at_work = 1; /* the caller */
	for (size_t i = 0; i + 1 < min_of(n, (size_t)THREADS_MAX); i++) {
		lock_take(&c.locked.l);
		c.locked.at_work++;
		lock_drop(&c.locked.l);
		if (!pool_try_submit(v->pool, work, &c))
			continue;
		lock_take(&c.locked.l);
		c.locked.at_work--;
		lock_drop(&c.locked.l);
		break;
	}
	work(&c);
	lock_take(&c.locked.l);
	while (c.locked.at_work)
		cond_wait(&c.locked.rest, &c.locked.l);
	lock_drop(&c.locked.l);
	cond_free(&c.locked.rest);
	lock_free(&c.locked.l);
}

/* --- what to ask ------------------------------------------------------------------------------ */

bool verify_may_select(const struct verify *v, const char *key, const char *arn)
{
	for (size_t i = 0; i < rules_count(v->rules); i++) {
		const struct rule *r = rules_get(v->rules, i);

		if (r->enabled && strcmp(r->dest_arn, arn) == 0 &&
		    strncmp(key, r->prefix, strlen(r->prefix)) == 0)
			return true;
	}
	return false;
}

static void look_at_objects(struct v_side *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i].look = !s->v[i].marker;
}

/* One that the ledger has is of interest only if its source version is; any other may be a replica
 * all the same: its marks tell. */
static void look_at_replicas(const struct verify *v, struct v_group *g, struct v_there *t)
{
	for (size_t i = 0; i < t->side.n; i++) {
		struct v_version *e = &t->side.v[i];
		const struct v_version *s = e->ledger ? map_get(g->source.by_id, e->ledger) : NULL;

		e->look = !e->marker && (!e->ledger || (s && s->look));
		if (v->o->current_only && !e->ledger)
			e->look = e->look && e->latest;
	}
}

static void choose(const struct verify *v, struct v_group *g)
{
	for (size_t d = 0; d < v->dests_n; d++)
		if (verify_may_select(v, g->key, v->dests[d].arn))
			look_at_objects(&g->source);
	for (size_t d = 0; d < v->dests_n; d++)
		look_at_replicas(v, g, &g->there[d]);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct look {
	struct s3_client *client;
	const char *key;
	struct v_version *v;
	const char *home; /* at a destination: the source bucket */
};

struct looks {
	struct look *items;
	size_t n;
};

/* A server without tags keeps them in the metadata of replicas (queue/replica.h). */
static int tags_in_metadata(struct v_version *v)
{
	const char *text = kv_get(&v->info.meta, REPL_META_TAGS);

	return text ? kv_from_query(text, &v->tags) : 0;
}

static int ask_tags(const struct look *k, struct s3_error *e)
{
	int r;

	if (k->v->info.tag_count == 0)
		return 0;
	r = tagging_get(k->client, k->key, k->v->id, &k->v->tags, e);
	return r && (e->status == 501 || e->status == 405) ? tags_in_metadata(k->v) : r;
}

static int ask_acl(const struct look *k, struct s3_error *e)
{
	int r = acl_get(k->client, k->key, k->v->id, &k->v->acl, e);

	k->v->has_acl = r == 0;
	return r && acl_is_refused(e) ? 0 : r;
}

/* What others keep in the destination bucket is only seen to be no replica. */
static bool is_foreign(const struct look *k)
{
	const char *home = kv_get(&k->v->info.meta, REPL_META_REPLICA);

	return k->home && !k->v->ledger && (!home || strcmp(home, k->home) != 0);
}

static void ask(void *arg, size_t i)
{
	const struct look *k = &((struct looks *)arg)->items[i];
	struct s3_error e = { 0 };
	char text[400];
	int r = object_head(k->client, k->key, k->v->id, &k->v->info, &e);

	r = r || is_foreign(k) ? r : ask_tags(k, &e);
	r = r || is_foreign(k) ? r : ask_acl(k, &e);
	k->v->err = r;
	if (r && str_dup(e.status ? s3_error_text(&e, text, sizeof(text))
				  : errno_text(r, text, sizeof(text)),
			 &k->v->why))
		k->v->why = NULL;
}

static void add_looks(struct looks *l, struct s3_client *client, const char *home, const char *key,
		      struct v_side *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].look)
			l->items[l->n++] = (struct look){ client, key, &s->v[i], home };
}

int verify_look(struct verify *v, struct v_batch *b)
{
	auto_free struct look *items = calloc(b->versions + 1, sizeof(*items));
	struct looks l = { .items = items };

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct v_group *g = &b->groups[i];

		choose(v, g);
		add_looks(&l, v->client.source, NULL, g->key, &g->source);
		for (size_t d = 0; d < v->dests_n; d++)
			add_looks(&l, v->dests[d].client, v->client.bucket, g->key,
				  &g->there[d].side);
	}
	verify_parallel(v, l.n, ask, &l);
	return 0;
}
