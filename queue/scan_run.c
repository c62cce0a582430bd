/* scan_run.c - one page of one walk, from the listing to rows and counters. */
#include "queue/scan_i.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"

#define SEEN_MAX 100000 /* beyond, a version may be asked about twice */

/* --- open tickets ----------------------------------------------------------------------------- */

/*
 * A version that this mount makes is in the listing before its rows are there; until then a ticket
 * is. So: first the listing, then the tickets, then the rows.
 */
static int note_busy(void *arg, const struct store_ticket *t)
{
	struct scan_run *run = arg;
	int64_t *since = map_get(run->busy, t->key);
	int err;

	if (since) {
		*since = min_of(*since, t->created_ms);
		return 0;
	}
	since = malloc(sizeof(*since));
	if (!since)
		return -ENOMEM;
	*since = t->created_ms;
	err = map_set(run->busy, t->key, since);
	if (err < 0)
		free(since);
	return err;
}

static int free_value(void *arg, const char *key, void *value)
{
	(void)arg;
	(void)key;
	free(value);
	return 0;
}

static void forget_busy(struct scan_run *run)
{
	if (run->busy)
		map_each(run->busy, free_value, NULL);
	map_free(run->busy);
	run->busy = NULL;
}

static int learn_busy(struct scan_run *run)
{
	int err;

	forget_busy(run);
	err = map_new(&run->busy);
	return err < 0 ? err : store_each_ticket(run->conf->store, true, note_busy, run);
}

/* --- what the watch has seen ------------------------------------------------------------------ */

static int seen_name(const struct scan_key *k, const struct scan_version *v, char **ret_name)
{
	return str_format(ret_name, "%s %s", v->id ? v->id : "", k->name);
}

static bool was_seen(const struct scan_run *run, const struct scan_key *k,
		     const struct scan_version *v)
{
	auto_free char *name = NULL;

	return run->seen_before && seen_name(k, v, &name) == 0 && map_get(run->seen_before, name);
}

static int note_seen(struct scan_run *run, const struct scan_key *k)
{
	int err = 0;

	for (size_t i = 0; err == 0 && run->row.watch && i < k->n; i++) {
		const struct scan_version *v = &k->versions[i];
		auto_free char *name = NULL;

		if (v->mtime_ms < run->row.since_ms || map_count(run->seen) >= SEEN_MAX ||
		    !(v->wanted || was_seen(run, k, v)))
			continue;
		err = seen_name(k, v, &name);
		err = err < 0 ? err : map_set(run->seen, name, run);
	}
	return err;
}

/* --- one key ---------------------------------------------------------------------------------- */

/*
 * Which versions is this about? One that may be of an open ticket is left to it; the watch comes
 * back for it, a resync tells how many they were.
 */
static bool mark_wanted(struct scan_run *run, struct scan_key *k)
{
	const int64_t *begun = map_get(run->busy, k->name);
	bool any = false;

	for (size_t i = 0; i < k->n; i++) {
		struct scan_version *v = &k->versions[i];

		v->wanted = run->row.watch
				    ? v->mtime_ms >= run->row.since_ms && !was_seen(run, k, v)
				    : scan_look_wants(&run->args, v);
		if (v->wanted && begun && v->mtime_ms >= *begun - SCAN_SKEW_MS) {
			v->wanted = false;
			run->row.busy += !run->row.watch;
			run->row.upto_ms = min_of(run->row.upto_ms, *begun);
		}
		any = any || v->wanted;
	}
	return any;
}

static int offer(struct scan_run *run, struct scan_key *k, const struct scan_step *step)
{
	struct scan_version *v = &k->versions[step->version];
	struct scan_version *tagged = scan_plan_tagged(k, step->version);
	struct job_spec spec = { .size = v->size, .mtime_ms = v->mtime_ms };
	const struct repl_facts facts = { .key = k->name, .version = v->id, .spec = &spec };
	const struct repl_offer o = {
		.class = run->row.watch ? JOB_LIVE : JOB_BACKFILL,
		.batch = run->row.watch ? 0 : run->row.id,
		.dest = step->dest,
		.again = step->again,
		.repair = step->repair,
		.replicas = step->relay,
	};
	unsigned n = 0;
	int err = 0;

	if (tagged && !tagged->learned && rules_tags_matter(run->look.rules, k->name))
		err = scan_look_learn(&run->look, k, tagged);
	if (tagged && tagged->refused) {
		run->row.refused++;
		return err;
	}
	if (tagged)
		spec.tags = tagged->tags; /* borrowed for the call */
	err = err < 0 ? err
		      : repl_offer(run->conf->repl, v->delete_marker ? JOB_DELETE : JOB_OBJECT,
				   &facts, &o, &n);
	crash_point("scan.offered");
	run->row.queued += n;
	return err;
}

