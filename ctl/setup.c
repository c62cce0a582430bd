/*
 * setup.c - crrctl setup: a bucket as replication needs it. Versioning is enabled, and the
 * lifecycle configuration gets the rules that it needs from then on (s3/lifecycle.h). Nothing is
 * changed unasked, and what is good already is left alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "s3/bucket.h"
#include "s3/lifecycle.h"

#define ARN		"arn:aws:s3:::"
#define NONCURRENT_DAYS 30
#define UPLOADS_DAYS	7

struct setup {
	const struct ctl_opts *o;
	struct s3_client *client; /* borrowed */
	const char *bucket;
	bool left; /* something was not confirmed */
};

/* --- asking ----------------------------------------------------------------------------------- */

static bool confirm(struct setup *s, const char *question)
{
	char line[16];
	bool yes = s->o->yes;

	if (!yes && isatty(STDIN_FILENO)) {
		printf("%s [y/N] ", question);
		fflush(stdout);
		yes = fgets(line, sizeof(line), stdin) && (*line == 'y' || *line == 'Y');
	}
	s->left |= !yes;
	return yes;
}

static int fail(const struct setup *s, const char *what, int err, const struct s3_error *e)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", s->bucket, what);
	ctl_say_s3(text, err, e);
	return err;
}

/* --- versioning ------------------------------------------------------------------------------- */

