#include "queue/order_i.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"
#include "s3/object.h"
#include "s3/tagging.h"

/*
 *  source's current  destination's current         verdict
 *  none              any                           good: the key is gone, nothing is to be said
 *  V                 the replica of V, by the      good
 *                    ledger
 *  V, in the ledger  another, a replica of ours    send V again: an older one came after it
 *  V, in the ledger  another, nobody's we know     ask it: who wrote there without being a mount
 *                                                  of ours knows why; a replica of ours: send V
 *  V, unknown        a replica of an older V, by   V was made by another mount or tool: once it
 *                    the ledger                    is old enough it is offered to the rules
 *  V, unknown        another                       good: who made V has sent it, or will
 *
 *  Sent is it as a repair: the copy looks first whether it is current by then.
 */

#define KEYS_AT_ONCE 200

struct order {
	struct order_conf conf; /* fixed */
	pthread_t thread;
	bool started;
	struct {
		struct lock l;
		struct cond changed;
		bool stop;
	} locked;
};

/* --- the decision ----------------------------------------------------------------------------- */

enum order_verdict order_decide(const struct order_facts *f)
{
	if (!f->source->there)
		return ORDER_GOOD;
	if (f->replica) {
		if (!*f->replica || (f->dest->there && strcmp(f->replica, f->dest->version) == 0))
			return ORDER_GOOD;
		return f->dest_known || !f->dest->there ? ORDER_SEND : ORDER_ASK;
	}
	if (!f->dest_known)
		return ORDER_GOOD;
	return f->source->mtime_ms > f->young_ms ? ORDER_YOUNG : ORDER_SEND;
}

/* --- one key ---------------------------------------------------------------------------------- */

struct look {
	struct order *o;
	struct dest *dest;
	const char *key;
	struct newest source, there;
	char *replica;	 /* of the source's current version; NULL = not in the ledger */
	bool dest_known;
	struct s3_error error;
};

static void look_free(struct look *l)
{
	newest_free(&l->source);
	newest_free(&l->there);
	free(l->replica);
}

static int note_replica(void *arg, const struct store_replica *r)
{
	struct look *l = arg;
	const char *id = r->replica_version ? r->replica_version : "";

	if (strcmp(r->dest, dest_arn(l->dest)) != 0)
		return 0;
	l->dest_known |= l->there.there && strcmp(id, l->there.version) == 0;
	if (strcmp(r->version ? r->version : "", l->source.version) != 0)
		return 0;
	free(l->replica);
	l->replica = NULL;
	return str_dup(id, &l->replica);
}

/* A marker carries no metadata: nobody's. */
static int is_our_replica(struct look *l, bool *ret_ours)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	const char *of;
	int err;

	*ret_ours = false;
	if (l->there.is_marker)
		return 0;
	err = object_head(dest_client(l->dest), l->key,
			  *l->there.version ? l->there.version : NULL, &i, &l->error);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	of = kv_get(&i.meta, REPL_META_REPLICA);
	*ret_ours = of && strcmp(of, s3_client_bucket(l->o->conf.source)) == 0;
	return 0;
}

/* What the rules want to know of a version that is not ours. */
static int learn(struct look *l, struct job_spec *spec)
{
	auto_with(s3_info_free) struct s3_info i = { 0 };
	struct s3_client *source = l->o->conf.source;
	const char *version = *l->source.version ? l->source.version : NULL;
	int err = object_head(source, l->key, version, &i, &l->error);

	if (err < 0)
		return err;
	kv_move(&spec->meta, &i.meta);
	spec->sse = take_ptr(&i.sse);
	if (i.tag_count != 0)
		err = tagging_get(source, l->key, version, &spec->tags, &l->error);
	return err;
}

static int send(struct look *l)
{
	const struct repl_offer how = { .dest = dest_arn(l->dest), .again = true, .repair = true };
	enum job_kind kind = l->source.is_marker ? JOB_DELETE : JOB_OBJECT;
	auto_with(job_spec_free) struct job_spec spec = { 0 };
	struct repl_facts facts = { .key = l->key,
				    .version = *l->source.version ? l->source.version : NULL,
				    .spec = &spec };
	char shown[400];
	unsigned n = 0;
	int err = kind == JOB_OBJECT ? learn(l, &spec) : 0;

	if (err == 0)
		err = repl_offer(l->o->conf.repl, kind, &facts, &how, &n);
	if (err == 0 && n > 0)
		log_info("order=lost key=\"%s\" version=%s dest=%s result=\"sent once more\"",
			 printable(l->key, shown, sizeof(shown)), l->source.version,
			 dest_arn(l->dest));
	/* Gone since the listing: what came instead has rows, or the next look. */
	return err == -ENOENT ? 0 : err;
}

