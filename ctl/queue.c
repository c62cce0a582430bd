/* queue.c - crrctl queue: the rows; the other things that are done to a queue: ctl/queue.h. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/queue.h"
#include "ctl/rules.h"

static int print_row(void *arg, const struct job *j)
{
	char when[32], size[32], shown[CTL_SHOWN], why[CTL_SHOWN];
	uint64_t *n = arg;

	if (!(*n)++)
		printf("%-24s %-6s %-7s %9s %5s %-28s %s\n", "written", "what", "state", "size",
		       "tries", "destination", "key");
	time_format_iso(j->created_ms, when);
	format_size(j->spec.size, size, sizeof(size));
	printf("%-24s %-6s %-7s %9s %5u %-28s %s\n", when, job_kind_name(j->kind),
	       job_state_name(j->state), j->kind == JOB_OBJECT && j->spec.known ? size : "-",
	       j->attempt, j->dest, ctl_shown(j->key, shown));
	if (j->why && j->state != JOB_DONE)
		printf("    %s%s%s%s%s\n", j->reason ? j->reason : "", j->reason ? ": " : "",
		       j->code ? ctl_shown(j->code, shown) : "", j->code ? ": " : "",
		       ctl_shown(j->why, why));
	return 0;
}

void ctl_queue_fields(struct json_out *out, const struct job *j)
{
	json_i64(out, "id", j->id);
	json_str(out, "kind", job_kind_name(j->kind));
	json_str(out, "state", job_state_name(j->state));
	json_str(out, "status", job_status_name(j->state));
	json_str(out, "key", j->key);
	json_str(out, "version", j->version);
	json_str(out, "destination", j->dest);
	json_str(out, "rule", j->rule_id);
	json_u64(out, "size", j->spec.size);
	json_u64(out, "attempts", j->attempt);
	json_i64(out, "created_ms", j->created_ms);
	json_i64(out, "due_ms", j->due_ms);
	json_str(out, "reason", j->reason);
	json_str(out, "code", j->code);
	json_str(out, "why", j->why);
	json_str(out, "replica_version", j->replica_version);
}

static int json_row(void *arg, const struct job *j)
{
	struct json_out *out = arg;

	json_open(out, NULL, '{');
	ctl_queue_fields(out, j);
	json_close(out, '}');
	return out->b->error;
}

static int list(const struct ctl_opts *o)
{
	auto_free char *dir = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	struct store_filter f = { .dest = o->dest, .unfinished = !o->all };
	uint64_t n = 0;
	int r = ctl_open(o, o->n ? o->args[0] : NULL, false, &dir, &s);

	if (r || ctl_rules_know_dest(s, o->dest))
		return CTL_FAILED;
	if (o->json) {
		auto_with(buf_free) struct buf b;
		struct json_out j;

		buf_init(&b, 64 * BUF_LIMIT_DOC);
		json_start(&j, &b, true);
		json_open(&j, NULL, '[');
		r = store_each_job(s, &f, json_row, &j);
		json_close(&j, ']');
		if (!r && !b.error)
			puts(buf_str(&b));
		r = r ? r : b.error;
	} else {
		r = store_each_job(s, &f, print_row, &n);
		if (!r && !n)
			puts("nothing is waiting");
	}
	if (r)
		ctl_say("the queue in %s cannot be read", dir);
	return r ? CTL_FAILED : CTL_OK;
}

int ctl_queue(const struct ctl_opts *o)
{
	static const struct {
		const char *name;
		int (*run)(const struct ctl_opts *o, const char *where);
	} words[] = {
		{ "check", ctl_queue_check },
		{ "repair", ctl_queue_repair },
		{ "export", ctl_queue_export },
	};

	for (size_t i = 0; o->n && i < array_size(words); i++)
		if (strcmp(o->args[0], words[i].name) == 0)
			return words[i].run(o, o->n > 1 ? o->args[1] : NULL);
	return list(o);
}
