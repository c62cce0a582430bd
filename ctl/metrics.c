/*
 * metrics.c - crrctl metrics: what CloudWatch would show of each rule and destination, under its
 * names, and how late it was exactly. Read from the queue: no mount is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "rules/rules.h"
#include "ctl/ctl.h"

#define WINDOW_MS ((int64_t)3600 * 1000)

struct series {
	char *dest, *rule;
	struct store_metric m; /* its own dest and rule are not used */
	struct store_lag lag;
};

struct metrics {
	char *bucket;
	int64_t now_ms, window_ms;
	struct series *series;
	size_t n;
};

static void metrics_free(struct metrics *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->series[i].dest);
		free(m->series[i].rule);
		store_lag_free(&m->series[i].lag);
	}
	free(m->series);
	free(m->bucket);
}

/* --- gathering -------------------------------------------------------------------------------- */

static int find_or_add(struct metrics *m, const char *dest, const char *rule, struct series **ret_s)
{
	struct series *grown;
	struct series s = { 0 };

	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->series[i].dest, dest) && !strcmp(m->series[i].rule, rule)) {
			*ret_s = &m->series[i];
			return 0;
		}
	grown = reallocarray(m->series, m->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	m->series = grown;
	if (str_dup(dest, &s.dest) < 0 || str_dup(rule, &s.rule) < 0) {
		free(s.dest);
		return -ENOMEM;
	}
	grown[m->n] = s;
	*ret_s = &grown[m->n++];
	return 0;
}

static int note_metric(void *arg, const struct store_metric *counted)
{
	struct series *s;
	int r = find_or_add(arg, counted->dest, counted->rule, &s);

	if (r == 0)
		s->m = *counted;
	return r;
}

/* A rule in force has its series, also when nothing was ever queued for it. */
static int note_rules(struct store *store, struct metrics *m)
{
	auto_free char *xml = NULL;
	struct rule_set *rs = NULL;
	int r = 0;

	if (store_get_info(store, "rules", &xml) || !*xml ||
	    rules_parse_stored(xml, strlen(xml), &rs, NULL))
		return 0;
	for (size_t i = 0; r == 0 && i < rules_count(rs); i++) {
		const struct rule *rule = rules_get(rs, i);
		struct series *s;

		if (rule->enabled)
			r = find_or_add(m, rule->dest_arn, rule->id, &s);
	}
	rules_unref(rs);
	return r;
}

static int gather(struct store *store, struct metrics *m)
{
	int r = store_get_info(store, "bucket", &m->bucket);

	if (r == -ENOENT)
		r = str_dup("", &m->bucket);
	r = r < 0 ? r : note_rules(store, m);
	r = r < 0 ? r : store_each_metric(store, note_metric, m);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = store_get_lag(store, m->series[i].dest, m->series[i].rule,
				  m->now_ms - m->window_ms, &m->series[i].lag);
	return r;
}

/* CloudWatch's ReplicationLatency: the most seconds that the destination is behind. */
static int64_t latency_ms(const struct metrics *m, const struct series *s)
{
	return s->lag.pending_since_ms ? max_of(m->now_ms - s->lag.pending_since_ms, (int64_t)0)
				       : 0;
}

static int64_t oldest_age_ms(const struct metrics *m, const struct series *s)
{
	return s->lag.oldest_key ? max_of(m->now_ms - s->lag.oldest_ms, (int64_t)0) : 0;
}

