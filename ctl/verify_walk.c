/* verify_walk.c - the listings of all sides in step, key by key. */
#include "ctl/verify.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "queue/store.h"
#include "s3/list.h"

#define PAGE	  1000
#define BATCH_MAX 512 /* versions, all sides together */

/* --- freeing ---------------------------------------------------------------------------------- */

static void side_free(struct v_side *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct v_version *e = &s->v[i];

		free(e->id);
		free(e->why);
		s3_info_free(&e->info);
		kv_free(&e->tags);
		acl_free(&e->acl);
	}
	free(s->v);
	map_free(s->by_id);
}

static void there_free(struct v_there *t)
{
	side_free(&t->side);
	for (size_t i = 0; i < t->rows_n; i++) {
		free(t->rows[i].version);
		free(t->rows[i].replica);
	}
	for (size_t i = 0; i < t->jobs_n; i++) {
		free(t->jobs[i].version);
		free(t->jobs[i].why);
	}
	free(t->rows);
	free(t->jobs);
	free(t->pairs);
	free(t->extra);
}

static void group_free(struct v_group *g, size_t dests)
{
	free(g->key);
	side_free(&g->source);
	for (size_t i = 0; g->there && i < dests; i++)
		there_free(&g->there[i]);
	free(g->there);
}

static void batch_free(const struct verify *v, struct v_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		group_free(&b->groups[i], v->dests_n);
	free(b->groups);
	*b = (struct v_batch){ 0 };
}

/* --- one listing ------------------------------------------------------------------------------ */

struct cursor {
	struct s3_client *client;
	const char *prefix;
	struct s3_page page;
	size_t at;
	bool begun;
	int64_t asked_ms; /* wall, of the page */
};

static int turn_page(struct cursor *c)
{
	auto_with(s3_page_free) struct s3_page old = c->page;
	struct s3_error e = { 0 };
	char shown[CTL_SHOWN];
	int r;

	c->page = (struct s3_page){ 0 };
	c->at = 0;
	c->begun = true;
	c->asked_ms = clock_wall_ms();
	r = list_versions(c->client, c->prefix, NULL, old.next_key, old.next_version, PAGE,
			  &c->page, &e);
	if (r)
		ctl_say_s3(ctl_shown(s3_client_bucket(c->client), shown), r, &e);
	return r;
}

/* *ret_key NULL: the end. Borrowed until the next page. */
static int peek(struct cursor *c, const char **ret_key)
{
	while (c->at == c->page.n && (!c->begun || c->page.truncated)) {
		int r = turn_page(c);

		if (r)
			return r;
	}
	*ret_key = c->at < c->page.n ? c->page.entries[c->at].key : NULL;
	return 0;
}

static int add_version(struct v_side *s, struct s3_entry *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 4;
		struct v_version *grown = reallocarray(s->v, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->v = grown;
		s->cap = cap;
	}
	s->v[s->n++] = (struct v_version){ .id = take_ptr(&e->version_id),
					   .marker = e->delete_marker,
					   .latest = e->is_latest };
	return 0;
}

/* A server that tells no version ids tells "null". */
static int index_side(struct v_side *s)
{
	int r = map_new(&s->by_id);

	for (size_t i = 0; !r && i < s->n; i++) {
		struct v_version *e = &s->v[i];

		r = e->id ? 0 : str_dup("null", &e->id);
		r = r ? r : map_set(s->by_id, e->id, e);
	}
	return r;
}

static int take_key(struct cursor *c, const char *key, bool current_only, struct v_side *s)
{
	const char *next;
	int r;

	while (!(r = peek(c, &next)) && next && strcmp(next, key) == 0) {
		struct s3_entry *e = &c->page.entries[c->at++];

		if (current_only && !e->is_latest)
			continue;
		r = add_version(s, e);
		if (r)
			return r;
	}
	return r ? r : index_side(s);
}

/* --- what the queue knows --------------------------------------------------------------------- */

struct asking {
	const struct verify *v;
	struct v_group *g;
};

static struct v_there *there_of(const struct asking *a, const char *arn)
{
	for (size_t i = 0; i < a->v->dests_n; i++)
		if (strcmp(a->v->dests[i].arn, arn) == 0)
			return &a->g->there[i];
	return NULL;
}

