#include "queue/repl_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/crash.h"
#include "base/log.h"
#include "s3/part.h"

/*
 *  ticket   row        means                                     leaves to
 *  loose    none       no rule can want the key                  rowed (hold, rekey), settled
 *  rowed    begun      S3 may or may not have changed            held, settled
 *  held     held       acknowledged, staged here                 settled
 *  settled  gone or    committed, abandoned or left; notes that  freed with the last reference
 *           left       come late are ignored
 */

/* --- tickets ---------------------------------------------------------------------------------- */

struct ticket *ticket_ref(struct ticket *t)
{
	__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void ticket_unref(struct ticket *t)
{
	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(t->locked.key);
	free(t->locked.staged);
	job_spec_free(&t->locked.spec);
	kv_free(&t->locked.uploads);
	kv_free(&t->locked.upload_keys);
	free(t->left.key);
	free(t->left.version);
	free(t->left.staged);
	job_spec_free(&t->left.spec);
	lock_free(&t->locked.l);
	free(t);
}

static int ticket_new(struct repl *r, enum job_kind kind, const char *key, struct ticket **ret_t)
{
	struct ticket *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->refs = 1;
	t->r = r;
	t->kind = kind;
	lock_init(&t->locked.l);
	if (str_dup(key, &t->locked.key) < 0) {
		ticket_unref(t);
		return -ENOMEM;
	}
	*ret_t = t;
	return 0;
}

const char *ticket_token(const struct ticket *t)
{
	return t->token;
}

const char *ticket_key(const struct ticket *t)
{
	return t->locked.key;
}

void ticket_consume(struct ticket *t)
{
	struct early *list;

	lock_take(&t->locked.l);
	t->locked.settled = true;
	list = t->locked.early;
	t->locked.early = NULL;
	lock_drop(&t->locked.l);
	while (list) {
		struct early *next = list->next;

		early_unref(list);
		list = next;
	}
	ticket_unref(t);
}

/* The uploads that exist still have to be found by recovery, under a row that comes later too. */
static void note_again(struct ticket *t, int64_t id)
{
	struct kv uploads = KV_EMPTY;
	struct kv keys = KV_EMPTY;
	int err;

	lock_take(&t->locked.l);
	err = kv_copy(&uploads, &t->locked.uploads);
	err = err < 0 ? err : kv_copy(&keys, &t->locked.upload_keys);
	lock_drop(&t->locked.l);
	for (size_t i = 0; err == 0 && i < uploads.n; i++)
		err = store_note_upload(t->r->store, id, uploads.items[i].name, keys.items[i].value,
					uploads.items[i].value);
	if (err < 0)
		log_debug("ticket=%lld result=unnoted error=%d", (long long)id, err);
	kv_free(&uploads);
	kv_free(&keys);
}

int ticket_row(struct ticket *t, int64_t *ret_id)
{
	int64_t id = 0;
	int err;

	lock_take(&t->locked.l);
	id = t->locked.id;
	lock_drop(&t->locked.l);
	if (id == 0) {
		err = store_begin(t->r->store, t->kind, t->locked.key, t->token, &id);
		if (err < 0)
			return err;
		lock_take(&t->locked.l);
		t->locked.id = id;
		lock_drop(&t->locked.l);
		note_again(t, id);
	}
	*ret_id = id;
	return 0;
}

/*
 * A note that is lost leaves an upload to the bucket's lifecycle rule, so trouble is only logged.
 */
void ticket_note(struct ticket *t, const char *side, const char *key, const char *upload_id)
{
	int64_t id = 0;
	bool settled;
	int err;

	lock_take(&t->locked.l);
	settled = t->locked.settled;
	id = t->locked.id;
	err = settled ? 0 : kv_set(&t->locked.uploads, side, upload_id);
	if (err == 0 && !settled)
		err = kv_set(&t->locked.upload_keys, side, key);
	lock_drop(&t->locked.l);
	if (err == 0 && !settled && id != 0)
		err = store_note_upload(t->r->store, id, side, key, upload_id);
	if (err < 0)
		log_debug("ticket=%lld side=%s result=unnoted error=%d", (long long)id, side, err);
}

void repl_note_source(void *ticket, const char *key, const char *upload_id)
{
	ticket_note(ticket, "source", key, upload_id);
}

/* --- begin, and the ends that write no job ---------------------------------------------------- */

bool repl_may_match(const struct rule_set *rs, enum job_kind kind, const char *key)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		const struct rule *rule = rules_get(rs, i);

