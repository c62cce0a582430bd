/* repl_decide.c - the one place where the rules decide who must get what was changed. */
#include "queue/repl_i.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/*
 *  what was changed            a destination that the rules name  one that has the version
 *  object                      object                             -
 *  delete                      delete, if the rule wants markers  -
 *                              (or all_deletes)
 *  tags                        object, if it never got it         tags; if no rule names it now: as
 *                              (AWS: nothing; tags_at_create)     the policy says (AWS: tags)
 *                              and what others may have given it
 *                              since is asked at the source
 *  acl, retention, legal hold  -                                  the same (acl: not with an owner
 *                                                                 override)
 *  of a replica: tags, acl...  its source bucket, if a rule to    -
 *                              it wants replica modifications
 *
 *  Sources: S3 User Guide, "What does Amazon S3 replicate", "Replicating metadata changes with
 *  replica modification sync", "Changing the replica owner".
 */

void decision_free(struct decision *d)
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

int repl_how(const struct rule *rule, struct job_how *ret_h)
{
	int err;

	ret_h->owner_override = rule->owner_override;
	ret_h->threshold_minutes = rule->threshold_minutes;
	err = str_dup(rule->account, &ret_h->account);
	return err < 0 ? err : str_dup(rule->kms_key_id, &ret_h->kms_key);
}

static int fill_how(struct job *j, const struct rule *rule)
{
	int err = str_dup(rule->id, &j->rule_id);

	err = err < 0 ? err : str_dup(rule->storage_class, &j->storage_class);
	return err < 0 ? err : repl_how(rule, &j->how);
}

/* rule NULL: a change that follows its version. */
static int add_job(struct decision *d, enum job_kind kind, const char *arn, const struct rule *rule)
{
	const struct repl_facts *f = d->facts;
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
	err = err < 0 ? err : str_dup(d->token ? d->token : id, &j->token);
	err = err < 0 ? err : job_spec_copy(&j->spec, f->spec);
	return err == 0 && rule ? fill_how(j, rule) : err;
}

/* --- replicas that were hidden ---------------------------------------------------------------- */

struct hidden {
	const char *arn;
	bool is, seen; /* seen: a row tells */
};

/* In the order of commit: the last row tells. */
static int hidden_row(void *arg, const struct job *j)
{
	struct hidden *h = arg;

	if (strcmp(j->dest, h->arn) != 0 || job_kind_is_change(j->kind))
		return 0;
	h->seen = true;
	h->is = j->kind == JOB_DELETE && j->how.hide;
	return 0;
}

static int hidden_replica(void *arg, const struct store_replica *r)
{
	struct hidden *h = arg;

	if (strcmp(r->dest, h->arn) == 0)
		h->is = r->delete_marker;
	return 0;
}

/* Did its tags match no more, and was its replica hidden for that? */
static int is_hidden(struct repl *r, const struct repl_facts *f, const char *arn, bool *ret_is)
{
	struct store_filter filter = { .key = f->key, .version = f->version };
	struct hidden h = { .arn = arn };
	int err = store_each_job(r->store, &filter, hidden_row, &h);

	if (err == 0 && !h.seen)
		err = store_each_replica(r->store, f->key, f->version, hidden_replica, &h);
	*ret_is = h.is;
	return err;
}

/* --- destinations that have the version already ----------------------------------------------- */

struct had {
	struct repl *r;
	struct decision *d;
	const struct rule *const *won; /* by the tags as they are now */
	size_t won_n;
};

static const struct rule *winner_for(const struct had *h, const char *arn)
{
	for (size_t i = 0; i < h->won_n; i++)
		if (strcmp(h->won[i]->dest_arn, arn) == 0)
			return h->won[i];
	return NULL;
}

static int mark_unmatched(struct job *j)
{
	char when[40];

	time_format_iso(clock_wall_ms(), when);
	return kv_set(&j->spec.tags, REPL_TAG_UNMATCHED, when);
}

static int add_untagged(const struct had *h, const char *arn)
{
	struct decision *d = h->d;
	bool hidden = false;
	int err;

	if (h->r->untag == REPL_UNTAG_DELETE_MARKER) {
		err = is_hidden(h->r, d->facts, arn, &hidden);
		if (err < 0 || hidden)
			return err;
		err = add_job(d, JOB_DELETE, arn, NULL);
		if (err == 0)
			d->jobs[d->n - 1].how.hide = true;
		return err;
	}
	err = add_job(d, JOB_TAGS, arn, NULL);
	if (err == 0 && h->r->untag == REPL_UNTAG_MARK)
		err = mark_unmatched(&d->jobs[d->n - 1]);
	return err;
}

static int had_before(const struct had *h, const char *arn, bool owner_override)
{
	enum job_kind kind = h->d->kind;

	if (has_dest(h->d, arn) || (kind == JOB_ACL && owner_override))
		return 0;
	if (kind == JOB_TAGS && !winner_for(h, arn))
		return add_untagged(h, arn);
	return add_job(h->d, kind, arn, NULL);
}

static int had_row(void *arg, const struct job *j)
{
	return j->kind == JOB_OBJECT ? had_before(arg, j->dest, j->how.owner_override) : 0;
}

/* The row that told the owner is pruned: the rule of today tells. */
static int had_replica(void *arg, const struct store_replica *r)
{
	const struct rule *rule = winner_for(arg, r->dest);

	return r->delete_marker ? 0 : had_before(arg, r->dest, rule && rule->owner_override);
}

