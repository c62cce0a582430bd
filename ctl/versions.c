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

static int print(struct out *o, const char *version, const char *dest, const char *status,
		 const char *replica, int64_t when, const char *why)
{
	char time[32] = "-", shown[CTL_SHOWN];

	if (when)
		time_format_iso(when, time);
	o->n++;
	if (o->json) {
		json_open(o->json, NULL, '{');
		json_str(o->json, "version", version);
		json_str(o->json, "destination", dest);
		json_str(o->json, "status", status);
		json_str(o->json, "replica_version", replica && *replica ? replica : NULL);
		json_i64(o->json, "done_ms", when);
		json_str(o->json, "why", why);
		json_close(o->json, '}');
		return o->json->b->error;
	}
	if (o->n == 1)
		printf("%-34s %-28s %-10s %-34s %s\n", "source version", "destination", "status",
		       "replica version", "replicated");
	printf("%-34s %-28s %-10s %-34s %s\n", version ? version : "null", dest, status,
	       replica && *replica ? replica : "-", time);
	if (why)
		printf("    %s\n", ctl_shown(why, shown));
	return 0;
}

static int print_replica(void *arg, const struct store_replica *r)
{
	return print(arg, r->version, r->dest, r->delete_marker ? "MARKER" : "COMPLETED",
		     r->replica_version, r->done_ms, NULL);
}

static int print_job(void *arg, const struct job *j)
{
	if (job_kind_is_change(j->kind))
		return 0;
	return print(arg, j->version, j->dest, job_status_name(j->state), j->replica_version, 0,
		     j->why);
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
