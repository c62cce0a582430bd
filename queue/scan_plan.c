#include "queue/scan_plan.h"

#include <errno.h>
#include <string.h>

/* --- keys and plans --------------------------------------------------------------------------- */

void scan_key_free(struct scan_key *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->versions[i].id);
		kv_free(&k->versions[i].tags);
	}
	free(k->versions);
	free(k->name);
	*k = (struct scan_key){ 0 };
}

void scan_plan_free(struct scan_plan *p)
{
	free(p->steps);
	*p = (struct scan_plan){ 0 };
}

static int add_step(struct scan_plan *p, const struct scan_step *step)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 8;
		struct scan_step *grown = reallocarray(p->steps, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->steps = grown;
		p->cap = cap;
	}
	p->steps[p->n++] = *step;
	return 0;
}

/* --- facts ------------------------------------------------------------------------------------ */

bool scan_plan_needs_tags(const struct scan_view *view, const struct scan_key *k)
{
	return rules_tags_matter(view->rules, k->name);
}

struct scan_version *scan_plan_tagged(const struct scan_key *k, size_t v)
{
	while (v < k->n && k->versions[v].delete_marker)
		v++;
	return v < k->n ? &k->versions[v] : NULL;
}

struct planning {
	const struct scan_view *view;
	const struct scan_args *args;
	struct scan_key *k;
	struct scan_plan *plan;
	const struct rule **won; /* of the version at hand */
	size_t won_n;
	size_t i; /* the version at hand */
	bool relay;
};

static int learn(const struct planning *p, struct scan_version *v)
{
	bool known = v->learned || v->gone || v->refused;

	return known ? 0 : p->view->learn(p->view->arg, p->k, v);
}

static int mark(const struct planning *p, struct scan_version *v)
{
	bool known = v->marked || v->gone || v->refused;

	return known ? 0 : p->view->mark(p->view->arg, p->k, v);
}

/* Who wins the version at hand, by its tags as they are now. */
static int match(struct planning *p)
{
	struct scan_version *v = &p->k->versions[p->i];
	struct scan_version *tagged = scan_plan_tagged(p->k, p->i);
	bool tags = scan_plan_needs_tags(p->view, p->k);
	bool ask = (p->args->statuses & SCAN_REPLICA) && !v->delete_marker;
	struct rules_facts facts = { .key = p->k->name,
				     .delete_marker = v->delete_marker && !p->view->all_deletes };
	int err = 0;

	p->won_n = 0;
	p->relay = false;
	if (!v->wanted)
		return 0;
	if (ask)
		err = mark(p, v);
	if (err == 0 && tagged && tags)
		err = learn(p, tagged);
	if (err == 0 && (v->refused || (tagged && tagged->refused))) {
		p->plan->refused++;
		return 0;
	}
	if (err < 0 || v->gone)
		return err;
	p->relay = v->replica && (p->args->statuses & SCAN_REPLICA);
	facts.tags = tagged ? &tagged->tags : NULL;
	facts.is_replica = v->replica && !p->relay;
	p->won_n = rules_match(p->view->rules, &facts, p->won, rules_dest_count(p->view->rules));
	return 0;
}

static bool is_won(const struct planning *p, const char *dest)
{
	for (size_t i = 0; i < p->won_n; i++)
		if (strcmp(p->won[i]->dest_arn, dest) == 0)
			return !p->args->dest || strcmp(p->args->dest, dest) == 0;
	return false;
}

/* --- one destination -------------------------------------------------------------------------- */

/* What was found of it so far, from the oldest version on. */
struct side {
	const char *dest;
	bool missing;	    /* a version that it never had will be queued */
	bool late;	    /* and a newer one is there, or before it in the queue */
	size_t newest;	    /* the newest version that it has or will get */
	size_t newest_step; /* in the plan; SIZE_MAX = it has it already */
};

static bool is_asked_for(const struct planning *p, enum scan_status s)
{
	if (p->relay && (s == SCAN_NONE || s == SCAN_NOTHING || s == SCAN_FAILED))
		return true;
	return (p->args->statuses & s) != 0;
}

static void count_missing(struct planning *p, struct side *side)
{
	side->missing = true;
	p->k->versions[p->i].counted = true;
}

