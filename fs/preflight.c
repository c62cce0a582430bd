#include "fs/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
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
	if (err == -ENOENT)
		return "; create it, or correct the name or the url";
	if (strcasestr(e->message, "certificate"))
		return "; name the certificate authority with cacert=FILE";
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

static int check_versioning(const struct check *k, struct s3_error *e)
{
	enum bucket_versioning v = VERSIONING_OFF;
	int err = bucket_versioning_get(k->client, &v, e);

	if (err < 0)
		return report(k, err, e);
	if (v == VERSIONING_ENABLED)
		return 0;
	snprintf(k->why, k->why_len,
		 "%s '%s' at %s: versioning is %s; enable it: aws s3api put-bucket-versioning "
		 "--bucket %s "
		 "--versioning-configuration Status=Enabled",
		 k->what, s3_client_bucket(k->client), s3_client_url(k->client),
		 v == VERSIONING_SUSPENDED ? "suspended" : "not enabled",
		 s3_client_bucket(k->client));
	return -EINVAL;
}

/* HEAD says nothing about the reason of a 403: GetBucketVersioning, which has a body, is asked
 * first. */
int preflight_source(struct s3_client *c, char *why, size_t why_len)
{
	const struct check k = { c, "bucket", why, why_len };
	struct s3_error e = { 0 };
	int err = check_versioning(&k, &e);

	if (err < 0)
		return err;
	e = (struct s3_error){ 0 };
	err = bucket_head(c, &e);
	return err < 0 ? report(&k, err, &e) : 0;
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

static int check_dest(struct dest_set *ds, const char *arn, struct s3_client *source, char *why,
		      size_t why_len)
{
	struct check k = { NULL, "destination bucket", why, why_len };
	struct s3_error e = { 0 };
	struct dest *d = NULL;
	char shown[700];
	int err = dest_get(ds, arn, &d, why, why_len);

	if (err < 0)
		return err;
	k.client = dest_client(d);
	if (is_same_bucket(k.client, source)) {
		snprintf(why, why_len,
			 "destination %s is the source bucket itself at %s; name another bucket in "
			 "the rules, or give "
			 "its url in the destinations file",
			 arn, s3_client_url(source));
		return -EINVAL;
	}
	err = check_versioning(&k, &e);
	if (err < 0 && err != -EINVAL && err != -ENOMEM && is_unreachable(err, &e)) {
		log_warn("dest=%s result=unreachable why=\"%s\"", arn,
			 printable(why, shown, sizeof(shown)));
		return 0;
	}
	return err;
}

int preflight_dests(struct dest_set *ds, const struct rule_set *rs, struct s3_client *source,
		    char *why, size_t why_len)
{
	for (size_t i = 0; i < rules_dest_count(rs); i++) {
		const char *arn = rules_dest(rs, i);
		int err = is_wanted(rs, arn) ? check_dest(ds, arn, source, why, why_len) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}
