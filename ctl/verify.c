/* verify.c - crrctl verify: is what the rules select at its destinations, and the same there? */
#include "ctl/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/rules.h"
#include "s3/bucket.h"

#define THREADS	  16
#define QUEUE_MAX 64

/* --- rules ------------------------------------------------------------------------------------ */

static int rules_of_bucket(struct s3_client *c, struct rule_set **ret_rs)
{
	auto_with(buf_free) struct buf text;
	struct rules_error why;
	struct s3_error e = { 0 };
	int r;

	buf_init(&text, BUF_LIMIT_DOC);
	r = bucket_replication_get(c, &text, &e);
	if (r) {
		ctl_say_s3("no --rules FILE was given, and the bucket's own cannot be read", r, &e);
		return r;
	}
	return ctl_rules_parse("rules of the bucket", buf_str(&text), text.len, CTL_STORED, ret_rs,
			       &why);
}

static int open_rules(struct verify *v)
{
	struct rules_error why;

	if (v->o->rules)
		return ctl_rules_read(v->o->rules, CTL_GIVEN, &v->rules, &why);
	if (v->store)
		return ctl_rules_in_force(v->store, &v->rules);
	return rules_of_bucket(v->client.source, &v->rules);
}

/* --- destinations ----------------------------------------------------------------------------- */

static bool is_wanted(const struct verify *v, const char *arn)
{
	bool enabled = false;

	for (size_t i = 0; i < rules_count(v->rules); i++) {
		const struct rule *r = rules_get(v->rules, i);

		enabled |= r->enabled && strcmp(r->dest_arn, arn) == 0;
	}
	return enabled && (!v->o->dest || strcmp(v->o->dest, arn) == 0);
}

static int open_dests(struct verify *v)
{
	char why[400] = "", shown[CTL_SHOWN];

	v->dests = calloc(rules_dest_count(v->rules) + 1, sizeof(*v->dests));
	if (!v->dests)
		return -ENOMEM;
	for (size_t i = 0; i < rules_dest_count(v->rules); i++) {
		const char *arn = rules_dest(v->rules, i);
		struct dest *d;

		if (!is_wanted(v, arn))
			continue;
		if (dest_get(v->client.dests, arn, &d, why, sizeof(why))) {
			ctl_say("%s", ctl_shown(why, shown));
			return -EINVAL;
		}
		v->dests[v->dests_n++] = (struct v_dest){ arn, dest_client(d) };
	}
	if (v->dests_n)
		return 0;
	ctl_say("no enabled rule has %s", v->o->dest ? "this destination" : "a destination");
	return -ENOENT;
}

/* --- what to compare -------------------------------------------------------------------------- */

/* A folder is all under it: the key of "DIR/." without its end. */
static int key_of_folder(struct verify *v, const char *path, const char *under)
{
	auto_free char *inside = NULL, *key = NULL;
	int r = str_format(&inside, "%s/.", path);

	r = r ? r : ctl_key(v->o, v->store, inside, &key);
	return r ? r : str_format(&v->prefix, "%.*s%s", (int)strlen(key) - 1, key, under);
}

static int open_range(struct verify *v, const char *path)
{
	const char *under = v->o->prefix ? v->o->prefix : "";
	struct stat st;
	size_t n;
	int r;

	if (!path)
		return str_format(&v->prefix, "%s%s", v->client.prefix, under);
	if (!v->o->state && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return key_of_folder(v, path, under);
	if (*under) {
		ctl_say("--prefix is for all of a mount or a folder, not for one key");
		return -EINVAL;
	}
	r = ctl_key(v->o, v->store, path, &v->prefix);
	n = r ? 0 : strlen(v->prefix);
	if (n && v->prefix[n - 1] != '/')
		v->exact = v->prefix;
	return r;
}

static int open_all(struct verify *v, const char *arg)
{
	bool bucket = arg && strncmp(arg, "s3://", 5) == 0;
	const char *path = bucket ? NULL : arg, *where;
	auto_free char *dir = NULL;
	struct stat st;
	int r;

	if (bucket && v->o->repair) {
		ctl_say("--repair needs the queue of a mount: name a path in it, or --state DIR");
		return -EINVAL;
	}
	where = path && stat(path, &st) == 0 ? path : NULL; /* a key, or a deleted file */
	r = ctl_client_new(v->o, bucket ? arg : NULL, where, &v->client);
	if (!r && !bucket)
		r = ctl_open(v->o, where, v->o->repair, &dir, &v->store);
	r = r ? r : open_rules(v);
	r = r ? r : open_dests(v);
	r = r ? r : open_range(v, path);
	r = r ? r : pool_new("verify", THREADS, QUEUE_MAX, &v->pool);
	return r ? r : pool_start(v->pool);
}

static void close_all(struct verify *v)
{
	pool_free(v->pool);
	free(v->dests);
	free(v->prefix);
	rules_unref(v->rules);
	store_close(v->store);
	ctl_client_free(&v->client);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void show_progress(const struct verify *v)
{
	const struct v_counts *c = &v->counts;

	if (v->bar)
		fprintf(stderr, "\r%llu versions compared, %llu differ, %llu missing \033[K",
			(unsigned long long)c->pairs, (unsigned long long)c->different,
			(unsigned long long)c->missing);
}

static int each_there(struct verify *v, struct v_batch *b,
		      int (*fn)(struct verify *v, struct v_group *g, size_t dest))
{
	int r = 0;

	for (size_t i = 0; !r && i < b->n; i++)
		for (size_t d = 0; !r && d < v->dests_n; d++)
			r = fn(v, &b->groups[i], d);
	return r;
}

static int tell(struct verify *v, struct v_group *g, size_t dest)
{
	int r = verify_tell(v, g, dest);

	return r || !v->o->repair ? r : verify_repair(v, g, dest);
}

static int compare(struct verify *v, struct v_batch *b)
{
	int r = verify_look(v, b);

	r = r ? r : each_there(v, b, verify_pair);
	r = r ? r : verify_prove(v, b);
	r = r ? r : each_there(v, b, tell);
	show_progress(v);
	return r;
}

/* The mount sends what was queued; without one the next mount does. */
static void wake(const struct verify *v)
{
	auto_with(doc_free_ptr) struct doc_node *answer = NULL;

	if (v->counts.queued && ctl_ask(v->client.state, "wake", &answer))
		ctl_say("nothing is mounted: the next mount sends what was queued");
}

int ctl_verify(const struct ctl_opts *o)
{
	auto_with(close_all) struct verify v = { .o = o,
						 .start_ms = clock_wall_ms(),
						 .bar = isatty(STDERR_FILENO) };
	const struct v_counts *c = &v.counts;
	char why[64];
	int r;

	if (o->n > 1) {
		ctl_say("verify takes one PATH, KEY or s3://BUCKET");
		return CTL_USAGE;
	}
	if (open_all(&v, o->n ? o->args[0] : NULL))
		return CTL_FAILED;
	r = verify_walk(&v, compare);
	wake(&v);
	if (r) {
		ctl_say("the comparison is not complete: %s", errno_text(r, why, sizeof(why)));
		return CTL_FAILED;
	}
	verify_tell_summary(&v);
	if (c->unread)
		return CTL_FAILED;
	return c->different || c->missing || c->extra || c->failed ? CTL_DIFFERENT : CTL_OK;
}
