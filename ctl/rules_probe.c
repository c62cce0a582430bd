/* rules_probe.c - crrctl rules check --probe: are the buckets there, and what can they do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/rules.h"
#include "queue/probe.h"
#include "s3/caps.h"

static void print_caps(const struct s3_caps *caps)
{
	const char *name, *meaning;
	enum cap cap;

	for (size_t i = 0; caps_row(caps, i, &name, &cap, &meaning); i++) {
		bool all = cap == CAP_YES;

		printf("  %-14s %s%s%s\n", name, cap_name(cap), all ? "" : ": ",
		       all ? "" : meaning);
	}
}

static void json_caps(struct json_out *j, const struct s3_caps *caps)
{
	const char *name, *meaning;
	enum cap cap;

	json_open(j, "capabilities", '{');
	for (size_t i = 0; caps_row(caps, i, &name, &cap, &meaning); i++) {
		json_open(j, name, '{');
		json_str(j, "has", cap_name(cap));
		json_str(j, "without", meaning);
		json_close(j, '}');
	}
	json_close(j, '}');
}

/* The error in short, as a member of an open object, or on stderr. */
static void say(struct json_out *j, const char *what, const struct rules_error *e)
{
	ctl_say_rules(what, e);
	if (!j)
		return;
	json_str(j, "code", e->code);
	json_str(j, "message", e->message);
}

/* Replication needs to write there; all else has a meaning of its own. What a probe may not try, as
 * where a default retention would keep its object for years, speaks not against it. */
static int judge(struct dest *d, const struct s3_caps *caps, const struct s3_error *e,
		 struct json_out *j)
{
	struct rules_error cannot = { .code = "AccessDenied",
				      .message = "Replicas cannot be written." };
	const char *arn = dest_arn(d);

	/* a server that has no versions at all is good enough: it is said in the table */
	if (caps->versioning == CAP_NO && caps->versioning_api != CAP_NO &&
	    !dest_unversioned_ok(d)) {
		ctl_rules_unversioned(&cannot, dest_client(d), ": not enabled, or suspended");
		say(j, arn, &cannot);
		return -EINVAL;
	}
	if (caps->put != CAP_NO && caps->put != CAP_DENIED)
		return 0;
	if (*e->code)
		snprintf(cannot.code, sizeof(cannot.code), "%.47s", e->code);
	snprintf(cannot.hint, sizeof(cannot.hint), "%.190s", e->message);
	say(j, arn, &cannot);
	return -EINVAL;
}

/* The mount whose buckets these are relies on it the next time; without one there is no store. */
static void remember(struct ctl_client *c, const struct dest *d, const struct s3_caps *caps)
{
	auto_with(ctl_store_close) struct store *s = NULL;
	const struct store_conf conf = { .dir = c->state };
	char why[256] = "";

	if (c->state && store_open(&conf, &s, why, sizeof(why)) == 0)
		probe_remember(s, dest_arn(d), dest_client(d), caps);
}

static int probe(struct ctl_client *c, const char *arn, struct json_out *j)
{
	struct s3_error e = { 0 };
	struct s3_caps caps = { 0 };
	struct rules_error re;
	struct dest *d;
	int r = ctl_rules_find_dest(c, arn, &d, &re);

	if (r) {
		say(j, arn, &re);
		return -EINVAL;
	}
	r = caps_probe(dest_client(d), &caps, &e);
	if (r) {
		ctl_rules_no_dest(&re, dest_client(d), r, &e);
		say(j, arn, &re);
		return -EINVAL;
	}
	if (e.class != FAULT_RETRY)
		remember(c, d, &caps);
	if (j) {
		json_caps(j, &caps);
	} else {
		printf("%s at %s:\n", arn, s3_client_url(dest_client(d)));
		print_caps(&caps);
	}
	return judge(d, &caps, &e, j);
}

static int probe_source(struct ctl_client *c, struct json_out *j)
{
	struct rules_error e;
	int r;

	if (j) {
		json_open(j, "source", '{');
		json_str(j, "bucket", c->bucket);
	}
	r = ctl_rules_source(c, &e);
	if (r)
		say(j, c->bucket, &e);
	else if (!j)
		printf("source %s at %s: versioning is enabled\n", c->bucket,
		       s3_client_url(c->source));
	if (j)
		json_close(j, '}');
	return r;
}

int ctl_rules_probe(const struct ctl_opts *o, const char *at, const struct rule_set *rs,
		    struct json_out *j)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	bool bad = false;

	if (ctl_rules_client(o, at, &c))
		return -EINVAL;
	bad = probe_source(&c, j) != 0;
	if (j)
		json_open(j, "destinations", '[');
	for (size_t i = 0; i < rules_dest_count(rs); i++) {
		const char *arn = rules_dest(rs, i);

		if (j) {
			json_open(j, NULL, '{');
			json_str(j, "arn", arn);
		}
		bad |= probe(&c, arn, j) != 0;
		if (j)
			json_close(j, '}');
	}
	if (j)
		json_close(j, ']');
	return bad ? -EINVAL : 0;
}