static const char *bucket_of(const struct series *s)
{
	const char *colon = strrchr(s->dest, ':');

	return colon ? colon + 1 : s->dest;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_lag(struct json_out *j, const struct metrics *m, const struct series *s)
{
	json_open(j, "lag", '{');
	json_u64(j, "replicated", s->lag.n);
	json_i64(j, "p50_ms", s->lag.p50_ms);
	json_i64(j, "p99_ms", s->lag.p99_ms);
	json_i64(j, "max_ms", s->lag.max_ms);
	json_close(j, '}');
	if (!s->lag.oldest_key)
		return;
	json_open(j, "oldest", '{');
	json_str(j, "key", s->lag.oldest_key);
	json_str(j, "version", s->lag.oldest_version);
	json_i64(j, "age_ms", oldest_age_ms(m, s));
	json_close(j, '}');
}

static void json_series(struct json_out *j, const struct metrics *m, const struct series *s)
{
	json_open(j, NULL, '{');
	json_str(j, "SourceBucket", m->bucket);
	json_str(j, "DestinationBucket", bucket_of(s));
	json_str(j, "RuleId", s->rule);
	json_u64(j, "BytesPendingReplication", s->m.pending_bytes);
	json_u64(j, "OperationsPendingReplication", s->m.pending);
	json_i64(j, "ReplicationLatency", latency_ms(m, s) / 1000);
	json_u64(j, "OperationsFailedReplication", s->m.failed_ever);
	json_u64(j, "failed_now", s->m.failed);
	json_u64(j, "replicated_ever", s->m.done_ever);
	json_u64(j, "replicated_bytes_ever", s->m.done_bytes_ever);
	json_lag(j, m, s);
	json_close(j, '}');
}

static int print_json(const struct metrics *m)
{
	auto_with(buf_free) struct buf b;
	struct json_out j;

	buf_init(&b, 64 * BUF_LIMIT_DOC);
	json_start(&j, &b, true);
	json_open(&j, NULL, '{');
	json_i64(&j, "window_seconds", m->window_ms / 1000);
	json_open(&j, "metrics", '[');
	for (size_t i = 0; i < m->n; i++)
		json_series(&j, m, &m->series[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	if (!b.error)
		puts(buf_str(&b));
	return b.error;
}

/* --- Prometheus ------------------------------------------------------------------------------- */

/* Prometheus, "Exposition formats": backslash, quote and line feed are escaped in a label. */
static void print_label(const char *name, const char *value, const char *after)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*value == '\\' || *value == '"')
			putchar('\\');
		putchar(*value);
	}
	printf("\"%s", after);
}

static void print_sample(const char *name, const struct metrics *m, const struct series *s,
			 const char *quantile, double value)
{
	printf("%s{", name);
	print_label("source_bucket", m->bucket, ",");
	print_label("destination_bucket", bucket_of(s), ",");
	print_label("rule_id", s->rule, quantile ? "," : "");
	if (quantile)
		print_label("quantile", quantile, "");
	printf("} %.15g\n", value);
}

enum value {
	PENDING_BYTES,
	PENDING,
	LATENCY,
	FAILED_EVER,
	FAILED,
	DONE_EVER,
	DONE_BYTES_EVER,
	OLDEST,
};

static double value_of(const struct metrics *m, const struct series *s, enum value v)
{
	switch (v) {
	case PENDING_BYTES: return (double)s->m.pending_bytes;
	case PENDING: return (double)s->m.pending;
	case LATENCY: return (double)latency_ms(m, s) / 1000;
	case FAILED_EVER: return (double)s->m.failed_ever;
	case FAILED: return (double)s->m.failed;
	case DONE_EVER: return (double)s->m.done_ever;
	case DONE_BYTES_EVER: return (double)s->m.done_bytes_ever;
	case OLDEST: return (double)oldest_age_ms(m, s) / 1000;
	}
	return 0;
}

static void print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_lags(const struct metrics *m)
{
	static const char name[] = "crrfs_replication_lag_seconds";

	print_head(name, "gauge",
		   "From the write to the replica, of what was replicated in the window.");
	for (size_t i = 0; i < m->n; i++) {
		const struct series *s = &m->series[i];

		if (!s->lag.n)
			continue;
		print_sample(name, m, s, "0.5", (double)s->lag.p50_ms / 1000);
		print_sample(name, m, s, "0.99", (double)s->lag.p99_ms / 1000);
		print_sample(name, m, s, "1", (double)s->lag.max_ms / 1000);
	}
}