		if (!rule->enabled || strncmp(key, rule->prefix, strlen(rule->prefix)) != 0)
			continue;
		if (kind != JOB_DELETE || rule->replicate_delete_markers)
			return true;
	}
	return false;
}

static bool may_match_now(struct repl *r, enum job_kind kind, const char *key)
{
	struct rule_set *rs = repl_get_rules(r);
	/* a delete that needs no leave goes where an object would */
	bool yes = repl_may_match(rs, r->all_deletes ? JOB_OBJECT : kind, key);

	rules_unref(rs);
	return yes;
}

bool repl_may_want(struct repl *r, const char *key)
{
	return may_match_now(r, JOB_OBJECT, key);
}

bool repl_delete_needs_tags(struct repl *r, const char *key)
{
	struct rule_set *rs = repl_get_rules(r);
	bool yes = rules_tags_matter(rs, key) && may_match_now(r, JOB_DELETE, key);

	rules_unref(rs);
	return yes;
}

int repl_begin(struct repl *r, enum job_kind kind, const char *key, struct ticket **ret_t)
{
	return repl_begin_of(r, kind, key, "", ret_t);
}

int repl_begin_of(struct repl *r, enum job_kind kind, const char *key, const char *family,
		  struct ticket **ret_t)
{
	struct ticket *t;
	int64_t id;
	int err;

	err = ticket_new(r, kind, key, &t);
	if (err < 0)
		return err;
	err = random_hex(16, t->token);
	if (err == 0) /* both are hex digits */
		memcpy(t->token, family, min_of(strlen(family), (size_t)REPL_FAMILY_LEN));
	if (err == 0 && may_match_now(r, kind, key))
		err = ticket_row(t, &id);
	if (err < 0) {
		ticket_unref(t);
		return err;
	}
	crash_point("ticket.begun");
	*ret_t = t;
	return 0;
}

void repl_abandon(struct ticket *t)
{
	int64_t id;
	bool held;

	if (!t)
		return;
	lock_take(&t->locked.l);
	id = t->locked.id;
	held = t->locked.held;
	t->locked.settled = true;
	lock_drop(&t->locked.l);
	if (id != 0 && (held ? store_abandon_held : store_abandon)(t->r->store, id) < 0)
		log_warn("ticket=%lld result=\"not removed; the next start will settle it\"",
			 (long long)id);
	ticket_consume(t);
}

void repl_leave(struct ticket *t)
{
	if (!t)
		return;
	lock_take(&t->locked.l);
	if (t->locked.held)
		atomic_store(&t->r->held_left, true);
	lock_drop(&t->locked.l);
	ticket_consume(t);
}

int repl_hold(struct ticket *t, const char *key, const char *staged, const struct job_spec *spec)
{
	struct job_spec copy = { 0 };
	auto_free char *key_copy = NULL;
	auto_free char *staged_copy = NULL;
	int64_t id;
	int err;

	err = str_dup(key, &key_copy);
	err = err < 0 ? err : str_dup(staged, &staged_copy);
	err = err < 0 ? err : job_spec_copy(&copy, spec);
	err = err < 0 ? err : ticket_row(t, &id);
	err = err < 0 ? err : store_hold(t->r->store, id, key, staged, spec);
	if (err < 0) {
		job_spec_free(&copy);
		return err;
	}
	crash_point("ticket.held");
	lock_take(&t->locked.l);
	free(t->locked.key);
	t->locked.key = take_ptr(&key_copy);
	t->locked.held = true;
	free(t->locked.staged);
	t->locked.staged = take_ptr(&staged_copy);
	job_spec_free(&t->locked.spec);
	t->locked.spec = copy;
	lock_drop(&t->locked.l);
	return 0;
}