static int set_versioning(struct setup *s)
{
	struct s3_error e = { 0 };
	enum bucket_versioning v;
	int r = bucket_versioning_get(s->client, &v, &e);

	if (r)
		return fail(s, "cannot ask for versioning", r, &e);
	if (v == VERSIONING_ENABLED) {
		printf("%s: versioning is enabled\n", s->bucket);
		return 0;
	}
	printf("%s: versioning is %s; it is to be enabled.\n"
	       "  From then on an overwrite or a delete keeps the old version, and its space. "
	       "Versioning can\n"
	       "  be suspended later, but not be taken away again.\n",
	       s->bucket, v == VERSIONING_SUSPENDED ? "suspended" : "off");
	if (!confirm(s, "Enable versioning?"))
		return 0;
	r = bucket_versioning_put(s->client, VERSIONING_ENABLED, &e);
	if (r)
		return fail(s, "cannot enable versioning", r, &e);
	printf("%s: versioning is enabled now\n", s->bucket);
	return 0;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

struct lifecycle {
	struct buf xml; /* "" = none */
	char *minimum;
	struct lifecycle_gaps gaps;
	struct buf rules, extended; /* the new rules; all with them */
};

static void lifecycle_init(struct lifecycle *l)
{
	*l = (struct lifecycle){ 0 };
	buf_init(&l->xml, BUF_LIMIT_DOC);
	buf_init(&l->rules, BUF_LIMIT_DOC);
	buf_init(&l->extended, BUF_LIMIT_DOC);
}

static void lifecycle_free(struct lifecycle *l)
{
	buf_free(&l->xml);
	free(l->minimum);
	lifecycle_gaps_free(&l->gaps);
	buf_free(&l->rules);
	buf_free(&l->extended);
}

static int plan(const struct setup *s, struct lifecycle *l)
{
	const struct lifecycle_days days = {
		.noncurrent = s->o->noncurrent_days ? s->o->noncurrent_days : NONCURRENT_DAYS,
		.uploads = UPLOADS_DAYS,
	};
	char why[LIFECYCLE_WHY] = "out of memory", shown[CTL_SHOWN];
	int r = lifecycle_find_gaps(buf_str(&l->xml), l->xml.len, &l->gaps, why);

	r = r ? r
	      : lifecycle_extend(buf_str(&l->xml), l->xml.len, &days, &l->extended, &l->rules, why);
	if (r)
		ctl_say("%s: lifecycle configuration: %s", s->bucket, ctl_shown(why, shown));
	return r;
}

static void say_gap(const struct setup *s, const struct lifecycle_gap *g)
{
	char rule[CTL_SHOWN], what[CTL_SHOWN];

	ctl_shown(g->rule, rule);
	ctl_shown(g->what, what);
	switch (g->kind) {
	case GAP_EXPIRATION:
		printf("%s: lifecycle rule '%s' expires %s. In a bucket with versioning that "
		       "removes\n  nothing: versions that are no longer current need a rule of "
		       "their own.\n",
		       s->bucket, rule, what);
		break;
	case GAP_TRANSITION:
		printf("%s: lifecycle rule '%s' moves %s to another storage class, but only the\n"
		       "  current versions: consider a NoncurrentVersionTransition.\n",
		       s->bucket, rule, what);
		break;
	case GAP_UPLOADS:
		printf("%s: no lifecycle rule removes multipart uploads that nobody completes.\n",
		       s->bucket);
		break;
	}
}

/* The ids of the rules in it are the server's. */
static void print_lines(const char *text)
{
	char shown[CTL_SHOWN];

	while (*text) {
		auto_free char *line = NULL;
		size_t n = strcspn(text, "\n");

		if (str_format(&line, "%.*s", (int)n, text) == 0)
			puts(ctl_shown(line, shown));
		text += n + (text[n] == '\n');
	}
}

static int put_rules(struct setup *s, const struct lifecycle *l)
{
	struct s3_error e = { 0 };
	int r;

	printf("%s: the lifecycle configuration is to get:\n", s->bucket);
	print_lines(buf_str(&l->rules));
	if (!confirm(s, "Add this to the lifecycle configuration?"))
		return 0;
	r = bucket_lifecycle_put(s->client, buf_str(&l->extended), l->minimum, &e);
	if (r)
		return fail(s, "cannot write the lifecycle configuration", r, &e);
	printf("%s: the lifecycle configuration is extended\n", s->bucket);
	return 0;
}

static int set_lifecycle(struct setup *s)
{
	auto_with(lifecycle_free) struct lifecycle l;
	struct s3_error e = { 0 };
	int r;

	lifecycle_init(&l);
	r = bucket_lifecycle_get(s->client, &l.xml, &l.minimum, &e);
	if (r && (e.status == 501 || e.status == 405)) {
		printf("%s: this server has no lifecycle configurations\n", s->bucket);
		return 0;
	}
	if (r && r != -ENOENT)
		return fail(s, "cannot read the lifecycle configuration", r, &e);
	r = plan(s, &l);
	if (r)
		return r;
	for (size_t i = 0; i < l.gaps.n; i++)
		say_gap(s, &l.gaps.items[i]);
	if (l.rules.len)
		return put_rules(s, &l);
	printf("%s: the lifecycle configuration needs nothing\n", s->bucket);
	return 0;
}

/* --- the bucket ------------------------------------------------------------------------------- */

/* A destination is where destinations.conf says. */
static int open_bucket(const struct ctl_opts *o, const char *name, struct ctl_client *c,
		       struct s3_client **ret_client)
{
	bool is_dest = strncmp(name, ARN, strlen(ARN)) == 0;
	char why[400] = "", shown[CTL_SHOWN];
	struct dest *d;
	int r = ctl_client_new(o, is_dest && o->state ? NULL : name, NULL, c);

	if (r)
		return r;
	*ret_client = c->source;
	if (!is_dest)
		return 0;
	r = dest_get(c->dests, name, &d, why, sizeof(why));
	if (r) {
		ctl_say("%s", ctl_shown(why, shown));
		return r;
	}
	*ret_client = dest_client(d);
	return 0;
}

int ctl_setup(const struct ctl_opts *o)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	struct setup s = { .o = o };

	if (o->n != 1) {
		ctl_say("setup takes one BUCKET");
		return CTL_USAGE;
	}
	if (open_bucket(o, o->args[0], &c, &s.client))
		return CTL_FAILED;
	s.bucket = s3_client_bucket(s.client);
	if (set_versioning(&s) || set_lifecycle(&s))
		return CTL_FAILED;
	if (!s.left)
		return CTL_OK;
	ctl_say("%s: not all of it was done; --yes does it without asking", s.bucket);
	return CTL_FAILED;
}