static int decide_had(const struct had *h)
{
	const struct repl_facts *f = h->d->facts;
	struct store_filter filter = { .key = f->key, .version = f->version };
	int err;

	err = store_each_job(h->r->store, &filter, had_row, (void *)(uintptr_t)h);
	return err != 0 ? err
			: store_each_replica(h->r->store, f->key, f->version, had_replica,
					     (void *)(uintptr_t)h);
}

/* --- replicas --------------------------------------------------------------------------------- */

/*
 * What is changed at a replica goes back to where it came from, and only there. AWS wants the rule
 * in both buckets; the one of the other bucket is the other side's to look at.
 */
static int decide_replica(const struct rule_set *rs, struct decision *d)
{
	const char *home = kv_get(&d->facts->spec->meta, REPL_META_REPLICA);

	for (size_t i = 0; i < rules_count(rs); i++) {
		const struct rule *rule = rules_get(rs, i);

		if (!rule->enabled || !rule->replica_modifications ||
		    strcmp(rule->dest_bucket, home) != 0 ||
		    strncmp(d->facts->key, rule->prefix, strlen(rule->prefix)) != 0)
			continue;
		return add_job(d, d->kind, rule->dest_arn, rule);
	}
	return 0;
}

/* --- by kind ---------------------------------------------------------------------------------- */

/* New tags name a destination: it gets the object if it never did. */
static int decide_tags(struct repl *r, struct decision *d, const struct rule *rule)
{
	const struct repl_facts *f = d->facts;
	struct job_spec *spec;
	bool was, hidden = false;
	int err;

	err = store_was_selected(r->store, JOB_OBJECT, f->key, f->version, rule->dest_arn,
				 &was);
	if (err == 0 && r->untag == REPL_UNTAG_DELETE_MARKER)
		err = is_hidden(r, f, rule->dest_arn, &hidden);
	if (err < 0 || (!was && !hidden && r->tags_at_create))
		return err;
	was = was && !hidden;
	err = add_job(d, was ? JOB_TAGS : JOB_OBJECT, rule->dest_arn, rule);
	if (err < 0 || was)
		return err;
	/* on top of the marker that hides it */
	d->jobs[d->n - 1].repair = hidden;
	/* another mount, or one whose state is lost, may have sent it */
	d->jobs[d->n - 1].uncertain = true;
	spec = &d->jobs[d->n - 1].spec;
	spec->ask_acl = spec->ask_lock = true;
	return 0;
}

/* A destination that the rules name and we do not know of: the marks of its replica tell. */
static int decide_unknown(struct decision *d, const struct rule *rule)
{
	if (has_dest(d, rule->dest_arn) || (d->kind == JOB_ACL && rule->owner_override))
		return 0;
	return add_job(d, d->kind, rule->dest_arn, rule);
}

static int decide_won(struct repl *r, struct decision *d, const struct rule **won, size_t n)
{
	const struct had had = { r, d, won, n };
	int err = 0;

	for (size_t i = 0; err == 0 && i < n; i++) {
		if (!job_kind_is_change(d->kind))
			err = add_job(d, d->kind, won[i]->dest_arn, won[i]);
		else if (d->kind == JOB_TAGS)
			err = decide_tags(r, d, won[i]);
	}
	if (err == 0 && job_kind_is_change(d->kind))
		err = decide_had(&had);
	for (size_t i = 0; err == 0 && i < n && job_kind_is_change(d->kind); i++)
		if (d->kind != JOB_TAGS)
			err = decide_unknown(d, won[i]);
	return err;
}

enum durability repl_durability(struct repl *r, const char *key, const struct kv *tags,
				const char *sse, enum durability mounts)
{
	const struct rules_facts facts = { .key = key, .tags = tags, .sse = sse };
	struct rule_set *rs = repl_get_rules(r);
	size_t count = rules_dest_count(rs), n = 0;
	auto_free const struct rule **won = calloc(count + 1, sizeof(*won));
	enum durability level = DURABILITY_STAGED;

	if (won)
		n = rules_match(rs, &facts, won, count);
	for (size_t i = 0; i < n; i++) {
		enum durability own = mounts;

		(void)dest_set_durability(r->dests, won[i]->id, &own);
		level = max_of(level, own);
	}
	rules_unref(rs);
	return n ? level : mounts;
}

int repl_decide(struct repl *r, struct decision *d)
{
	const struct repl_facts *f = d->facts;
	const struct rules_facts facts = {
		.key = f->key,
		.tags = &f->spec->tags,
		.delete_marker = d->kind == JOB_DELETE && !r->all_deletes,
		.is_replica = !d->replicas && kv_get(&f->spec->meta, REPL_META_REPLICA),
		.sse = f->spec->sse,
	};
	struct rule_set *rs = repl_get_rules(r);
	size_t count = rules_dest_count(rs);
	const struct rule **won = calloc(count + 1, sizeof(*won));
	int err = won ? 0 : -ENOMEM;

	if (err == 0 && facts.is_replica)
		err = job_kind_is_change(d->kind) ? decide_replica(rs, d) : 0;
	else if (err == 0)
		err = decide_won(r, d, won, rules_match(rs, &facts, won, count));
	free(won);
	rules_unref(rs);
	return err;
}
