/* resync_dry.c - crrctl resync --dry-run: the walk of queue/scan_run.c, that only counts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "ctl/client.h"
#include "ctl/resync.h"
#include "queue/scan_look.h"
#include "queue/scan_walk.h"
#include "rules/rules.h"

struct count {
	uint64_t versions, bytes, markers, retries, again;
};

struct dry {
	struct scan_look look;
	const struct scan_args *args;
	struct count *counts; /* by rules_dest */
};

static struct count *count_of(struct dry *d, const char *dest)
{
	size_t i = 0;

	while (strcmp(rules_dest(d->look.rules, i), dest) != 0)
		i++;
	return &d->counts[i];
}

static void add_step(struct dry *d, const struct scan_key *k, const struct scan_step *step)
{
	const struct scan_version *v = &k->versions[step->version];
	struct count *c = count_of(d, step->dest);

	if (v->delete_marker)
		c->markers++;
	else
		c->versions++;
	c->bytes += v->size;
	c->retries += step->retry;
	c->again += step->repair;
}

static int count_key(void *arg, struct scan_key *k)
{
	struct dry *d = arg;
	const struct scan_view view = scan_look_view(&d->look);
	auto_with(scan_plan_free) struct scan_plan plan = { 0 };
	int r;

	for (size_t i = 0; i < k->n; i++)
		k->versions[i].wanted = scan_look_wants(d->args, &k->versions[i]);
	r = scan_plan_key(&view, d->args, k, &plan);
	for (size_t i = 0; r == 0 && i < plan.n; i++)
		add_step(d, k, &plan.steps[i]);
	return r;
}

static int walk(struct dry *d)
{
	auto_with(scan_walk_free) struct scan_walk w = { 0 };
	int r = scan_walk_init(&w, scan_look_list, d->look.source, d->args->prefix, NULL);

	while (!r && !w.end) {
		r = scan_walk_load(&w, &d->look.error);
		r = r ? r : scan_walk_page(&w, count_key, d);
	}
	return r;
}

static void print_counts(const struct dry *d)
{
	char size[32], shown[CTL_SHOWN];

	printf("%-36s %10s %10s %10s %10s %12s\n", "destination", "versions", "markers", "bytes",
	       "retried", "out of order");
	for (size_t i = 0; i < rules_dest_count(d->look.rules); i++) {
		const struct count *c = &d->counts[i];

		format_size(c->bytes, size, sizeof(size));
		printf("%-36s %10llu %10llu %10s %10llu %12llu\n",
		       ctl_shown(rules_dest(d->look.rules, i), shown),
		       (unsigned long long)c->versions, (unsigned long long)c->markers, size,
		       (unsigned long long)c->retries, (unsigned long long)c->again);
	}
}

static int read_rules(struct store *s, struct rule_set **ret_rs)
{
	auto_free char *xml = NULL;
	int r = store_get_info(s, "rules", &xml);

	if (!r && *xml)
		r = rules_parse_stored(xml, strlen(xml), ret_rs, NULL);
	if (r || !*xml)
		ctl_say("the state does not tell the rules in force: mount it once, with rules");
	return r ? r : *xml ? 0 : -ENOENT;
}

/* As the mount is told by its option delete_markers. */
static bool sends_all_deletes(struct store *s)
{
	auto_free char *word = NULL;

	return store_get_info(s, "delete_markers", &word) == 0 && strcmp(word, "all") == 0;
}

int ctl_resync_dry(const struct ctl_opts *o, struct store *s, const struct scan_args *a)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	struct dry d = { .args = a, .look = { .store = s, .args = a } };
	struct rule_set *rs = NULL;
	int r = ctl_client_new(o, NULL, o->n ? o->args[0] : NULL, &c);

	if (r || read_rules(s, &rs))
		return CTL_FAILED;
	d.look.source = c.source;
	d.look.rules = rs;
	d.counts = calloc(rules_dest_count(rs) + 1, sizeof(*d.counts));
	d.look.all_deletes = sends_all_deletes(s);
	r = d.counts ? walk(&d) : -ENOMEM;
	if (r)
		ctl_say_s3("the source cannot be listed", r, &d.look.error);
	else
		print_counts(&d);
	free(d.counts);
	rules_unref(rs);
	return r ? CTL_FAILED : CTL_OK;
}
