/* verify_tell.c - what two versions differ in, and a line for each difference. */
#include "ctl/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "queue/repl.h"

/* --- differences ------------------------------------------------------------------------------ */

typedef void difference_fn(void *arg, const char *what, const char *name);

static bool is_ours(const char *name)
{
	return strncmp(name, REPL_META_PREFIX, strlen(REPL_META_PREFIX)) == 0;
}

/* Those of a that b has not, or has otherwise; with only_absent not the latter. */
static void compare_kv(const struct kv *a, const struct kv *b, bool only_absent, difference_fn *fn,
		       void *arg)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *other = kv_get(b, a->items[i].name);

		if (is_ours(a->items[i].name) ||
		    (other && (only_absent || strcmp(other, a->items[i].value) == 0)))
			continue;
		fn(arg, "metadata", a->items[i].name);
	}
}

static bool same_tags(const struct kv *a, const struct kv *b)
{
	size_t ours = kv_get(b, REPL_TAG_UNMATCHED) != NULL;

	if (a->n + ours != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const char *other = kv_get(b, a->items[i].name);

		if (!other || strcmp(other, a->items[i].value) != 0)
			return false;
	}
	return true;
}

/* The grants; what the source's owner may, the replica's owner may. */
static bool same_acl(const struct v_pair *p)
{
	auto_with(acl_free) struct acl mine = { 0 };
	const struct acl *a = &p->src->acl, *b = &p->dst->acl;

	if (!p->src->has_acl || !p->dst->has_acl || p->rule->owner_override || !b->owner)
		return true;
	return acl_rebase(a, b->owner, &mine) != 0 || acl_equal(&mine, b);
}

void verify_differences(const struct v_pair *p, difference_fn *fn, void *arg)
{
	static const char *const bodies[] = {
		[V_OTHER_SIZE] = "size",
		[V_OTHER_ETAG] = "etag",
		[V_OTHER_BYTES] = "bytes",
		[V_DOUBT] = NULL,
	};
	const struct s3_info *a = &p->src->info, *b = &p->dst->info;

	if (bodies[p->body])
		fn(arg, bodies[p->body], NULL);
	compare_kv(&a->meta, &b->meta, false, fn, arg);
	compare_kv(&b->meta, &a->meta, true, fn, arg);
	compare_kv(&a->sys, &b->sys, false, fn, arg);
	compare_kv(&b->sys, &a->sys, true, fn, arg);
	if (!same_tags(&p->src->tags, &p->dst->tags))
		fn(arg, "tags", NULL);
	if (!same_acl(p))
		fn(arg, "acl", NULL);
	if (p->order)
		fn(arg, "order", NULL);
}

/* --- lines ------------------------------------------------------------------------------------ */

struct teller {
	const struct verify *v;
	const struct v_group *g;
	const char *dest;
	const char *version; /* of the source; of the replica for "extra" */
	unsigned n;	     /* differences told */
	bool silent;	     /* count only */
};

static void tell_json(const struct teller *t, const char *word, const char *what, const char *name)
{
	auto_with(buf_free) struct buf b;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_SMALL);
	json_start(&j, &b, false);
	json_open(&j, NULL, '{');
	json_str(&j, "result", word);
	json_str(&j, "key", t->g->key);
	json_str(&j, "version", t->version);
	json_str(&j, "destination", t->dest);
	if (what)
		json_str(&j, "what", what);
	if (name)
		json_str(&j, "name", name);
	json_close(&j, '}');
	puts(buf_str(&b));
}

static void tell(const struct teller *t, const char *word, const char *what, const char *name)
{
	char key[CTL_SHOWN], version[CTL_SHOWN], text[CTL_SHOWN], more[CTL_SHOWN];

	if (t->v->bar)
		fputs("\r\033[K", stderr);
	if (t->v->o->json) {
		tell_json(t, word, what, name);
		return;
	}
	printf("%s %s %s at %s%s%s%s%s\n", word, ctl_shown(t->g->key, key),
	       ctl_shown(t->version, version), t->dest, what ? ": " : "",
	       what ? ctl_shown(what, text) : "", name ? " " : "",
	       name ? ctl_shown(name, more) : "");
}

