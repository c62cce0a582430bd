/* status.c - crrctl status: a table of destinations, or JSON. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "rules/rules.h"
#include "ctl/ctl.h"

#define DEST_MAX 64

struct by_rule {
	char *rule; /* "" = changes that follow their version, by no rule */
	uint64_t pending, failed, done;
};

struct row {
	char *dest;
	struct store_counts counts;
	struct by_rule *rules;
	size_t rules_n;
	bool paused;
	int64_t until_ms;
	char reason[48]; /* of why */
	char why[256];
};

struct table {
	struct row rows[DEST_MAX];
	size_t n;
};

static void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < t->rows[i].rules_n; k++)
			free(t->rows[i].rules[k].rule);
		free(t->rows[i].rules);
		free(t->rows[i].dest);
	}
	t->n = 0;
}

static struct row *row_of(struct table *t, const char *dest)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->rows[i].dest, dest))
			return &t->rows[i];
	if (t->n == DEST_MAX || str_dup(dest, &t->rows[t->n].dest))
		return NULL;
	return &t->rows[t->n++];
}

static int add_dest(void *arg, const struct store_dest *d)
{
	struct row *row = row_of(arg, d->dest);

	if (row) {
		row->paused = d->paused;
		row->until_ms = d->until_ms;
		snprintf(row->why, sizeof(row->why), "%s", d->paused && d->why ? d->why : "");
	}
	return 0;
}

static int add_reason(void *arg, const struct job *j)
{
	struct row *row = row_of(arg, j->dest);

	if (!row || *row->why || !j->why)
		return 0;
	snprintf(row->reason, sizeof(row->reason), "%s", j->reason ? j->reason : "");
	snprintf(row->why, sizeof(row->why), "%s%s%s", j->code ? j->code : "", j->code ? ": " : "",
		 j->why);
	return 0;
}

