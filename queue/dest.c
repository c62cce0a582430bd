#include "queue/dest_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"

/*
 *  state    running        failures   until_ms   leaves to (dest_gauge_step)
 *  OPEN     0..at_once     0..2       0          PAUSED
 *  PAUSED   what was left  any        set        PROBING, OPEN (a job from before went well)
 *  PROBING  1 and the rest any        set        OPEN, PAUSED
 */

struct dest {
	char *arn;
	const char *bucket; /* inside arn */
	struct s3_client *client;
	bool unversioned_ok, class_fallback;
	struct {
		struct lock l;
		struct dest_gauge gauge;
		struct s3_caps caps;
		bool caps_known;
		bool learning; /* the mark of who learns them */
		struct cond learnt;
	} locked;
};

struct dest_set {
	struct destconf file;
	struct s3_client_conf source; /* strings owned */
	struct cred_conf cred;	      /* strings owned */
	unsigned at_once;
	struct {
		struct lock l;
		struct dest **dests; /* they live as long as the set */
		size_t n;
		bool aborted;
	} locked;
};

/* --- the gauge -------------------------------------------------------------------------------- */

static void dest_gauge_step(struct dest_gauge *g, enum dest_state to)
{
	static const bool legal[3][3] = {
		[DEST_OPEN] = { [DEST_PAUSED] = true },
		[DEST_PAUSED] = { [DEST_PROBING] = true, [DEST_OPEN] = true },
		[DEST_PROBING] = { [DEST_OPEN] = true, [DEST_PAUSED] = true },
	};

	if (!legal[g->state][to])
		abort();
	g->state = to;
}

bool dest_gauge_admit(struct dest_gauge *g, int64_t now_ms)
{
	/* A time further off than any pause is long: the clock was set back. */
	bool early = now_ms < g->until_ms && g->until_ms - now_ms <= DEST_PAUSE_MAX_MS;

	if (g->state == DEST_PROBING || (g->state == DEST_PAUSED && early))
		return false;
	if (g->state == DEST_OPEN && g->running >= g->at_once)
		return false;
	if (g->state == DEST_PAUSED)
		dest_gauge_step(g, DEST_PROBING);
	g->running++;
	return true;
}

