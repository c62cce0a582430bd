#include "fs/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/pool.h"
#include "queue/probe.h"
#include "s3/bucket.h"
#include "s3/lifecycle.h"

/* Whose words: "bucket" or "destination bucket". */
struct check {
	struct s3_client *client;
	const char *what;
	char *why;
	size_t why_len;
};

static bool is_unreachable(int err, const struct s3_error *e)
{
	if (strcasestr(e->message, "certificate") || strcasestr(e->message, "SSL"))
		return false;
	return err == -ETIMEDOUT || e->class == FAULT_RETRY;
}

/* What to do about it; "" when the words of the server say all. */
static const char *advice(int err, const struct s3_error *e)
{
	if (strcmp(e->code, "InvalidAccessKeyId") == 0 ||
	    strcmp(e->code, "SignatureDoesNotMatch") == 0)
		return "; check the credentials (profile=, passwd_file=, AWS_ACCESS_KEY_ID)";
	if (strcmp(e->code, "ExpiredToken") == 0)
		return "; get new credentials";
	if (strcmp(e->code, "RequestTimeTooSkewed") == 0)
		return "; set this host's clock";
	if (e->class == FAULT_AUTH)
		return "; check the credentials and the bucket's policy";
	if (err == -ENOENT || strcmp(e->code, "NoSuchBucket") == 0)
		return "; create it, or correct the name or the url";
	if (strcasestr(e->message, "certificate"))
		return "; name the certificate authority with cacert=FILE";
	if (strcasestr(e->message, "resolv")) /* libcurl's words, of a name server too */
		return "; check the host's name in the url, and the name servers in "
		       "/etc/resolv.conf";
	if (is_unreachable(err, e))
		return "; check the url and the network";
	return "";
}

