#include "queue/order_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "queue/origin.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/tagging.h"

/*
 *  source's current  destination's current         verdict
 *  none              any                           good: the key is gone, nothing is to be said
 *  V                 the replica of V, by the      good
 *                    ledger
 *  V, in the ledger  none                          good: the replica was removed
 *  V, in the ledger  another                       ask
 *  V, unknown        a replica, by the ledger      V was made by another mount or tool: once it
 *                                                  is old enough, ask; but with tags=at-create
 *                                                  good where the rules name tags: which ones it
 *                                                  was born with nobody knows
 *  V, unknown        another                       good: who made V has sent it, or will
 *
 *  What asking tells                               verdict
 *  the destination's is a replica of a version     send V: an older one came after it
 *  that stands behind V at the source
 *  that version is gone from the source, or it     good: it was removed for good, or somebody
 *  is no replica                                   writes there without a mount of ours
 *  the ledger's replica of V is gone               good: it was removed for good
 *  other versions are current by now, or rows of   look again
 *  the pair have come
 *
 *  Sent is it as a repair: the copy looks first whether it is current by then.
 */

/* --- the decision ----------------------------------------------------------------------------- */

enum order_verdict order_decide(const struct order_facts *f)
{
	if (!f->source->there || !f->dest->there)
		return ORDER_GOOD;
	if (f->replica) {
		if (!*f->replica || strcmp(f->replica, f->dest->version) == 0)
			return ORDER_GOOD;
	} else {
		if (!f->dest_known || f->tags_unknown)
			return ORDER_GOOD;
		if (f->source->mtime_ms > f->young_ms)
			return ORDER_YOUNG;
	}
	if (!f->asked)
		return ORDER_ASK;
	return f->origin_behind && (f->replica_there || !f->replica) ? ORDER_SEND : ORDER_GOOD;
}

/* --- what the ledger and the rules tell ------------------------------------------------------- */

void order_look_free(struct order_look *l)
{
	newest_free(&l->source);
	newest_free(&l->there);
	free(l->replica);
	free(l->origin);
}

static int set_text(char **text, const char *to)
{
	free(*text);
	*text = NULL;
	return str_dup(to, text);
}

static int note_replica(void *arg, const struct store_replica *r)
{
	const char *replica = r->replica_version ? r->replica_version : "";
	const char *version = r->version ? r->version : "";
	struct order_look *l = arg;
	int err = 0;

	if (strcmp(r->dest, dest_arn(l->dest)) != 0)
		return 0;
	if (l->there.there && strcmp(replica, l->there.version) == 0)
		err = set_text(&l->origin, version);
	if (err == 0 && l->source.there && strcmp(version, l->source.version) == 0)
		err = set_text(&l->replica, replica);
	return err;
}

static bool tags_unknown(const struct order_look *l)
{
	struct rule_set *rs;
	bool matter;

	if (!l->conf->tags_at_create || l->source.is_marker)
		return false;
	rs = repl_get_rules(l->conf->repl);
	matter = rules_tags_matter(rs, l->row->key);
	rules_unref(rs);
	return matter;
}

/* --- what the buckets tell -------------------------------------------------------------------- */

struct behind {
	const char *newest, *wanted;
	bool any, same, found;
};

static int find_behind(void *arg, const struct s3_entry *e)
{
	struct behind *b = arg;
	const char *id = list_version_id(e) ? e->version_id : "";

	if (!b->any) {
		b->any = true;
		b->same = strcmp(id, b->newest) == 0;
		return !b->same || !b->wanted;
	}
	b->found = strcmp(id, b->wanted) == 0;
	return b->found;
}

/* Does `wanted` (NULL = none is) stand behind the newest? -EAGAIN: another one is the newest. */
static int look_behind(struct order_look *l, struct s3_client *client, const struct newest *newest,
		       const char *wanted, bool *ret_found)
{
	struct behind b = { .newest = newest->version, .wanted = wanted };
	int err = list_versions_of(client, l->row->key, find_behind, &b, &l->error);

	if (err < 0)
		return err;
	*ret_found = b.found;
	return b.same ? 0 : -EAGAIN;
}