static void print_prometheus(const struct metrics *m)
{
	static const struct {
		const char *name, *type, *help;
		enum value value;
	} rows[] = {
		{ "crrfs_bytes_pending_replication", "gauge",
		  "Bytes of versions that are not replicated yet.", PENDING_BYTES },
		{ "crrfs_operations_pending_replication", "gauge",
		  "Objects, delete markers and changes that are not replicated yet.", PENDING },
		{ "crrfs_replication_latency_seconds", "gauge",
		  "The most that the destination is behind.", LATENCY },
		{ "crrfs_operations_failed_replication_total", "counter",
		  "Operations that became FAILED.", FAILED_EVER },
		{ "crrfs_operations_failed", "gauge", "Operations that are FAILED now.", FAILED },
		{ "crrfs_operations_replicated_total", "counter", "Operations replicated.",
		  DONE_EVER },
		{ "crrfs_bytes_replicated_total", "counter", "Bytes of versions replicated.",
		  DONE_BYTES_EVER },
		{ "crrfs_oldest_unreplicated_seconds", "gauge",
		  "Age of the oldest operation that is not replicated, FAILED or not.", OLDEST },
	};

	for (size_t k = 0; k < array_size(rows); k++) {
		print_head(rows[k].name, rows[k].type, rows[k].help);
		for (size_t i = 0; i < m->n; i++)
			print_sample(rows[k].name, m, &m->series[i], NULL,
				     value_of(m, &m->series[i], rows[k].value));
	}
	print_lags(m);
}

/* --- for people ------------------------------------------------------------------------------- */

#define SPAN 32

static const char *shown_span(bool known, int64_t ms, char dst[SPAN])
{
	if (!known)
		snprintf(dst, SPAN, "-");
	else if (ms < 120 * 1000)
		snprintf(dst, SPAN, "%lld.%llds", (long long)(ms / 1000),
			 (long long)(ms % 1000 / 100));
	else if (ms < 7200 * 1000)
		snprintf(dst, SPAN, "%lldm", (long long)(ms / 60000));
	else
		snprintf(dst, SPAN, "%lldh", (long long)(ms / 3600000));
	return dst;
}

static void print_series(const struct metrics *m, const struct series *s)
{
	char size[32], shown[CTL_SHOWN], rule[CTL_SHOWN], version[CTL_SHOWN];
	char span[4][SPAN];
	bool known = s->lag.n > 0;

	format_size(s->m.pending_bytes, size, sizeof(size));
	printf("%-28s %-16s %7llu %9s %7s %7llu %10llu %7s %7s %7s\n",
	       ctl_shown(bucket_of(s), shown), *s->rule ? ctl_shown(s->rule, rule) : "-",
	       (unsigned long long)s->m.pending, size,
	       shown_span(s->m.pending > 0, latency_ms(m, s), span[0]),
	       (unsigned long long)s->m.failed, (unsigned long long)s->lag.n,
	       shown_span(known, s->lag.p50_ms, span[1]), shown_span(known, s->lag.p99_ms, span[2]),
	       shown_span(known, s->lag.max_ms, span[3]));
	if (s->lag.oldest_key)
		printf("    oldest: %s, version %s, %s\n", ctl_shown(s->lag.oldest_key, shown),
		       ctl_shown(s->lag.oldest_version ? s->lag.oldest_version : "null", version),
		       shown_span(true, oldest_age_ms(m, s), span[0]));
}

static void print_table(const struct metrics *m)
{
	printf("%-28s %-16s %7s %9s %7s %7s %10s %7s %7s %7s\n", "destination", "rule", "pending",
	       "bytes", "behind", "FAILED", "replicated", "p50", "p99", "max");
	for (size_t i = 0; i < m->n; i++)
		print_series(m, &m->series[i]);
}

int ctl_metrics(const struct ctl_opts *o)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_with(metrics_free) struct metrics m = { .now_ms = clock_wall_ms(),
						     .window_ms = o->window_ms ? o->window_ms
									       : WINDOW_MS };
	int r;

	if (ctl_open(o, o->n ? o->args[0] : NULL, false, &dir, &s))
		return CTL_FAILED;
	r = gather(s, &m);
	if (r == 0 && o->json)
		r = print_json(&m);
	else if (r == 0 && o->prometheus)
		print_prometheus(&m);
	else if (r == 0)
		print_table(&m);
	if (r)
		ctl_say("the queue in %s cannot be read", dir);
	return r ? CTL_FAILED : CTL_OK;
}
