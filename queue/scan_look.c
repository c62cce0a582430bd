#include "queue/scan_look.h"

#include <errno.h>
#include <string.h>

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
	return list_versions(client, prefix, key_marker, version_marker, SCAN_PAGE, ret_p, err);
}

/* --- the source ------------------------------------------------------------------------------- */

/* 0 also when there is no such version any more. */
static int unless_gone(struct scan_look *l, struct scan_version *v, int err)
{
	if (err != -ENOENT || strcmp(l->error.code, "NoSuchBucket") == 0)
		return err;
	l->error = (struct s3_error){ 0 };
	v->gone = true;
	return 0;
}

int scan_look_learn(void *look, const struct scan_key *k, struct scan_version *v)
{
	auto_with(s3_info_free) struct s3_info info = { .tag_count = -1 };
	struct scan_look *l = look;
	int err = 0;

	if (l->args->statuses & SCAN_REPLICA) {
		err = object_head(l->source, k->name, v->id, &info, &l->error);
		v->replica = err == 0 && kv_get(&info.meta, REPL_META_REPLICA);
	}
	if (err == 0 && info.tag_count != 0 && rules_tags_matter(l->rules, k->name)) {
		kv_free(&v->tags);
		err = tagging_get(l->source, k->name, v->id, &v->tags, &l->error);
	}
	v->learned = err == 0;
	return unless_gone(l, v, err);
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
		.status = get_status,
		.arg = look,
	};
}
