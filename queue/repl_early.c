#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "s3/part.h"

static struct early *early_ref(struct early *e)
{
	__atomic_add_fetch(&e->refs, 1, __ATOMIC_RELAXED);
	return e;
}

void early_unref(struct early *e)
{
	if (__atomic_sub_fetch(&e->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ticket_unref(e->ticket);
	free(e->arn);
	free(e->key);
	free(e->storage_class);
	replica_free(&e->replica);
	job_spec_free(&e->spec);
	job_how_free(&e->how);
	free(e);
}

struct early *early_find(struct ticket *t, const struct upload *u)
{
	struct early *e;

	scoped_lock(&t->locked.l);
	for (e = t->locked.early; e && e->upload != u; e = e->next)
		;
	return e;
}

/* --- what the upload asks --------------------------------------------------------------------- */

static int early_read(void *arg, void *dst, size_t n, uint64_t off)
{
	struct early *e = arg;

	return e->inner.read(e->inner.arg, dst, n, off);
}

static uint64_t early_gen(void *arg, unsigned part)
{
	struct early *e = arg;

	return e->inner.gen(e->inner.arg, part);
}

static void early_retain(void *arg)
{
	struct early *e = early_ref(arg);

	e->inner.retain(e->inner.arg);
}

static void early_release(void *arg)
{
	struct early *e = arg;

	e->inner.release(e->inner.arg);
	early_unref(e);
}

static void early_on_id(void *arg, const char *key, const char *id)
{
	struct early *e = arg;

	ticket_note(e->ticket, e->arn, key, id);
}

/* --- which destinations ----------------------------------------------------------------------- */

/* Could a tag that comes later hand this destination to another rule? */
static bool tags_may_change(const struct rule_set *rs, const struct rule *winner, const char *key)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		const struct rule *q = rules_get(rs, i);

		if (q == winner || !q->enabled || q->tags->n == 0 ||
		    strcmp(q->dest_arn, winner->dest_arn) != 0 ||
		    strncmp(key, q->prefix, strlen(q->prefix)) != 0)
			continue;
		if (q->priority >= winner->priority)
			return true;
	}
	return false;
}

static int make_replica(struct early *e)
{
	const struct replica_in in = {
		.source_bucket = s3_client_bucket(e->ticket->r->source),
		.spec = &e->spec,
		.how = &e->how,
		.storage_class = e->storage_class,
		.caps = &e->caps,
		.token = e->ticket->token,
		.now_ms = clock_wall_ms(),
	};

	return replica_make(&in, &e->replica);
}

static int early_new(struct ticket *t, const char *key, const struct rule *rule, struct dest *d,
		     const struct job_spec *spec, const struct upload_src *src,
		     struct early **ret_e)
{
	struct early *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->refs = 1;
	e->ticket = ticket_ref(t);
	e->inner = *src;
	(void)dest_get_caps(d, &e->caps);
	err = str_dup(rule->dest_arn, &e->arn);
	err = err < 0 ? err : str_dup(key, &e->key);
	err = err < 0 ? err : str_dup(rule->storage_class, &e->storage_class);
	err = err < 0 ? err : job_spec_copy(&e->spec, spec);
	err = err < 0 ? err : repl_how(rule, &e->how);
	err = err < 0 ? err : make_replica(e);
	if (err < 0) {
		early_unref(e);
		return err;
	}
	*ret_e = e;
	return 0;
}

static int early_start(struct early *e, const struct dest *d)
{
	const struct upload_conf conf = {
		.client = dest_client(d),
		.pool = e->ticket->r->pool,
		.key = e->key,
		.opts = &e->replica.opts,
		.src = { early_read, early_gen, early_retain, early_release, e, NULL },
		.on_id = early_on_id,
		.on_id_arg = e,
	};

	return upload_new(&conf, &e->upload);
}

bool early_fits(const struct early *e, struct upload *u, const struct job *j)
{
	const struct replica_in in = {
		.source_bucket = s3_client_bucket(e->ticket->r->source),
		.spec = &j->spec,
		.how = &j->how,
		.storage_class = j->storage_class,
		.caps = &e->caps,
		.token = e->ticket->token,
		.now_ms = clock_wall_ms(),
	};
	auto_with(replica_free) struct replica now = { 0 };

	if (j->kind != JOB_OBJECT || !j->spec.known || strcmp(e->arn, j->dest) != 0 ||
	    strcmp(e->key, j->key) != 0 || part_count(j->spec.size) < 2 || !upload_started(u))
		return false;
	return replica_make(&in, &now) == 0 && replica_equal(&now, &e->replica) &&
	       !upload_exceeds(u, j->spec.size);
}

static int begin_one(struct ticket *t, const char *key, const struct rule *rule,
		     const struct job_spec *spec, const struct upload_src *src,
		     struct repl_early *ret_e)
{
	struct dest_health health;
	struct s3_caps caps;
	struct dest *d;
	struct early *e;
	char why[300];
	bool known;
	int err;

	err = dest_get(t->r->dests, rule->dest_arn, &d, why, sizeof(why));
	if (err < 0)
		return err;
	dest_get_health(d, &health);
	known = dest_get_caps(d, &caps);
	/* MinIO wants the source's version id when the upload is begun, and there is none yet. */
	if (health.paused || !known || caps.minio == CAP_YES || caps.multipart == CAP_NO)
		return -EAGAIN;
	err = early_new(t, key, rule, d, spec, src, &e);
	if (err < 0)
		return err;
	err = early_start(e, d);
	if (err < 0) {
		early_unref(e);
		return err;
	}
	*ret_e = (struct repl_early){ .dest = d, .upload = e->upload };
	lock_take(&t->locked.l);
	e->next = t->locked.early;
	t->locked.early = e;
	lock_drop(&t->locked.l);
	return 0;
}

size_t repl_early_new(struct ticket *t, const struct job_spec *spec, const struct upload_src *src,
		      struct repl_early *ret_e, size_t max)
{
	struct rule_set *rs = repl_get_rules(t->r);
	struct rules_facts facts = {
		.key = ticket_key(t),
		.tags = &spec->tags,
		.is_replica = kv_get(&spec->meta, REPL_META_REPLICA) != NULL,
	};
	size_t count = rules_dest_count(rs);
	const struct rule **won = calloc(count + 1, sizeof(*won));
	size_t made = 0;
	/* What only the finished version can tell must be there when the upload is begun. */
	bool wait = spec->ask_acl || spec->ask_lock;
	size_t n = won && !wait ? rules_match(rs, &facts, won, count) : 0;

	for (size_t i = 0; i < n && made < max; i++) {
		int err;

		if (tags_may_change(rs, won[i], facts.key))
			continue;
		err = begin_one(t, facts.key, won[i], spec, src, &ret_e[made]);
		if (err == 0)
			made++;
		else
			log_debug("dest=%s result=\"no early upload\" error=%d", won[i]->dest_arn,
				  err);
	}
	free(won);
	rules_unref(rs);
	return made;
}

void repl_early_drop(struct repl_early *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		upload_drop(e[i].upload);
		e[i].upload = NULL;
	}
}