static void tell_difference(void *arg, const char *what, const char *name)
{
	struct teller *t = arg;

	t->n++;
	if (!t->silent)
		tell(t, "differs", what, name);
}

/* What is on its way will look otherwise soon. */
static void tell_there(struct verify *v, struct teller *t, const struct v_pair *p)
{
	char why[64];

	if (p->err) {
		v->counts.unread++;
		tell(t, "unread", errno_text(p->err, why, sizeof(why)), NULL);
		return;
	}
	t->silent = p->busy;
	verify_differences(p, tell_difference, t);
	if (t->n && p->busy)
		v->counts.behind++;
	else if (t->n)
		v->counts.different++;
	else if (p->body == V_DOUBT)
		v->counts.unproved++;
	else
		v->counts.equal++;
}

static void tell_pair(struct verify *v, const struct v_group *g, const char *dest,
		      const struct v_pair *p)
{
	struct teller t = { .v = v, .g = g, .dest = dest, .version = p->src->id };

	v->counts.pairs++;
	switch (p->state) {
	case V_THERE: tell_there(v, &t, p); break;
	case V_MISSING:
		v->counts.missing++;
		tell(&t, "missing", NULL, NULL);
		break;
	case V_BEHIND:
		v->counts.behind++;
		if (v->o->all)
			tell(&t, "behind", NULL, NULL);
		break;
	case V_FAILED:
		v->counts.failed++;
		tell(&t, "failed", p->why, NULL);
		break;
	case V_BEFORE:
		v->counts.before++;
		if (v->o->all)
			tell(&t, "before", NULL, NULL);
		break;
	case V_UNREAD:
		v->counts.unread++;
		tell(&t, "unread", p->why, NULL);
		break;
	}
}

int verify_tell(struct verify *v, const struct v_group *g, size_t dest)
{
	const struct v_there *there = &g->there[dest];
	struct teller t = { .v = v, .g = g, .dest = v->dests[dest].arn };

	for (size_t i = 0; i < there->pairs_n; i++)
		tell_pair(v, g, t.dest, &there->pairs[i]);
	for (size_t i = 0; i < there->extra_n; i++) {
		t.version = there->extra[i]->id;
		v->counts.extra++;
		tell(&t, "extra", NULL, NULL);
	}
	for (size_t i = 0; i < there->side.n; i++) {
		const struct v_version *e = &there->side.v[i];

		if (!e->err || e->paired)
			continue;
		t.version = e->id;
		v->counts.unread++;
		tell(&t, "unread", e->why, NULL);
	}
	v->counts.unselected += there->unselected;
	return ferror(stdout) ? -EIO : 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

void verify_tell_summary(const struct verify *v)
{
	const struct v_counts *c = &v->counts;
	const struct {
		const char *name;
		uint64_t n;
		bool always;
	} words[] = {
		{ "equal", c->equal, true },	       { "different", c->different, true },
		{ "missing", c->missing, true },       { "extra", c->extra, true },
		{ "behind", c->behind, true },	       { "failed", c->failed, false },
		{ "unread", c->unread, false },	       { "unproved", c->unproved, false },
		{ "before", c->before, false },	       { "unselected", c->unselected, false },
		{ "queued", c->queued, v->o->repair }, { "changed", c->changed, false },
	};
	auto_with(buf_free) struct buf b;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_SMALL);
	if (v->bar)
		fputs("\r\033[K", stderr);
	if (v->o->json) {
		json_start(&j, &b, false);
		json_open(&j, NULL, '{');
		for (size_t i = 0; i < array_size(words); i++)
			json_u64(&j, words[i].name, words[i].n);
		json_close(&j, '}');
		puts(buf_str(&b));
		return;
	}
	for (size_t i = 0; i < array_size(words); i++)
		if (words[i].n || words[i].always)
			buf_addf(&b, "%s%llu %s", b.len ? ", " : "", (unsigned long long)words[i].n,
				 words[i].name);
	puts(buf_str(&b));
	if (c->unproved && !v->o->deep)
		ctl_say("unproved: same size, but the ETags are of other parts or encrypted, and "
			"there is no checksum; --deep reads the bytes");
}