static int retry(struct scan_run *run, const struct scan_key *k, const struct scan_step *step)
{
	bool was = false;
	int err = store_scan_retry(run->conf->store, run->row.id, step->dest, k->name,
				   k->versions[step->version].id, &was);

	run->row.queued += was;
	if (was && run->conf->on_ready)
		run->conf->on_ready(run->conf->arg);
	return err;
}

static int act(struct scan_run *run, struct scan_key *k, const struct scan_plan *plan)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < plan->n; i++) {
		if (__atomic_load_n(run->stopping, __ATOMIC_ACQUIRE))
			return -ECANCELED;
		err = plan->steps[i].retry ? retry(run, k, &plan->steps[i])
					   : offer(run, k, &plan->steps[i]);
	}
	return err;
}

/* 1 = the row is of a version that the listing did not have. */
static int is_newer(void *arg, const struct job *j)
{
	const struct scan_key *k = arg;

	if (job_kind_is_change(j->kind) || !j->version)
		return 0;
	for (size_t i = 0; i < k->n; i++)
		if (k->versions[i].id && strcmp(k->versions[i].id, j->version) == 0)
			return 0;
	return 1;
}

/*
 * Was the key written since the page was listed? Then what is older must not come after it. 1 = it
 * was: it is left for the next time, like a file that is being written.
 */
static int is_overtaken(struct scan_run *run, struct scan_key *k)
{
	const struct store_filter filter = { .key = k->name };
	int r = store_each_job(run->conf->store, &filter, is_newer, k);

	if (r != 1)
		return r;
	run->row.busy += !run->row.watch;
	run->row.upto_ms = min_of(run->row.upto_ms, run->page_ms);
	return 1;
}

static int handle_key(void *arg, struct scan_key *k)
{
	struct scan_run *run = arg;
	const struct scan_view view = scan_look_view(&run->look);
	auto_with(scan_plan_free) struct scan_plan plan = { 0 };
	int err = 0;

	if (mark_wanted(run, k)) {
		err = scan_plan_key(&view, &run->args, k, &plan);
		if (err == 0 && plan.n > 0)
			err = is_overtaken(run, k);
		if (err == 1)
			return 0;
		err = err < 0 ? err : act(run, k, &plan);
	}
	if (err < 0)
		return err;
	run->row.skipped += plan.skipped;
	run->row.refused += plan.refused;
	return note_seen(run, k);
}

/* --- a page ----------------------------------------------------------------------------------- */

int scan_run_page(struct scan_run *run, bool *ret_end)
{
	uint64_t before = run->walk.seen;
	int err;

	*ret_end = run->walk.end;
	if (run->walk.end)
		return 0;
	run->look.error = (struct s3_error){ .retry_after_ms = -1 };
	run->page_ms = clock_wall_ms();
	err = scan_walk_load(&run->walk, &run->look.error);
	run->row.seen += run->walk.seen - before;
	err = err < 0 ? err : learn_busy(run);
	if (err < 0)
		return err;
	run->look.rules = repl_get_rules(run->conf->repl);
	err = scan_walk_page(&run->walk, handle_key, run);
	rules_unref(run->look.rules);
	run->look.rules = NULL;
	*ret_end = run->walk.end;
	return err;
}

int scan_run_begin(struct scan_run *run, struct scan_row *row)
{
	const struct scan_conf *conf = run->conf;
	int err;

	if (row->watch) {
		run->args.statuses = SCAN_NONE;
		err = str_dup(conf->prefix, &run->args.prefix);
		err = err < 0 ? err : map_new(&run->seen);
	} else {
		err = scan_args_from_json(row->args ? row->args : "", &run->args);
		err = err < 0 && err != -ENOMEM ? -EINVAL : err;
	}
	err = err < 0 ? err
		      : scan_walk_init(&run->walk, scan_look_list, conf->source, run->args.prefix,
				       row->key_marker);
	if (err < 0) {
		scan_run_end(run);
		return err;
	}
	run->look = (struct scan_look){
		.store = conf->store,
		.source = conf->source,
		.all_deletes = conf->all_deletes,
		.args = &run->args,
		.batch = row->watch ? 0 : row->id,
	};
	run->row = *row;
	*row = (struct scan_row){ 0 };
	run->active = true;
	return 0;
}

void scan_run_end(struct scan_run *run)
{
	scan_row_free(&run->row);
	scan_args_free(&run->args);
	scan_walk_free(&run->walk);
	forget_busy(run);
	map_free(run->seen_before);
	run->seen_before = take_ptr(&run->seen);
	run->active = false;
}
