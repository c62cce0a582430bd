#include "queue/scan_look.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "queue/repl.h"
#include "queue/scan_walk.h"
#include "s3/list.h"
#include "s3/object.h"
#include "s3/tagging.h"

bool scan_look_wants(const struct scan_args *a, const struct scan_version *v)
{
	return (!a->current_only || v->latest) && v->mtime_ms >= a->after_ms &&
	       (a->before_ms == 0 || v->mtime_ms < a->before_ms);
}

int scan_look_list(void *client, const char *prefix, const char *key_marker,
		   const char *version_marker, struct s3_page *ret_p, struct s3_error *err)
{
	return list_versions(client, prefix, NULL, key_marker, version_marker, SCAN_PAGE, ret_p,
			     err);
}

/* --- the source ------------------------------------------------------------------------------- */

/*
 * Is the answer about this version alone? An object whose reading a policy denies is not replicated
 * (S3 User Guide, "What isn't replicated"), and one with a key of its owner's own (SSE-C) cannot be
 * asked. Credentials and regions that are wrong concern all. A HEAD has no body, and so no code.
 */
static bool is_refusal(const struct s3_error *e)
{
	if (e->status < 400 || e->status >= 500)
		return false;
	return e->class == FAULT_BAD ||
	       (e->class == FAULT_AUTH && (!*e->code || strcmp(e->code, "AccessDenied") == 0 ||
					   strcmp(e->code, "AllAccessDisabled") == 0));
}

/* 0 also when there is no such version any more, and when it is not for us to read. */
static int unless_left_out(struct scan_look *l, const struct scan_key *k, struct scan_version *v,
			   int err)
{
	char text[400];

	v->gone = err == -ENOENT;
	v->refused = err < 0 && is_refusal(&l->error);
	if (!v->gone && !v->refused)
		return err;
	s3_error_text(&l->error, text, sizeof(text));
	if (v->refused)
		log_warn("scan=skipped key=\"%s\" version=%s why=\"%s\"", k->name,
			 v->id ? v->id : "", text);
	l->error = (struct s3_error){ .retry_after_ms = -1 };
	return 0;
}

int scan_look_learn(void *look, const struct scan_key *k, struct scan_version *v)
{
	struct scan_look *l = look;
	int err;

	kv_free(&v->tags);
	err = tagging_get(l->source, k->name, v->id, &v->tags, &l->error);
	v->learned = err == 0;
	return unless_left_out(l, k, v, err);
}

static int look_mark(void *look, const struct scan_key *k, struct scan_version *v)
{
	auto_with(s3_info_free) struct s3_info info = { 0 };
	struct scan_look *l = look;
	int err = object_head(l->source, k->name, v->id, &info, &l->error);

	v->marked = err == 0;
	v->replica = err == 0 && kv_get(&info.meta, REPL_META_REPLICA);
	v->learned = v->learned || (err == 0 && info.tag_count == 0);
	return unless_left_out(l, k, v, err);
}

/* --- rows and ledger -------------------------------------------------------------------------- */

struct fold {
	int64_t batch;
	enum scan_status status;
};

/* The last row about the version itself tells; a change of it that failed is a failure too. */
static int fold_row(void *arg, const struct job *j)
{
	struct fold *f = arg;

	if (f->batch > 0 && j->batch == f->batch)
		f->status = SCAN_TAKEN;
	else if (j->state == JOB_PARKED)
		f->status = SCAN_FAILED;
	else if (job_kind_is_change(j->kind))
		return 0;
	else if (j->state != JOB_DONE)
		f->status = SCAN_PENDING;
	else
		f->status = j->code ? SCAN_NOTHING : SCAN_COMPLETED;
	return 0;
}

struct in_ledger {
	const char *dest;
	bool found;
};

static int find_replica(void *arg, const struct store_replica *r)
{
	struct in_ledger *l = arg;

	l->found = l->found || strcmp(r->dest, l->dest) == 0;
	return 0;
}

static int get_status(void *look, const struct scan_key *k, const struct scan_version *v,
		      const char *dest, enum scan_status *ret_s)
{
	const struct scan_look *l = look;
	const char *version = v->id ? v->id : "";
	const struct store_filter filter = { .dest = dest, .key = k->name, .version = version };
	struct in_ledger ledger = { .dest = dest };
	struct fold fold = { .batch = l->batch, .status = SCAN_NONE };
	int err = store_each_job(l->store, &filter, fold_row, &fold);

	if (err == 0 && fold.status == SCAN_NONE) {
		err = store_each_replica(l->store, k->name, version, find_replica, &ledger);
		if (ledger.found)
			fold.status = SCAN_COMPLETED;
	}
	*ret_s = fold.status;
	return err;
}

struct scan_view scan_look_view(struct scan_look *look)
{
	return (struct scan_view){
		.rules = look->rules,
		.all_deletes = look->all_deletes,
		.learn = scan_look_learn,
		.mark = look_mark,
		.status = get_status,
		.arg = look,
	};
}