static int add_rule(void *arg, const struct store_metric *m)
{
	struct row *row = row_of(arg, m->dest);
	struct by_rule *grown;

	if (!row || m->pending + m->failed + m->done == 0)
		return 0;
	grown = reallocarray(row->rules, row->rules_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	row->rules = grown;
	grown[row->rules_n] =
		(struct by_rule){ .pending = m->pending, .failed = m->failed, .done = m->done };
	if (str_dup(m->rule, &grown[row->rules_n].rule) < 0)
		return -ENOMEM;
	row->rules_n++;
	return 0;
}

/* Every destination of the rules in force has a row, also when nothing was ever queued for it. */
static void add_rules(struct store *s, struct table *t)
{
	auto_free char *xml = NULL;
	struct rule_set *rs = NULL;

	if (store_get_info(s, "rules", &xml) || !*xml ||
	    rules_parse_stored(xml, strlen(xml), &rs, NULL))
		return;
	for (size_t i = 0; i < rules_dest_count(rs); i++)
		row_of(t, rules_dest(rs, i));
	rules_unref(rs);
}

static int load(struct store *s, struct table *t)
{
	struct store_filter parked = { .parked = true, .limit = 100 };
	struct store_filter unfinished = { .unfinished = true, .limit = 1000 };
	int r;

	add_rules(s, t);
	r = store_each_dest(s, add_dest, t);
	if (!r)
		r = store_each_job(s, &parked, add_reason, t);
	if (!r)
		r = store_each_job(s, &unfinished, add_reason, t);
	if (!r)
		r = store_each_metric(s, add_rule, t);
	for (size_t i = 0; !r && i < t->n; i++)
		r = store_count(s, t->rows[i].dest, &t->rows[i].counts);
	return r;
}

static void format_age(int64_t since_ms, char *dst, size_t n)
{
	int64_t s = since_ms ? (clock_wall_ms() - since_ms) / 1000 : -1;

	if (s < 0)
		snprintf(dst, n, "-");
	else if (s < 120)
		snprintf(dst, n, "%llds", (long long)s);
	else if (s < 7200)
		snprintf(dst, n, "%lldm", (long long)(s / 60));
	else if (s < 48 * 3600)
		snprintf(dst, n, "%lldh", (long long)(s / 3600));
	else
		snprintf(dst, n, "%lldd", (long long)(s / 86400));
}

static void print_row(const struct row *row)
{
	char size[32], age[32], shown[CTL_SHOWN];
	const struct store_counts *c = &row->counts;

	format_size(c->bytes, size, sizeof(size));
	format_age(c->oldest_ms, age, sizeof(age));
	printf("%-36s %7llu %7llu %7llu %9s %6s  %s\n", ctl_shown(row->dest, shown),
	       (unsigned long long)(c->ready + c->waiting), (unsigned long long)c->claimed,
	       (unsigned long long)c->parked, size, age,
	       c->parked			    ? "FAILED"
	       : row->paused			    ? "paused"
	       : c->ready + c->waiting + c->claimed ? "replicating"
						    : "up to date");
	if (*row->why)
		printf("    %s%s%s\n", row->reason, *row->reason ? ": " : "",
		       ctl_shown(row->why, shown));
	for (size_t i = 0; row->rules_n > 1 && i < row->rules_n; i++) {
		const struct by_rule *r = &row->rules[i];

		printf("    %-32s %7llu %7s %7llu\n",
		       *r->rule ? ctl_shown(r->rule, shown) : "(later changes)",
		       (unsigned long long)r->pending, "", (unsigned long long)r->failed);
	}
}

static void print_table(struct store *s, const struct table *t, const struct doc_node *mount)
{
	auto_free char *bucket = NULL, *mountpoint = NULL;
	char shown[CTL_SHOWN], shown2[CTL_SHOWN];

	if (!store_get_info(s, "bucket", &bucket))
		printf("bucket %s", ctl_shown(bucket, shown));
	if (mount && doc_text(mount, "mountpoint"))
		printf(" on %s, pid %s: %s open, %s being written, %s held, %s settling\n",
		       ctl_shown(doc_text(mount, "mountpoint"), shown2), doc_text(mount, "pid"),
		       doc_text(mount, "open"), doc_text(mount, "dirty"), doc_text(mount, "held"),
		       doc_text(mount, "settling"));
	else
		printf(", not mounted\n");
	if (!t->n) {
		puts("nothing has been queued for any destination");
		return;
	}
	printf("%-36s %7s %7s %7s %9s %6s\n", "destination", "behind", "flight", "FAILED", "bytes",
	       "oldest");
	for (size_t i = 0; i < t->n; i++)
		print_row(&t->rows[i]);
}

static void json_mount(struct json_out *j, const struct doc_node *mount)
{
	static const char *const numbers[] = { "pid",	   "open", "dirty",
					       "deferred", "held", "settling" };

	json_bool(j, "mounted", mount != NULL);
	if (!mount)
		return;
	json_str(j, "mountpoint", doc_text(mount, "mountpoint"));
	for (size_t i = 0; i < array_size(numbers); i++) {
		const char *text = doc_text(mount, numbers[i]);
		uint64_t v;

		if (text && !parse_u64(text, &v))
			json_u64(j, numbers[i], v);
	}
}

static void json_row(struct json_out *j, const struct row *row)
{
	const struct store_counts *c = &row->counts;

	json_open(j, NULL, '{');
	json_str(j, "destination", row->dest);
	json_u64(j, "ready", c->ready);
	json_u64(j, "waiting", c->waiting);
	json_u64(j, "in_flight", c->claimed);
	json_u64(j, "failed", c->parked);
	json_u64(j, "done", c->done);
	json_u64(j, "bytes", c->bytes);
	json_i64(j, "oldest_ms", c->oldest_ms ? clock_wall_ms() - c->oldest_ms : 0);
	json_bool(j, "paused", row->paused);
	json_str(j, "reason", *row->reason ? row->reason : NULL);
	json_str(j, "last_error", *row->why ? row->why : NULL);
	json_open(j, "rules", '[');
	for (size_t i = 0; i < row->rules_n; i++) {
		json_open(j, NULL, '{');
		json_str(j, "rule", row->rules[i].rule);
		json_u64(j, "pending", row->rules[i].pending);
		json_u64(j, "failed", row->rules[i].failed);
		json_u64(j, "done", row->rules[i].done);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static int print_json(struct store *s, const struct table *t, const struct doc_node *mount)
{
	auto_with(buf_free) struct buf b;
	auto_free char *bucket = NULL;
	struct json_out j;

	buf_init(&b, BUF_LIMIT_DOC);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	if (!store_get_info(s, "bucket", &bucket))
		json_str(&j, "bucket", bucket);
	json_mount(&j, mount);
	json_open(&j, "destinations", '[');
	for (size_t i = 0; i < t->n; i++)
		json_row(&j, &t->rows[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	if (b.error)
		return b.error;
	puts(buf_str(&b));
	return 0;
}

/* most: the most rows that were left since the watch began; 0 at first, NULL: no watch. */
static void watch_bar(const struct table *t, uint64_t *most)
{
	uint64_t left = 0, bytes = 0;

	for (size_t i = 0; i < t->n; i++) {
		left += t->rows[i].counts.ready + t->rows[i].counts.waiting +
			t->rows[i].counts.claimed;
		bytes += t->rows[i].counts.bytes;
	}
	*most = max_of(*most, left);
	ctl_bar(stdout, *most, left, bytes);
	putchar('\n');
}

static int show(const struct ctl_opts *o, struct store *s, const char *dir, uint64_t *most)
{
	auto_with(table_free) struct table t = { .n = 0 };
	auto_with(doc_free_ptr) struct doc_node *mount = NULL;
	int r = load(s, &t);

	if (r)
		return r;
	if (ctl_ask(dir, "status", &mount))
		mount = NULL;
	if (o->json)
		return print_json(s, &t, mount);
	print_table(s, &t, mount);
	if (most)
		watch_bar(&t, most);
	return 0;
}

int ctl_status(const struct ctl_opts *o)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	bool again = o->watch && isatty(STDOUT_FILENO);
	uint64_t most = 0;
	int r = ctl_open(o, o->n ? o->args[0] : NULL, false, &dir, &s);

	if (r)
		return CTL_FAILED;
	do {
		if (again)
			fputs("\033[H\033[J", stdout);
		r = show(o, s, dir, again ? &most : NULL);
		fflush(stdout);
		if (again && !r)
			poll(NULL, 0, 1000);
	} while (again && !r);
	if (r)
		ctl_say("the queue in %s cannot be read", dir);
	return r ? CTL_FAILED : CTL_OK;
}