bool dest_is_stale_cred(const struct s3_error *e)
{
	static const char *const codes[] = {
		"ExpiredToken",
		"TokenRefreshRequired",
		"RequestTimeTooSkewed",
		"RequestExpired",
	};

	for (size_t i = 0; i < array_size(codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return false;
}

bool dest_is_sick(int err, const struct s3_error *e)
{
	if (err == 0 || err == -ECANCELED)
		return false;
	if (e && e->class == FAULT_AUTH)
		return dest_is_stale_cred(e) || err == -ENOSPC;
	if (e && e->class != FAULT_NONE)
		return e->class == FAULT_RETRY && strcmp(e->code, "Local") != 0;
	return err == -ETIMEDOUT || err == -ECONNREFUSED || err == -ENOTCONN || err == -ECONNRESET;
}

/* Stopped, or never sent: refused on our side, out of memory. */
static bool says_nothing(int err, const struct s3_error *e)
{
	return err == -ECANCELED || (err < 0 && !dest_is_sick(err, e) && (!e || e->status == 0));
}

static int64_t pause_ms(unsigned pauses, const struct s3_error *e)
{
	int64_t ms = DEST_PAUSE_FIRST_MS;

	for (unsigned i = 1; i < pauses && ms < DEST_PAUSE_MAX_MS; i++)
		ms *= 2;
	if (e && e->retry_after_ms > ms)
		ms = e->retry_after_ms;
	return min_of(ms, (int64_t)DEST_PAUSE_MAX_MS);
}

static void set_why(struct dest_gauge *g, int err, const struct s3_error *e)
{
	char text[400];

	if (e && (e->status || e->code[0] || e->message[0]))
		s3_error_text(e, text, sizeof(text));
	else
		errno_text(err, text, 64);
	snprintf(g->why, sizeof(g->why), "%.255s", text);
}

static void pause_now(struct dest_gauge *g, int err, const struct s3_error *e, int64_t now_ms)
{
	if (g->state == DEST_OPEN)
		g->since_ms = now_ms;
	g->pauses++;
	g->until_ms = now_ms + pause_ms(g->pauses, e);
	set_why(g, err, e);
	dest_gauge_step(g, DEST_PAUSED);
}

bool dest_gauge_note(struct dest_gauge *g, int err, const struct s3_error *e, int64_t now_ms)
{
	if (g->running > 0)
		g->running--;
	if (says_nothing(err, e)) {
		/* If it was the probe, another may be sent at once. */
		if (g->state == DEST_PROBING) {
			g->until_ms = now_ms;
			dest_gauge_step(g, DEST_PAUSED);
		}
		return false;
	}
	if (!dest_is_sick(err, e)) {
		g->failures = 0;
		g->pauses = 0;
		if (g->state == DEST_OPEN)
			return false;
		g->until_ms = 0;
		g->since_ms = now_ms;
		g->why[0] = '\0';
		dest_gauge_step(g, DEST_OPEN);
		return true;
	}
	if (g->state == DEST_PAUSED)
		return false;
	g->failures++;
	if (g->state == DEST_OPEN && g->failures < DEST_FAILURES_MAX)
		return false;
	pause_now(g, err, e, now_ms);
	return true;
}

/* --- one destination -------------------------------------------------------------------------- */

static void dest_free(struct dest *d)
{
	if (!d)
		return;
	s3_client_free(d->client);
	cond_free(&d->locked.learnt);
	lock_free(&d->locked.l);
	free(d->arn);
	free(d);
}

const char *dest_arn(const struct dest *d)
{
	return d->arn;
}

const char *dest_bucket(const struct dest *d)
{
	return d->bucket;
}

struct s3_client *dest_client(const struct dest *d)
{
	return d->client;
}

bool dest_unversioned_ok(const struct dest *d)
{
	return d->unversioned_ok;
}

bool dest_class_fallback(const struct dest *d)
{
	return d->class_fallback;
}

bool dest_get_caps(struct dest *d, struct s3_caps *ret_c)
{
	scoped_lock(&d->locked.l);
	*ret_c = d->locked.caps;
	return d->locked.caps_known;
}

void dest_set_caps(struct dest *d, const struct s3_caps *c)
{
	scoped_lock(&d->locked.l);
	d->locked.caps = *c;
	d->locked.caps_known = true;
}

bool dest_begin_caps(struct dest *d)
{
	scoped_lock(&d->locked.l);
	while (d->locked.learning)
		cond_wait(&d->locked.learnt, &d->locked.l);
	d->locked.learning = !d->locked.caps_known;
	return d->locked.learning;
}

void dest_end_caps(struct dest *d, const struct s3_caps *c)
{
	if (c)
		dest_set_caps(d, c);
	scoped_lock(&d->locked.l);
	d->locked.learning = false;
	cond_broadcast(&d->locked.learnt);
}

bool dest_lost_acl(struct dest *d)
{
	bool had;

	scoped_lock(&d->locked.l);
	had = d->locked.caps.acl != CAP_NO;
	d->locked.caps.acl = CAP_NO;
	return had;
}

bool dest_admit(struct dest *d, int64_t now_ms)
{
	scoped_lock(&d->locked.l);
	return dest_gauge_admit(&d->locked.gauge, now_ms);
}

bool dest_note(struct dest *d, int err, const struct s3_error *e, int64_t now_ms)
{
	scoped_lock(&d->locked.l);
	return dest_gauge_note(&d->locked.gauge, err, e, now_ms);
}

void dest_get_health(struct dest *d, struct dest_health *ret_h)
{
	const struct dest_gauge *g = &d->locked.gauge;

	scoped_lock(&d->locked.l);
	*ret_h = (struct dest_health){
		.paused = g->state != DEST_OPEN,
		.until_ms = g->until_ms,
		.since_ms = g->since_ms,
	};
	memcpy(ret_h->why, g->why, sizeof(ret_h->why));
}

static int64_t next_probe(struct dest *d)
{
	scoped_lock(&d->locked.l);
	return d->locked.gauge.state == DEST_PAUSED ? d->locked.gauge.until_ms : CLOCK_NEVER;
}

static bool is_yes(enum destconf_choice c, bool inherited)
{
	return c == DESTCONF_UNSET ? inherited : c == DESTCONF_YES;
}

/*
 * A section with a url stands for itself; without one it changes the source's endpoint in what it
 * names.
 */
static void client_conf(const struct dest_set *ds, const struct destconf_section *s,
			struct s3_client_conf *ret)
{
	const struct s3_client_conf *src = &ds->source;
	struct s3_client_conf c = *src;

	if (s && s->url) {
		c.url = s->url;
		c.region = NULL;
		c.cacert = NULL;
		c.path_style = -1;
		c.no_check_certificate = false;
		c.allow_http = false;
	}
	if (s) {
		c.region = s->region ? s->region : c.region;
		c.cacert = s->cacert ? s->cacert : c.cacert;
		if (s->path_style != DESTCONF_UNSET)
			c.path_style = s->path_style == DESTCONF_YES;
		c.no_check_certificate = is_yes(s->no_check_certificate, c.no_check_certificate);
		c.allow_http = is_yes(s->allow_http, c.allow_http);
	}
	*ret = c;
}

static int make_client(const struct dest_set *ds, const char *arn, const char *bucket,
		       struct s3_client **ret_c, char *why, size_t why_len)
{
	const struct destconf_section *s = destconf_find(&ds->file, arn);
	struct cred_conf cred = ds->cred;
	struct s3_client_conf conf;
	char words[300] = "";
	int err;

	if (s && (s->profile || s->passwd_file))
		cred = (struct cred_conf){
			.profile = s->profile,
			.passwd_file = s->passwd_file,
			.bucket = bucket,
		};
	client_conf(ds, s, &conf);
	conf.bucket = bucket;
	conf.cred = NULL;
	err = cred_source_new(&cred, &conf.cred, words, sizeof(words));
	if (err == 0) {
		err = s3_client_new(&conf, ret_c, words, sizeof(words));
		if (err < 0)
			cred_source_free(conf.cred);
	}
	if (err < 0)
		snprintf(why, why_len, "destination %s: %s", arn, words);
	return err;
}

static int dest_new(const struct dest_set *ds, const char *arn, struct dest **ret_d, char *why,
		    size_t why_len)
{
	const struct destconf_section *s = destconf_find(&ds->file, arn);
	char shown[120];
	struct dest *d;
	int err;

	if (!destconf_arn_bucket(arn)) {
		snprintf(why, why_len, "%s is not the ARN of a bucket",
			 printable(arn, shown, sizeof(shown)));
		return -EINVAL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	lock_init(&d->locked.l);
	cond_init(&d->locked.learnt);
	d->locked.gauge.at_once = ds->at_once;
	d->unversioned_ok = s && s->unversioned_ok == DESTCONF_YES;
	d->class_fallback = s && s->class_fallback == DESTCONF_YES;
	err = str_dup(arn, &d->arn);
	if (err == 0) {
		d->bucket = destconf_arn_bucket(d->arn);
		err = make_client(ds, d->arn, d->bucket, &d->client, why, why_len);
	}
	if (err < 0) {
		dest_free(d);
		return err;
	}
	*ret_d = d;
	return 0;
}

/* --- the set ---------------------------------------------------------------------------------- */

static int copy_conf_strings(struct dest_set *ds, const struct dest_set_conf *conf)
{
	char *p[5] = { NULL };
	int err = 0;

	if (conf->source)
		ds->source = *conf->source;
	else
		ds->source.path_style = -1;
	ds->source.cred = NULL;
	ds->source.bucket = NULL;
	if (conf->attempt) {
		ds->source.attempt = conf->attempt;
		ds->source.attempt_arg = conf->attempt_arg;
	}
	if (conf->source_cred)
		ds->cred = *conf->source_cred;
	err = str_dup(ds->source.url, &p[0]);
	ds->source.url = p[0];
	err = err < 0 ? err : str_dup(ds->source.region, &p[1]);
	ds->source.region = p[1];
	err = err < 0 ? err : str_dup(ds->source.cacert, &p[2]);
	ds->source.cacert = p[2];
	err = err < 0 ? err : str_dup(ds->cred.passwd_file, &p[3]);
	ds->cred.passwd_file = p[3];
	err = err < 0 ? err : str_dup(ds->cred.profile, &p[4]);
	ds->cred.profile = p[4];
	p[0] = NULL;
	err = err < 0 ? err : str_dup(ds->cred.bucket, &p[0]);
	ds->cred.bucket = p[0];
	return err;
}

static void warn_unchecked(const struct destconf *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->sections[i].no_check_certificate == DESTCONF_YES)
			log_warn("dest=%s no_check_certificate=yes why=\"anybody on the way can "
				 "read and change what is sent\"",
				 c->sections[i].arn);
}

int dest_set_new(const struct dest_set_conf *conf, struct dest_set **ret_d, char *why,
		 size_t why_len)
{
	struct dest_set *ds = calloc(1, sizeof(*ds));
	int err;

	if (!ds)
		return -ENOMEM;
	lock_init(&ds->locked.l);
	ds->at_once = conf->at_once ? conf->at_once : DEST_AT_ONCE;
	err = copy_conf_strings(ds, conf);
	if (err < 0)
		snprintf(why, why_len, "out of memory");
	if (err == 0 && conf->file)
		err = destconf_read(conf->file, &ds->file, why, why_len);
	if (err < 0) {
		dest_set_free(ds);
		return err;
	}
	warn_unchecked(&ds->file);
	*ret_d = ds;
	return 0;
}

const char *dest_set_rule(const struct dest_set *ds, size_t i)
{
	return i < ds->file.rules_n ? ds->file.rules[i].id : NULL;
}

bool dest_set_durability(const struct dest_set *ds, const char *rule_id, enum durability *ret_d)
{
	for (size_t i = 0; rule_id && i < ds->file.rules_n; i++)
		if (strcmp(ds->file.rules[i].id, rule_id) == 0) {
			*ret_d = ds->file.rules[i].durability;
			return true;
		}
	return false;
}

void dest_set_free(struct dest_set *ds)
{
	if (!ds)
		return;
	for (size_t i = 0; i < ds->locked.n; i++)
		dest_free(ds->locked.dests[i]);
	free(ds->locked.dests);
	destconf_free(&ds->file);
	free((char *)ds->source.url);
	free((char *)ds->source.region);
	free((char *)ds->source.cacert);
	free((char *)ds->cred.passwd_file);
	free((char *)ds->cred.profile);
	free((char *)ds->cred.bucket);
	lock_free(&ds->locked.l);
	free(ds);
}

void dest_set_abort(struct dest_set *ds)
{
	scoped_lock(&ds->locked.l);
	ds->locked.aborted = true;
	for (size_t i = 0; i < ds->locked.n; i++)
		s3_client_abort(ds->locked.dests[i]->client);
}

static struct dest *find_locked(struct dest_set *ds, const char *arn)
{
	lock_assert_held(&ds->locked.l);
	for (size_t i = 0; i < ds->locked.n; i++)
		if (strcmp(ds->locked.dests[i]->arn, arn) == 0)
			return ds->locked.dests[i];
	return NULL;
}

int dest_get(struct dest_set *ds, const char *arn, struct dest **ret_d, char *why, size_t why_len)
{
	struct dest **grown;
	struct dest *d;
	int err;

	scoped_lock(&ds->locked.l);
	d = find_locked(ds, arn);
	if (d) {
		*ret_d = d;
		return 0;
	}
	grown = realloc(ds->locked.dests, (ds->locked.n + 1) * sizeof(struct dest *));
	if (!grown) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	ds->locked.dests = grown;
	err = dest_new(ds, arn, &d, why, why_len);
	if (err < 0)
		return err;
	if (ds->locked.aborted)
		s3_client_abort(d->client);
	ds->locked.dests[ds->locked.n++] = d;
	*ret_d = d;
	return 0;
}

/* fn may call back into the set, so it runs without the lock; destinations are only ever added. */
void dest_set_each(struct dest_set *ds, void (*fn)(void *arg, struct dest *d), void *arg)
{
	for (size_t i = 0;; i++) {
		struct dest *d = NULL;

		lock_take(&ds->locked.l);
		if (i < ds->locked.n)
			d = ds->locked.dests[i];
		lock_drop(&ds->locked.l);
		if (!d)
			return;
		fn(arg, d);
	}
}

static void earliest(void *arg, struct dest *d)
{
	int64_t *min = arg;
	int64_t at = next_probe(d);

	*min = min_of(*min, at);
}

int64_t dest_set_next_probe(struct dest_set *ds)
{
	int64_t min = CLOCK_NEVER;

	dest_set_each(ds, earliest, &min);
	return min;
}
