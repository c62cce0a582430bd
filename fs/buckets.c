#include "fs/buckets.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "s3/lock.h"

#include "fs/preflight.h"

/* The checks before the mount do not wait as long as a mount does. */
#define CHECK_ATTEMPTS	 3
#define CHECK_CONNECT_MS 5000
#define CHECK_CALL_MS	 15000

struct opening {
	const struct config *conf;
	struct buckets *b;
	char *why;
	size_t why_len;
};

static struct s3_client_conf client_conf(const struct config *c)
{
	return (struct s3_client_conf){
		.url = c->url,
		.region = c->region,
		.bucket = c->bucket,
		.path_style = c->path_style,
		.cacert = c->cacert,
		.no_check_certificate = c->no_check_certificate,
		.allow_http = c->allow_http,
		.connect_ms = c->connect_ms,
		.call_ms = c->call_ms,
		.max_attempts = c->max_attempts,
	};
}

static struct s3_client_conf check_conf(const struct config *c)
{
	struct s3_client_conf s3 = client_conf(c);

	s3.max_attempts = s3.max_attempts ? min_of(s3.max_attempts, (unsigned)CHECK_ATTEMPTS)
					  : CHECK_ATTEMPTS;
	s3.connect_ms =
		s3.connect_ms ? min_of(s3.connect_ms, (int64_t)CHECK_CONNECT_MS) : CHECK_CONNECT_MS;
	s3.call_ms = s3.call_ms ? min_of(s3.call_ms, (int64_t)CHECK_CALL_MS) : CHECK_CALL_MS;
	return s3;
}

static struct cred_conf cred_conf(const struct config *c)
{
	return (struct cred_conf){ .passwd_file = c->passwd_file,
				   .profile = c->profile,
				   .bucket = c->bucket };
}

static int make_client(const struct opening *o, struct s3_client_conf s3, struct s3_client **ret_c)
{
	const struct cred_conf cred = cred_conf(o->conf);
	int err = cred_source_new(&cred, &s3.cred, o->why, o->why_len);

	if (err < 0)
		return err;
	err = s3_client_new(&s3, ret_c, o->why, o->why_len);
	if (err < 0)
		cred_source_free(s3.cred);
	return err;
}

static int make_dests(const struct opening *o, const struct s3_client_conf *s3,
		      struct dest_set **ret_d)
{
	const struct cred_conf cred = cred_conf(o->conf);
	const struct dest_set_conf conf = { .file = o->conf->destinations,
					    .source = s3,
					    .source_cred = &cred };

	return dest_set_new(&conf, ret_d, o->why, o->why_len);
}

static void note_unversioned(struct buckets *b)
{
	static const char lost[] =
		"without versions: what is replaced or deleted is gone, a replica may skip what "
		"was "
		"replaced before it was sent, and when others write to the same key the last one "
		"there wins";

	log_warn("source=unversioned why=\"%s\"", lost);
	buf_addf(&b->notes, "warning: bucket '%s' is used %s", s3_client_bucket(b->client), lost);
}

static int check_source(const struct opening *o)
{
	struct s3_client *c = NULL;
	int err = make_client(o, check_conf(o->conf), &c);

	if (err == 0)
		err = preflight_source(c, o->conf->unversioned_ok, &o->b->unversioned, o->why,
				       o->why_len);
	if (err == 0 && !o->b->unversioned)
		preflight_lifecycle(c);
	if (err == 0 && o->b->unversioned)
		note_unversioned(o->b);
	s3_client_free(c);
	return err;
}

static void learn_lock(const struct opening *o)
{
	struct s3_lock_conf lock = { 0 };
	struct s3_error e = { 0 };
	char text[400];
	int err = lock_conf_get(o->b->client, &lock, &e);

	o->b->ask_lock = err < 0 || lock.has_default;
	if (err < 0)
		log_info("object_lock=unknown why=\"%s\" result=\"each version is asked for its "
			 "retention\"",
			 s3_error_text(&e, text, sizeof(text)));
}

static int open_source(const struct opening *o, struct s3_client_conf s3)
{
	int err;

	o->b->conf = o->conf;
	buf_init(&o->b->notes, BUF_LIMIT_DOC);
	if (o->conf->no_check_certificate)
		log_warn("no_check_certificate=yes why=\"anybody on the way can read and change "
			 "what is sent\"");
	s3.patient = o->conf->max_attempts == 0;
	err = make_client(o, s3, &o->b->client);
	return err < 0 ? err : check_source(o);
}

/* What is wrong with them already in the files: before anything is made on this host. */
static int find_dests(const struct opening *o)
{
	struct dest *d;
	int err = 0;

	for (size_t i = 0; err == 0 && i < rules_dest_count(o->b->rules); i++)
		err = dest_get(o->b->dests, rules_dest(o->b->rules, i), &d, o->why, o->why_len);
	return err;
}

/* Everything that can be wrong outside this host, and in the rules. */
static int open_buckets(const struct opening *o)
{
	const struct s3_client_conf s3 = client_conf(o->conf);
	int err = open_source(o, s3);

	if (err == 0)
		err = rulesrc_new(o->conf->rules, o->conf->strict_rules, o->b->client,
				  &o->b->rulesrc);
	if (err == 0)
		err = rulesrc_load(o->b->rulesrc, &o->b->rules, o->why, o->why_len);
	if (err == 0)
		err = make_dests(o, &s3, &o->b->dests);
	if (err == 0)
		err = find_dests(o);
	if (err < 0)
		return err;
	if (!rulesrc_is_none(o->b->rulesrc))
		learn_lock(o);
	else
		log_warn("rules=none why=\"nothing is replicated: give rules=FILE or "
			 "rules=bucket\"");
	return 0;
}

int buckets_open(const struct config *c, struct buckets *b, char *why, size_t why_len)
{
	const struct opening o = { c, b, why, why_len };

	return open_buckets(&o);
}

int buckets_open_source(const struct config *c, struct buckets *b, char *why, size_t why_len)
{
	const struct opening o = { c, b, why, why_len };

	return open_source(&o, client_conf(c));
}

static int check_dests(struct buckets *b, const struct rule_set *rs, bool anew, struct buf *notes,
		       char *why, size_t why_len)
{
	const struct opening o = { b->conf, b, why, why_len };
	const struct s3_client_conf s3 = check_conf(b->conf);
	struct preflight p = { .dests = b->dests,
			       .store = b->store,
			       .anew = anew,
			       .source = b->client,
			       .notes = notes };
	int err = make_dests(&o, &s3, &p.checks);

	err = err < 0 ? err : preflight_dests(&p, rs, why, why_len);
	dest_set_free(p.checks);
	return err;
}

/* matches rulesrc_check_fn; nobody is at the terminal any more */
static int check_new_rules(void *arg, const struct rule_set *rs, char *why, size_t why_len)
{
	return check_dests(arg, rs, true, NULL, why, why_len);
}

int buckets_check(struct buckets *b, struct store *s, char *why, size_t why_len)
{
	b->store = s;
	rulesrc_set_check(b->rulesrc, check_new_rules, b);
	return check_dests(b, b->rules, false, &b->notes, why, why_len);
}

void buckets_abort(struct buckets *b)
{
	if (b->client)
		s3_client_abort(b->client);
	if (b->dests)
		dest_set_abort(b->dests);
}

void buckets_close(struct buckets *b)
{
	rules_unref(b->rules);
	rulesrc_free(b->rulesrc);
	dest_set_free(b->dests);
	s3_client_free(b->client);
	buf_free(&b->notes);
	*b = (struct buckets){ 0 };
}