static int choose(struct planning *p, struct side *side, enum scan_status s)
{
	const struct scan_step step = {
		.version = p->i,
		.dest = side->dest,
		.retry = s == SCAN_FAILED,
		.again = s != SCAN_NONE,
		.relay = p->relay,
	};

	side->newest = p->i;
	if (step.retry) {
		/* It is in the queue, before what is queued now. */
		side->late = side->late || side->missing;
		side->newest_step = SIZE_MAX;
		return add_step(p->plan, &step);
	}
	if (s == SCAN_NONE || s == SCAN_NOTHING)
		count_missing(p, side);
	side->newest_step = p->plan->n;
	return add_step(p->plan, &step);
}

static int look(struct planning *p, struct side *side)
{
	const struct scan_version *v = &p->k->versions[p->i];
	bool won = is_won(p, side->dest);
	enum scan_status s;
	int err;

	if (!won && !side->missing)
		return 0;
	err = p->view->status(p->view->arg, p->k, v, side->dest, &s);
	if (err < 0)
		return err;
	if (won && s != SCAN_TAKEN && is_asked_for(p, s))
		return choose(p, side, s);
	if (won)
		p->plan->skipped++;
	if (s == SCAN_NONE || s == SCAN_NOTHING)
		return 0;
	if (s == SCAN_TAKEN && v->replica && !p->relay)
		return 0;
	/* What this walk queued before it was interrupted has its place. */
	if (s == SCAN_TAKEN)
		count_missing(p, side);
	else
		side->late = side->late || side->missing;
	side->newest = p->i;
	side->newest_step = SIZE_MAX;
	return 0;
}

/*
 * Where something would go again: asks of the versions that are to blame whether they are replicas.
 * *ret_news: the plan is to be made anew.
 */
static int doubt(struct planning *p, const struct side *sides, size_t n, bool *ret_news)
{
	bool late = false;
	int err = 0;

	for (size_t d = 0; d < n; d++)
		late = late || sides[d].late;
	*ret_news = false;
	for (size_t i = 0; err == 0 && late && i < p->k->n; i++) {
		struct scan_version *v = &p->k->versions[i];

		if (!v->counted || v->marked || v->delete_marker)
			continue;
		err = mark(p, v);
		*ret_news = *ret_news || v->replica || v->gone || v->refused;
	}
	return err;
}

/* The newest goes again, so that the current version ends right. */
static int repair(struct planning *p, const struct side *side)
{
	const struct scan_step step = {
		.version = side->newest,
		.dest = side->dest,
		.again = true,
		.repair = true,
		.relay = p->k->versions[side->newest].replica,
	};

	if (!side->late)
		return 0;
	if (side->newest_step == SIZE_MAX)
		return add_step(p->plan, &step);
	p->plan->steps[side->newest_step].repair = true;
	return 0;
}

/* --- one key ---------------------------------------------------------------------------------- */

static int look_at_all(struct planning *p, struct side *sides, size_t n)
{
	int err = 0;

	for (size_t d = 0; d < n; d++)
		sides[d] = (struct side){ .dest = rules_dest(p->view->rules, d),
					  .newest_step = SIZE_MAX };
	for (p->i = p->k->n; err == 0 && p->i-- > 0;) {
		err = match(p);
		for (size_t d = 0; err == 0 && d < n; d++)
			err = look(p, &sides[d]);
	}
	return err;
}

static int plan_sides(struct planning *p, struct side *sides, size_t n)
{
	bool news = false;
	int err = look_at_all(p, sides, n);

	err = err < 0 ? err : doubt(p, sides, n, &news);
	if (err == 0 && news) {
		scan_plan_free(p->plan);
		err = look_at_all(p, sides, n);
	}
	for (size_t d = 0; err == 0 && d < n; d++)
		err = repair(p, &sides[d]);
	return err;
}

int scan_plan_key(const struct scan_view *view, const struct scan_args *a, struct scan_key *k,
		  struct scan_plan *ret_p)
{
	size_t n = rules_dest_count(view->rules);
	auto_free struct side *sides = calloc(n + 1, sizeof(*sides));
	auto_free const struct rule **won = calloc(n + 1, sizeof(*won));
	struct planning p = { .view = view, .args = a, .k = k, .plan = ret_p, .won = won };
	int err;

	if (!sides || !won)
		return -ENOMEM;
	err = plan_sides(&p, sides, n);
	if (err < 0)
		scan_plan_free(ret_p);
	return err;
}