static int note_row(void *arg, const struct store_replica *row)
{
	struct v_there *t = there_of(arg, row->dest);
	struct v_row *grown;
	int r;

	if (!t)
		return 0;
	grown = reallocarray(t->rows, t->rows_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->rows = grown;
	grown += t->rows_n++;
	*grown = (struct v_row){ .done_ms = row->done_ms, .marker = row->delete_marker };
	r = str_dup(row->version && *row->version ? row->version : "null", &grown->version);
	return r ? r : str_dup(row->replica_version, &grown->replica);
}

static int note_job(void *arg, const struct job *j)
{
	struct v_there *t = there_of(arg, j->dest);
	struct v_job *grown;
	int r;

	if (!t)
		return 0;
	grown = reallocarray(t->jobs, t->jobs_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->jobs = grown;
	grown += t->jobs_n++;
	*grown = (struct v_job){ .kind = j->kind, .parked = j->state == JOB_PARKED };
	r = str_dup(j->version ? j->version : "null", &grown->version);
	return r ? r : str_dup(j->why, &grown->why);
}

/* The rows before the ledger: what is done in between is in one of them. */
static int ask_queue(struct verify *v, struct v_group *g)
{
	const struct store_filter f = { .key = g->key, .unfinished = true };
	struct asking a = { v, g };
	int r = v->store ? store_each_job(v->store, &f, note_job, &a) : 0;

	r = r || !v->store ? r : store_each_replica(v->store, g->key, NULL, note_row, &a);
	if (r)
		ctl_say("the queue in %s cannot be read", v->client.state);
	for (size_t d = 0; d < v->dests_n; d++) {
		struct v_there *t = &g->there[d];

		for (size_t i = 0; i < t->rows_n; i++) {
			const char *id = t->rows[i].replica;
			struct v_version *e = id ? map_get(t->side.by_id, id) : NULL;

			if (e)
				e->ledger = t->rows[i].version;
		}
	}
	return r;
}

/* --- all listings ----------------------------------------------------------------------------- */

struct walk {
	struct verify *v;
	struct cursor *cursors; /* the source, then the destinations */
	size_t n;
	char *last; /* key */
};

static void walk_free(struct walk *w)
{
	for (size_t i = 0; w->cursors && i < w->n; i++)
		s3_page_free(&w->cursors[i].page);
	free(w->cursors);
	free(w->last);
}

/* The smallest key of all; new string, NULL at the end. */
static int next_key(struct walk *w, char **ret_key)
{
	const char *least = NULL, *key;
	char shown[CTL_SHOWN];

	for (size_t i = 0; i < w->n; i++) {
		int r = peek(&w->cursors[i], &key);

		if (r)
			return r;
		if (key && w->last && strcmp(key, w->last) <= 0) {
			ctl_say("%s: its listing is not in the order of keys, at '%s'",
				s3_client_bucket(w->cursors[i].client), ctl_shown(key, shown));
			return -EIO;
		}
		if (key && (!least || strcmp(key, least) < 0))
			least = key;
	}
	if (least && w->v->exact && strcmp(least, w->v->exact) != 0)
		least = NULL;
	return str_dup(least, ret_key);
}

/* The current one alone: there that is the one which the ledger names, wherever it stands. */
static int read_group(struct walk *w, char *key, struct v_group *g)
{
	bool current = w->v->o->current_only;
	int r;

	g->key = key;
	g->since_ms = w->cursors[0].asked_ms;
	for (size_t i = 1; i < w->n; i++)
		g->since_ms = min_of(g->since_ms, w->cursors[i].asked_ms);
	g->there = calloc(w->v->dests_n + 1, sizeof(*g->there));
	r = g->there ? take_key(&w->cursors[0], key, current, &g->source) : -ENOMEM;
	for (size_t d = 0; !r && d < w->v->dests_n; d++)
		r = take_key(&w->cursors[d + 1], key, current && !w->v->store, &g->there[d].side);
	free(w->last);
	w->last = NULL;
	r = r ? r : str_dup(key, &w->last);
	return r ? r : ask_queue(w->v, g);
}

static int read_batch(struct walk *w, struct v_batch *b)
{
	while (b->versions < BATCH_MAX) {
		char *key = NULL;
		struct v_group *grown;
		int r = next_key(w, &key);

		if (r || !key)
			return r;
		grown = reallocarray(b->groups, b->n + 1, sizeof(*grown));
		if (!grown) {
			free(key);
			return -ENOMEM;
		}
		b->groups = grown;
		grown += b->n++;
		*grown = (struct v_group){ 0 };
		r = read_group(w, key, grown);
		if (r)
			return r;
		b->versions += grown->source.n;
		for (size_t d = 0; d < w->v->dests_n; d++)
			b->versions += grown->there[d].side.n;
	}
	return 0;
}

int verify_walk(struct verify *v, int (*fn)(struct verify *v, struct v_batch *b))
{
	auto_with(walk_free) struct walk w = { .v = v, .n = v->dests_n + 1 };
	struct v_batch b = { 0 };
	bool more = true;
	int r = 0;

	w.cursors = calloc(w.n, sizeof(*w.cursors));
	if (!w.cursors)
		return -ENOMEM;
	for (size_t i = 0; i < w.n; i++)
		w.cursors[i] = (struct cursor){
			.client = i ? v->dests[i - 1].client : v->client.source,
			.prefix = v->prefix,
		};
	while (!r && more) {
		r = read_batch(&w, &b);
		more = b.versions >= BATCH_MAX;
		r = r || !b.n ? r : fn(v, &b);
		batch_free(v, &b);
	}
	return r;
}
