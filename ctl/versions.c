/* versions.c - crrctl versions: which source version is which version at a destination. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "ctl/ctl.h"

struct out {
	struct json_out *json; /* NULL: for people */
	uint64_t n;
};

struct line {
	const char *version, *dest, *operation, *status, *replica;
	int64_t done_ms; /* 0 = it is not */
	const char *reason, *why;
};

static int print_json(struct json_out *j, const struct line *l)
{
	json_open(j, NULL, '{');
	json_str(j, "version", l->version);
	json_str(j, "destination", l->dest);
	json_str(j, "operation", l->operation);
	json_str(j, "status", l->status);
	json_str(j, "replica_version", l->replica && *l->replica ? l->replica : NULL);
	json_i64(j, "done_ms", l->done_ms);
	json_str(j, "reason", l->reason);
	json_str(j, "why", l->why);
	json_close(j, '}');
	return j->b->error;
}

static int print(struct out *o, const struct line *l)
{
	char time[32] = "-", shown[CTL_SHOWN], dest[CTL_SHOWN], replica[CTL_SHOWN];

	o->n++;
	if (o->json)
		return print_json(o->json, l);
	if (l->done_ms)
		time_format_iso(l->done_ms, time);
	if (o->n == 1)
		printf("%-34s %-28s %-10s %-10s %-34s %s\n", "source version", "destination",
		       "what", "status", "replica version", "replicated");
	printf("%-34s %-28s %-10s %-10s %-34s %s\n",
	       ctl_shown(l->version ? l->version : "null", shown), ctl_shown(l->dest, dest),
	       l->operation, l->status,
	       ctl_shown(l->replica && *l->replica ? l->replica : "-", replica), time);
	if (l->why)
		printf("    %s%s%s\n", l->reason ? l->reason : "", l->reason ? ": " : "",
		       ctl_shown(l->why, shown));
	return 0;
}

static int print_replica(void *arg, const struct store_replica *r)
{
	const struct line l = {
		.version = r->version,
		.dest = r->dest,
		.operation = job_kind_name(r->delete_marker ? JOB_DELETE : JOB_OBJECT),
		.status = r->delete_marker ? "MARKER" : "COMPLETED",
		.replica = r->replica_version,
		.done_ms = r->done_ms,
	};

	return print(arg, &l);
}

/* Changes too: the version may be there, and its tags FAILED. */
static int print_job(void *arg, const struct job *j)
{
	const struct line l = {
		.version = j->version,
		.dest = j->dest,
		.operation = job_kind_name(j->kind),
		.status = job_status_name(j->state),
		.replica = j->replica_version,
		.reason = j->reason,
		.why = j->why,
	};

	return print(arg, &l);
}

static int each(struct store *s, const char *key, struct out *o)
{
	struct store_filter f = { .key = key, .unfinished = true };
	int r = store_each_replica(s, key, NULL, print_replica, o);

	return r ? r : store_each_job(s, &f, print_job, o);
}

int ctl_versions(const struct ctl_opts *o)
{
	auto_free char *dir = NULL, *key = NULL, *parent = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_with(buf_free) struct buf b;
	struct json_out j;
	struct out out = { 0 };
	char shown[CTL_SHOWN];
	char *slash;
	int r;

	buf_init(&b, BUF_LIMIT_DOC);
	if (o->n != 1) {
		ctl_say("versions needs one PATH or KEY");
		return CTL_USAGE;
	}
	/* The file may be deleted: its folder is in the mount all the same. */
	if (str_dup(o->args[0], &parent))
		return CTL_FAILED;
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	r = ctl_open(o, o->state || !slash ? NULL : parent, false, &dir, &s);
	if (!r)
		r = ctl_key(o, s, o->args[0], &key);
	if (r)
		return CTL_FAILED;
	if (o->json) {
		json_start(&j, &b, true);
		json_open(&j, NULL, '[');
		out.json = &j;
	}
	r = each(s, key, &out);
	if (o->json && !r) {
		json_close(&j, ']');
		puts(buf_str(&b));
	}
	if (r)
		ctl_say("the queue in %s cannot be read", dir);
	else if (!out.n && !o->json)
		ctl_say("no version of '%s' was ever selected by a rule", ctl_shown(key, shown));
	return r ? CTL_FAILED : CTL_OK;
}