/* 1 = looked at, 0 = to be looked at again. */
static int look_at(struct look *l)
{
	struct order_facts f = { .source = &l->source, .dest = &l->there };
	enum order_verdict v;
	bool ours = true;
	int err;

	err = store_each_replica(l->o->conf.store, l->key, NULL, note_replica, l);
	if (err < 0)
		return err;
	f.replica = l->replica;
	f.dest_known = l->dest_known;
	f.young_ms = clock_wall_ms() - l->o->conf.after_ms;
	v = order_decide(&f);
	if (v == ORDER_ASK)
		err = is_our_replica(l, &ours);
	if (err == 0 && ours && (v == ORDER_ASK || v == ORDER_SEND))
		err = send(l);
	return err < 0 ? err : v != ORDER_YOUNG;
}

/* --- one destination -------------------------------------------------------------------------- */

static bool is_stopping(struct order *o)
{
	scoped_lock(&o->locked.l);
	return o->locked.stop;
}

static int look_at_key(struct order *o, struct dest *d, const struct order_row *row,
		       struct order_list *source, struct order_list *there)
{
	auto_with(look_free) struct look l = { .o = o, .dest = d, .key = row->key };
	char shown[400], why[400];
	struct s3_caps caps;
	int err;

	/* What came last is what is there. */
	if (dest_get_caps(d, &caps) && caps.versioning == CAP_NO)
		return store_order_done(o->conf.store, dest_arn(d), row);
	err = order_list_newest(source, row->key, &l.source, &l.error);
	err = err < 0 ? err : order_list_newest(there, row->key, &l.there, &l.error);
	err = err < 0 ? err : look_at(&l);
	if (err == 1)
		return store_order_done(o->conf.store, dest_arn(d), row);
	if (err < 0)
		log_debug("order=unknown key=\"%s\" dest=%s why=\"%s\"",
			  printable(row->key, shown, sizeof(shown)), dest_arn(d),
			  l.error.status ? s3_error_text(&l.error, why, sizeof(why))
					 : errno_text(err, why, sizeof(why)));
	return err;
}

/* The next keys after *after; false when there are no more, or it is no use to go on. */
static bool look_at_some(struct order *o, struct dest *d, char **after, struct order_list *source,
			 struct order_list *there)
{
	int64_t before = clock_wall_ms() - o->conf.after_ms;
	struct order_row *rows = NULL;
	size_t n = 0;
	int err;

	err = store_order_due(o->conf.store, dest_arn(d), *after, before, KEYS_AT_ONCE, &rows, &n);
	for (size_t i = 0; err >= 0 && i < n && !is_stopping(o); i++)
		err = look_at_key(o, d, &rows[i], source, there);
	if (err >= 0 && n > 0) {
		free(*after);
		*after = NULL;
		err = str_dup(rows[n - 1].key, after);
	}
	order_rows_free(rows, n);
	return err >= 0 && n == KEYS_AT_ONCE && !is_stopping(o);
}

static void look_at_dest(void *arg, struct dest *d)
{
	struct order *o = arg;
	struct order_list source = { .client = o->conf.source };
	struct order_list there = { .client = dest_client(d) };
	auto_free char *after = NULL;
	struct dest_health h;

	dest_get_health(d, &h);
	while (!h.paused && look_at_some(o, d, &after, &source, &there))
		;
	order_list_free(&source);
	order_list_free(&there);
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool wait_turn(struct order *o)
{
	int64_t deadline = clock_deadline(o->conf.after_ms);

	scoped_lock(&o->locked.l);
	while (!o->locked.stop && cond_wait_until(&o->locked.changed, &o->locked.l, deadline))
		;
	return !o->locked.stop;
}

static void *run(void *arg)
{
	struct order *o = arg;

	pthread_setname_np(pthread_self(), "order");
	while (wait_turn(o))
		dest_set_each(o->conf.dests, look_at_dest, o);
	return NULL;
}

int order_new(const struct order_conf *conf, struct order **ret_o)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->conf = *conf;
	lock_init(&o->locked.l);
	cond_init(&o->locked.changed);
	*ret_o = o;
	return 0;
}

int order_start(struct order *o)
{
	int r;

	if (o->conf.after_ms <= 0)
		return 0;
	r = pthread_create(&o->thread, NULL, run, o);
	o->started = r == 0;
	return -r;
}

void order_stop(struct order *o)
{
	if (!o->started)
		return;
	lock_take(&o->locked.l);
	o->locked.stop = true;
	cond_broadcast(&o->locked.changed);
	lock_drop(&o->locked.l);
	pthread_join(o->thread, NULL);
	o->started = false;
}

void order_free(struct order *o)
{
	if (!o)
		return;
	order_stop(o);
	cond_free(&o->locked.changed);
	lock_free(&o->locked.l);
	free(o);
}