/* What recovery has to know: which version was copied, under which token, to which key. */
static int make_promise(const struct ticket *copy, const struct job_spec *of,
			struct job_spec *ret_s)
{
	struct job_spec spec = { 0 };
	int err = job_spec_copy(&spec, of);

	if (err == 0) {
		free(spec.base.key);
		spec.base.key = NULL;
		err = str_dup(copy->locked.key, &spec.base.key);
	}
	err = err < 0 ? err : kv_set(&spec.meta, REPL_META_ID, copy->token);
	if (err < 0)
		job_spec_free(&spec);
	else
		*ret_s = spec;
	return err;
}

int repl_promise_delete(struct repl *r, const char *key, const struct ticket *copy,
			const struct job_spec *of, struct ticket **ret_t)
{
	struct job_spec spec = { 0 };
	struct ticket *t;
	int err = ticket_new(r, JOB_DELETE, key, &t);

	if (err < 0)
		return err;
	err = make_promise(copy, of, &spec);
	err = err < 0 ? err : random_hex(16, t->token);
	err = err < 0 ? err
		      : store_begin_held(r->store, JOB_DELETE, key, t->token, &spec, &t->locked.id);
	if (err < 0) {
		job_spec_free(&spec);
		ticket_unref(t);
		return err;
	}
	t->locked.held = true;
	t->locked.spec = spec;
	crash_point("ticket.promised");
	*ret_t = t;
	return 0;
}

static void set_key(struct ticket *t, char *key)
{
	scoped_lock(&t->locked.l);
	free(t->locked.key);
	t->locked.key = key;
}

/* A row goes on whatever the new name is: the rules decide in repl_commit. */
int repl_rekey(struct ticket *t, const char *key)
{
	auto_free char *copy = NULL;
	auto_free char *old = NULL;
	int64_t id = t->locked.id;
	int err;

	err = str_dup(key, &copy);
	if (err < 0)
		return err;
	if (id != 0)
		err = store_hold(t->r->store, id, key, NULL, NULL);
	if (err < 0)
		return err;
	crash_point("ticket.rekeyed");
	lock_take(&t->locked.l);
	old = t->locked.key;
	t->locked.key = take_ptr(&copy);
	lock_drop(&t->locked.l);
	if (id != 0 || !may_match_now(t->r, t->kind, key))
		return 0;
	err = ticket_row(t, &id);
	if (err < 0)
		set_key(t, take_ptr(&old));
	return err;
}

int repl_adopt(struct repl *r, const struct store_ticket *st, struct ticket **ret_t)
{
	struct ticket *t;
	int err;

	err = ticket_new(r, st->kind, st->key, &t);
	if (err < 0)
		return err;
	t->locked.id = st->id;
	t->locked.held = st->held;
	snprintf(t->token, sizeof(t->token), "%s", st->token ? st->token : "");
	if (st->held)
		err = str_dup(st->staged, &t->locked.staged);
	if (err == 0 && st->held)
		err = job_spec_copy(&t->locked.spec, &st->spec);
	if (err < 0) {
		ticket_unref(t);
		return err;
	}
	*ret_t = t;
	return 0;
}

/* --- the set of rules ------------------------------------------------------------------------- */

static bool has_rule(const struct rule_set *rules, const char *id)
{
	for (size_t i = 0; i < rules_count(rules); i++)
		if (rules_get(rules, i)->id && strcmp(rules_get(rules, i)->id, id) == 0)
			return true;
	return false;
}

/* Who wants a durability for a rule wants to hear that there is none. */
static void warn_unknown(const struct repl *r, const struct rule_set *rules)
{
	const char *id;
	char shown[256];

	for (size_t i = 0; (id = dest_set_rule(r->dests, i)); i++)
		if (!has_rule(rules, id))
			log_warn(
				"rule=\"%s\" why=\"destinations.conf has a section for it, but the "
				"rules have none of this ID\"",
				printable(id, shown, sizeof(shown)));
}