/* A marker carries no metadata: nobody's. */
static int ask_origin(struct order_look *l)
{
	if (l->there.is_marker)
		return 0;
	return origin_find(l->conf->source, dest_client(l->dest), l->row->key,
			   *l->there.version ? l->there.version : NULL, &l->origin, &l->error);
}

static int ask(struct order_look *l, struct order_facts *f)
{
	int err = l->origin ? 0 : ask_origin(l);

	if (err == 0 && l->origin)
		err = look_behind(l, l->conf->source, &l->source, l->origin, &f->origin_behind);
	if (err == 0 && f->origin_behind)
		err = look_behind(l, dest_client(l->dest), &l->there, l->replica,
				  &f->replica_there);
	f->asked = err == 0;
	return err;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* What the rules want to know of a version that is not ours. */
static int learn(struct order_look *l, struct job_spec *spec)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_client *source = l->conf->source;
	const char *version = *l->source.version ? l->source.version : NULL;
	int err = object_head(source, l->row->key, version, &i, &l->error);

	if (err < 0)
		return err;
	kv_move(&spec->meta, &i.meta);
	spec->sse = take_ptr(&i.sse);
	if (i.tag_count != 0)
		err = tagging_get(source, l->row->key, version, &spec->tags, &l->error);
	return err;
}

/* A row that came since the look began, or is not done (again). */
static int is_news(void *arg, const struct job *j)
{
	const struct order_look *l = arg;
	bool made_nothing = job_kind_is_change(j->kind) || j->code;

	return j->state != JOB_DONE || (j->id > l->row->last && !made_nothing);
}

static int offer(struct order_look *l, enum job_kind kind, const struct job_spec *spec)
{
	const struct repl_offer how = { .dest = dest_arn(l->dest), .again = true, .repair = true };
	const struct repl_facts facts = { .key = l->row->key,
					  .version = *l->source.version ? l->source.version : NULL,
					  .spec = spec };
	char shown[400];
	unsigned n = 0;
	int err = repl_offer(l->conf->repl, kind, &facts, &how, &n);

	if (err == 0 && n > 0)
		log_info("order=lost key=\"%s\" version=%s dest=%s result=\"sent once more\"",
			 printable(l->row->key, shown, sizeof(shown)), l->source.version,
			 dest_arn(l->dest));
	return err;
}

/* Deletes under rules with tags go by those of the version that is hidden. */
static int learn_hidden(struct order_look *l, struct job_spec *spec)
{
	if (!repl_delete_needs_tags(l->conf->repl, l->row->key))
		return 0;
	return origin_hidden_tags(l->conf->source, l->row->key, &spec->tags, &l->error);
}

static int send(struct order_look *l)
{
	const struct store_filter rows = { .dest = dest_arn(l->dest), .key = l->row->key };
	enum job_kind kind = l->source.is_marker ? JOB_DELETE : JOB_OBJECT;
	auto_with(job_spec_free) struct job_spec spec = { 0 };
	int err = kind == JOB_OBJECT ? learn(l, &spec) : learn_hidden(l, &spec);

	err = err < 0 ? err : store_each_job(l->conf->store, &rows, is_news, l);
	if (err != 0)
		return err == 1 ? -EAGAIN : err;
	return offer(l, kind, &spec);
}

int order_look(struct order_look *l)
{
	struct order_facts f = { .source = &l->source, .dest = &l->there };
	enum order_verdict v;
	int err;

	err = store_each_replica(l->conf->store, l->row->key, NULL, note_replica, l);
	if (err < 0)
		return err;
	f.replica = l->replica;
	f.dest_known = l->origin;
	f.tags_unknown = tags_unknown(l);
	f.young_ms = clock_wall_ms() - l->conf->after_ms;
	v = order_decide(&f);
	if (v == ORDER_ASK) {
		err = ask(l, &f);
		v = order_decide(&f);
	}
	if (err == 0 && v == ORDER_SEND)
		err = send(l);
	/* What is not any more what it was is looked at as it is then. */
	if (err == -EAGAIN || err == -ENOENT)
		return 0;
	return err < 0 ? err : v != ORDER_YOUNG;
}