static int report(const struct check *k, int err, const struct s3_error *e)
{
	char text[400], words[64];

	if (e->status || *e->code || *e->message)
		s3_error_text(e, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", errno_text(err, words, sizeof(words)));
	snprintf(k->why, k->why_len, "%s '%s' at %s: %s%s", k->what, s3_client_bucket(k->client),
		 s3_client_url(k->client), text, advice(err, e));
	return err;
}

static int no_versioning(const struct check *k, const char *words, const char *option)
{
	const char *bucket = s3_client_bucket(k->client);

	snprintf(k->why, k->why_len,
		 "%s '%s' at %s: %s enable it: aws s3api put-bucket-versioning --bucket %s "
		 "--versioning-configuration Status=Enabled; or do without: %s",
		 k->what, bucket, s3_client_url(k->client), words, bucket, option);
	return -EINVAL;
}

/* The server answered, and has no such thing as versioning. */
static bool is_not_there(const struct s3_error *e)
{
	return e->class == FAULT_BAD && e->status != 0;
}

/* HEAD says nothing about the reason of a 403: GetBucketVersioning, which has a body, is asked
 * first. */
int preflight_source(struct s3_client *c, bool unversioned_ok, bool *ret_unversioned, char *why,
		     size_t why_len)
{
	const struct check k = { c, "bucket", why, why_len };
	enum bucket_versioning v = VERSIONING_OFF;
	struct s3_error e = { 0 };
	int err = bucket_versioning_get(c, &v, &e);

	if (err < 0 && !(unversioned_ok && is_not_there(&e)))
		return report(&k, err, &e);
	if (v != VERSIONING_ENABLED && !unversioned_ok)
		return no_versioning(
			&k,
			v == VERSIONING_SUSPENDED
				? "Versioning must be 'Enabled' on the bucket, and is suspended;"
				: "Versioning must be 'Enabled' on the bucket, and is not;",
			"-o unversioned_ok");
	e = (struct s3_error){ 0 };
	err = bucket_head(c, &e);
	if (err < 0)
		return report(&k, err, &e);
	*ret_unversioned = v != VERSIONING_ENABLED;
	return 0;
}

/* The server may have no lifecycle, or not show it to us: then there is nothing to say. */
void preflight_lifecycle(struct s3_client *c)
{
	auto_with(lifecycle_gaps_free) struct lifecycle_gaps gaps = { 0 };
	auto_with(buf_free) struct buf xml;
	struct s3_error e = { 0 };
	char why[LIFECYCLE_WHY] = "", shown[700];
	int err;

	buf_init(&xml, BUF_LIMIT_DOC);
	err = bucket_lifecycle_get(c, &xml, NULL, &e);
	err = err < 0 ? err : lifecycle_find_gaps(buf_str(&xml), xml.len, &gaps, why);
	if (err < 0)
		log_debug("lifecycle=unknown code=%s why=\"%s\"", e.code,
			  printable(why, shown, sizeof(shown)));
	if (lifecycle_has_gap(&gaps, GAP_EXPIRATION))
		log_warn("lifecycle=incomplete why=\"a rule expires objects, and none expires "
			 "noncurrent versions: nothing is ever removed; see crrctl setup %s\"",
			 s3_client_bucket(c));
}

static bool is_aws(struct s3_client *c)
{
	return strstr(s3_client_url(c), ".amazonaws.com") != NULL;
}

static bool is_same_bucket(struct s3_client *a, struct s3_client *b)
{
	if (strcmp(s3_client_bucket(a), s3_client_bucket(b)) != 0)
		return false;
	return strcmp(s3_client_url(a), s3_client_url(b)) == 0 || (is_aws(a) && is_aws(b));
}

static bool is_wanted(const struct rule_set *rs, const char *arn)
{
	for (size_t i = 0; i < rules_count(rs); i++) {
		const struct rule *r = rules_get(rs, i);

		if (r->enabled && strcmp(r->dest_arn, arn) == 0)
			return true;
	}
	return false;
}

/* --- the destinations ------------------------------------------------------------------------- */

#define LOOKS_AT_ONCE 16

/* One destination: what a look at it told. */
struct look {
	const struct preflight *p;
	const char *arn;
	struct dest *dest; /* of the set that is made for the checks */
	bool in_use;	   /* it was good enough once */
	struct s3_caps caps;
	struct s3_error error;
	int err;
};

static void look_at(void *arg)
{
	struct look *l = arg;

	l->err = probe_caps(l->p->store, l->arn, dest_client(l->dest), l->p->anew, &l->caps,
			    &l->error);
}

/* To the log, and for the terminal. */
static void warn(const struct look *l, const char *words)
{
	struct s3_client *c = dest_client(l->dest);
	char shown[700];

	log_warn("dest=%s url=%s why=\"%s\"", l->arn, s3_client_url(c),
		 printable(words, shown, sizeof(shown)));
	if (l->p->notes)
		buf_addf(l->p->notes, "%swarning: destination bucket '%s' at %s: %s",
			 l->p->notes->len > 0 ? "\ncrrfs: " : "", s3_client_bucket(c),
			 s3_client_url(c), words);
}

/* As S3 calls each permission: S3 User Guide, "Required permissions for Amazon S3 API
 * operations". */
static void warn_denied(const struct look *l)
{
	const struct {
		enum cap cap;
		const char *actions;
	} rows[] = {
		{ l->caps.put, "s3:PutObject" },
		{ l->caps.get, "s3:GetObject" },
		{ l->caps.tags, "s3:PutObjectTagging and s3:GetObjectTagging" },
		{ l->caps.acl, "s3:PutObjectAcl" },
		{ l->caps.multipart, "s3:AbortMultipartUpload" },
		{ l->caps.remove, "s3:DeleteObject" },
		{ l->caps.purge, "s3:DeleteObjectVersion, which removes what was tried" },
		{ l->caps.minio, "s3:ReplicateObject" },
	};
	auto_with(buf_free) struct buf words;

	buf_init(&words, BUF_LIMIT_SMALL);
	for (size_t i = 0; i < array_size(rows); i++)
		if (rows[i].cap == CAP_DENIED)
			buf_addf(&words, "%s%s",
				 words.len > 0 ? ", " : "denied below " CAPS_PREFIX ": ",
				 rows[i].actions);
	if (words.len == 0)
		return;
	buf_adds(&words,
		 "; allow it in the bucket's policy, or what needs it will fail (all is well "
		 "if the policy allows it where the rules write)");
	warn(l, buf_str(&words));
}

static void warn_about(const struct look *l)
{
	const struct s3_caps *c = &l->caps;
	char words[500], text[400];

	if (c->versioning_api == CAP_NO && c->versioning != CAP_YES &&
	    !dest_unversioned_ok(l->dest))
		warn(l,
		     "its server keeps no versions: the latest one wins, and what is replaced or "
		     "deleted is gone there (unversioned_ok = yes in the destinations file says "
		     "that you know)");
	if (c->put == CAP_NO) {
		snprintf(words, sizeof(words),
			 "an object could not be written there as it should: %s",
			 l->error.status ? s3_error_text(&l->error, text, sizeof(text))
					 : "its metadata was lost");
		warn(l, words);
	}
	warn_denied(l);
}

/* 0, or -errno with one line in why. */
static int judge(const struct look *l, char *why, size_t why_len)
{
	const struct check k = { dest_client(l->dest), "destination bucket", why, why_len };
	const struct s3_caps *c = &l->caps;
	char words[500], text[400];

	if (l->err < 0 && l->err != -ENOMEM && is_unreachable(l->err, &l->error)) {
		snprintf(words, sizeof(words), "unreachable, what is written waits for it: %s%s",
			 s3_error_text(&l->error, text, sizeof(text)), advice(l->err, &l->error));
		warn(l, words);
		return 0;
	}
	if (l->err < 0)
		return report(&k, l->err, &l->error);
	if (c->versioning_api == CAP_DENIED && c->versioning != CAP_YES)
		return report(&k, -EACCES, &l->error);
	if (c->versioning_api == CAP_YES && c->versioning != CAP_YES &&
	    !dest_unversioned_ok(l->dest))
		return no_versioning(
			&k, "Destination bucket must have versioning enabled, and it is not;",
			"unversioned_ok = yes in the destinations file");
	warn_about(l);
	return 0;
}

static int start_look(const struct preflight *p, const char *arn, struct look *ret_l, char *why,
		      size_t why_len)
{
	*ret_l = (struct look){ .p = p, .arn = arn };
	int err = dest_get(p->checks, arn, &ret_l->dest, why, why_len);

	if (err < 0)
		return err;
	if (!is_same_bucket(dest_client(ret_l->dest), p->source))
		return 0;
	snprintf(why, why_len,
		 "destination %s is the source bucket itself at %s; name another bucket in the "
		 "rules, or give its url in the destinations file",
		 arn, s3_client_url(p->source));
	return -EINVAL;
}

/* Those that nobody has looked at yet; anew: all. */
static int list_looks(const struct preflight *p, const struct rule_set *rs, struct look *looks,
		      size_t *ret_n, char *why, size_t why_len)
{
	for (size_t i = 0; i < rules_dest_count(rs); i++) {
		const char *arn = rules_dest(rs, i);
		struct s3_caps caps;
		bool in_use = false;
		struct dest *d;
		int err;

		if (!is_wanted(rs, arn))
			continue;
		err = dest_get(p->dests, arn, &d, why, why_len);
		if (err == 0)
			in_use = dest_get_caps(d, &caps);
		if (in_use && !p->anew)
			continue;
		err = err < 0 ? err : start_look(p, arn, &looks[*ret_n], why, why_len);
		if (err < 0)
			return err;
		looks[*ret_n].in_use = in_use;
		(*ret_n)++;
	}
	return 0;
}

/* At once, so that slow ones do not add up. */
static int look_at_all(struct look *looks, size_t n)
{
	struct pool *pool = NULL;
	int err = pool_new("preflight", (unsigned)min_of(n, (size_t)LOOKS_AT_ONCE), (unsigned)n,
			   &pool);

	err = err < 0 ? err : pool_start(pool);
	for (size_t i = 0; err == 0 && i < n; i++)
		err = pool_submit(pool, look_at, &looks[i]);
	pool_free(pool); /* when all have been looked at */
	return err;
}

static int judge_all(const struct preflight *p, const struct look *looks, size_t n, char *why,
		     size_t why_len)
{
	for (size_t i = 0; i < n; i++) {
		struct dest *d;
		int err = judge(&looks[i], why, why_len);

		if (err < 0 && looks[i].in_use) { /* no reason to refuse rules for others */
			warn(&looks[i], why);
			err = 0;
		}
		err = err < 0 ? err : dest_get(p->dests, looks[i].arn, &d, why, why_len);
		if (err < 0)
			return err;
		if (looks[i].err == 0)
			dest_set_caps(d, &looks[i].caps);
	}
	return 0;
}

int preflight_dests(const struct preflight *p, const struct rule_set *rs, char *why, size_t why_len)
{
	auto_free struct look *looks = calloc(rules_dest_count(rs) + 1, sizeof(*looks));
	size_t n = 0;
	int err;

	if (!looks) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	err = list_looks(p, rs, looks, &n, why, why_len);
	if (err == 0 && n > 0) {
		err = look_at_all(looks, n);
		if (err < 0)
			snprintf(why, why_len, "no threads to look at the destinations with");
	}
	return err < 0 ? err : judge_all(p, looks, n, why, why_len);
}