void repl_set_rules(struct repl *r, struct rule_set *rules)
{
	struct rule_set *old;
	void (*fn)(void *arg);
	void *arg;

	warn_unknown(r, rules);
	lock_take(&r->locked.l);
	old = r->locked.rules;
	r->locked.rules = rules_ref(rules);
	fn = r->locked.on_rules;
	arg = r->locked.on_rules_arg;
	lock_drop(&r->locked.l);
	rules_unref(old);
	if (fn)
		fn(arg);
}

struct rule_set *repl_get_rules(struct repl *r)
{
	scoped_lock(&r->locked.l);
	return rules_ref(r->locked.rules);
}

void repl_on_ready(struct repl *r, void (*fn)(void *arg), void *arg)
{
	scoped_lock(&r->locked.l);
	r->locked.on_ready = fn;
	r->locked.on_ready_arg = arg;
}

void repl_on_rules(struct repl *r, void (*fn)(void *arg), void *arg)
{
	scoped_lock(&r->locked.l);
	r->locked.on_rules = fn;
	r->locked.on_rules_arg = arg;
}

void repl_ready(struct repl *r)
{
	void (*fn)(void *arg);
	void *arg;

	lock_take(&r->locked.l);
	fn = r->locked.on_ready;
	arg = r->locked.on_ready_arg;
	lock_drop(&r->locked.l);
	if (fn)
		fn(arg);
}

/* --- life ------------------------------------------------------------------------------------- */

int repl_new(const struct repl_conf *conf, struct rule_set *rules, struct repl **ret_r)
{
	struct repl *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	lock_init(&r->locked.l);
	cond_init(&r->locked.finished);
	cond_init(&r->locked.tried);
	r->store = conf->store;
	r->dests = conf->dests;
	r->source = conf->source;
	r->pool = conf->upload_pool;
	r->staging_max = conf->staging_max;
	r->tags_at_create = conf->tags_at_create;
	r->untag = conf->untag;
	r->all_deletes = conf->all_deletes;
	r->locked.rules = rules_ref(rules);
	warn_unknown(r, rules);
	err = str_dup(conf->staging_dir, &r->staging_dir);
	err = err < 0 ? err : map_new(&r->locked.uploads);
	err = err < 0 ? err : map_new(&r->locked.bodies);
	err = err < 0 ? err : repl_make_room(r);
	if (err < 0) {
		repl_free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

/*
 * What an early upload sent since its row was written is worth a row too: the next mount goes on
 * from there.
 */
static void record_upload(struct repl *r, int64_t job, struct upload *u)
{
	struct mpu_part *parts;
	size_t n;

	if (upload_settle(u, clock_mono_ms()) < 0 || !upload_id(u))
		return;
	if (store_put_upload(r->store, job, upload_id(u), upload_sum(u)) < 0)
		return;
	parts = calloc(PART_COUNT_MAX, sizeof(*parts));
	if (!parts)
		return;
	n = upload_parts(u, parts, PART_COUNT_MAX);
	for (size_t i = 0; i < n; i++)
		if (store_put_part(r->store, job, &parts[i]) < 0)
			break;
	free(parts);
}

static int forget_upload(void *arg, const char *name, void *value)
{
	struct kept_upload *k = value;

	(void)name;
	if (k->job != 0)
		record_upload(arg, k->job, k->upload);
	upload_forget(k->upload);
	free(k);
	return 0;
}

static int free_body(void *arg, const char *key, void *value)
{
	(void)arg;
	(void)key;
	free(value);
	return 0;
}

void repl_free(struct repl *r)
{
	if (!r)
		return;
	if (r->locked.uploads)
		map_each(r->locked.uploads, forget_upload, r);
	if (r->locked.bodies)
		map_each(r->locked.bodies, free_body, NULL);
	map_free(r->locked.uploads);
	map_free(r->locked.bodies);
	repl_left_free(r);
	rules_unref(r->locked.rules);
	free(r->staging_dir);
	cond_free(&r->locked.finished);
	cond_free(&r->locked.tried);
	lock_free(&r->locked.l);
	free(r);
}
