/* rules_bucket.c - crrctl rules get, put, delete: the configuration that the source bucket itself
 * keeps (?replication). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ctl/rules.h"
#include "s3/bucket.h"

static int refuse(struct rules_error *e, struct s3_client *c, const char *message, const char *todo)
{
	*e = (struct rules_error){ .code = "InvalidRequest" };
	snprintf(e->message, sizeof(e->message), "%s", message);
	snprintf(e->hint, sizeof(e->hint), "%s at %s%s", s3_client_bucket(c), s3_client_url(c),
		 todo);
	return -EINVAL;
}

int ctl_rules_answered(struct rules_error *e, struct s3_client *c, int err,
		       const struct s3_error *s3)
{
	char words[64];

	*e = (struct rules_error){ .code = "" };
	snprintf(e->code, sizeof(e->code), "%.47s", s3->code);
	snprintf(e->message, sizeof(e->message), "%s",
		 *s3->message ? s3->message : errno_text(err, words, sizeof(words)));
	snprintf(e->hint, sizeof(e->hint), "%s of %s at %s", s3->op, s3_client_bucket(c),
		 s3_client_url(c));
	return err;
}

int ctl_rules_source(struct ctl_client *c, struct rules_error *ret_e)
{
	enum bucket_versioning v = VERSIONING_OFF;
	struct s3_error e = { 0 };
	int r = bucket_versioning_get(c->source, &v, &e);

	if (r)
		return ctl_rules_answered(ret_e, c->source, r, &e);
	if (v != VERSIONING_ENABLED)
		return refuse(ret_e, c->source,
			      "Versioning must be 'Enabled' on the bucket to apply a replication"
			      " configuration",
			      v == VERSIONING_SUSPENDED ? ": suspended" : ": not enabled");
	return 0;
}

static bool same_bucket(struct s3_client *a, struct s3_client *b)
{
	return strcmp(s3_client_bucket(a), s3_client_bucket(b)) == 0 &&
	       strcmp(s3_client_url(a), s3_client_url(b)) == 0;
}

int ctl_rules_find_dest(struct ctl_client *c, const char *arn, struct dest **ret_d,
			struct rules_error *ret_e)
{
	struct dest *d;
	char why[200];
	int r = dest_get(c->dests, arn, &d, why, sizeof(why));

	if (r) {
		*ret_e = (struct rules_error){ .code = "" };
		snprintf(ret_e->message, sizeof(ret_e->message), "%s", why);
		return r;
	}
	if (same_bucket(dest_client(d), c->source))
		return refuse(ret_e, dest_client(d),
			      "Destination bucket cannot be the same as the source bucket.", "");
	*ret_d = d;
	return 0;
}

int ctl_rules_no_dest(struct rules_error *ret_e, struct s3_client *to, int err,
		      const struct s3_error *e)
{
	if (err == -ENOENT || strcmp(e->code, "NoSuchBucket") == 0)
		return refuse(ret_e, to, "Destination bucket must exist.",
			      ": create it, or correct the name or the url");
	return ctl_rules_answered(ret_e, to, err, e);
}

int ctl_rules_unversioned(struct rules_error *ret_e, struct s3_client *to, const char *how)
{
	return refuse(ret_e, to, "Destination bucket must have versioning enabled.", how);
}

int ctl_rules_dest(struct ctl_client *c, const char *arn, struct rules_error *ret_e)
{
	enum bucket_versioning v = VERSIONING_OFF;
	struct s3_error e = { 0 };
	struct dest *d;
	int r = ctl_rules_find_dest(c, arn, &d, ret_e);

	if (r)
		return r;
	r = bucket_versioning_get(dest_client(d), &v, &e);
	if (r)
		return ctl_rules_no_dest(ret_e, dest_client(d), r, &e);
	if (v != VERSIONING_ENABLED)
		return ctl_rules_unversioned(ret_e, dest_client(d),
					     v == VERSIONING_SUSPENDED ? ": suspended"
								       : ": not enabled");
	return 0;
}

/* In S3's order: the source, then the destinations. */
static int check_buckets(struct ctl_client *c, const struct rule_set *rs)
{
	struct rules_error e;
	int r = ctl_rules_source(c, &e);

	if (r) {
		ctl_say_rules(c->bucket, &e);
		return r;
	}
	for (size_t i = 0; i < rules_dest_count(rs); i++) {
		r = ctl_rules_dest(c, rules_dest(rs, i), &e);
		if (r) {
			ctl_say_rules(rules_dest(rs, i), &e);
			return r;
		}
	}
	return 0;
}

static int get_rules(struct ctl_client *c, struct rule_set **ret_rs)
{
	auto_with(buf_free) struct buf xml;
	struct s3_error e = { 0 };
	struct rules_error re;
	int r;

	buf_init(&xml, BUF_LIMIT_DOC);
	r = bucket_replication_get(c->source, &xml, &e);
	if (r == -ENOENT)
		ctl_say("%s: The replication configuration was not found", c->bucket);
	else if (r)
		ctl_say_s3(c->bucket, r, &e);
	else
		r = ctl_rules_parse(c->bucket, buf_str(&xml), xml.len, CTL_STORED, ret_rs, &re);
	return r;
}

int ctl_rules_get(const struct ctl_opts *o, const char *at)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;
	auto_with(buf_free) struct buf text;
	int r = ctl_rules_client(o, at, &c);

	buf_init(&text, BUF_LIMIT_DOC);
	if (r || get_rules(&c, &rs))
		return CTL_FAILED;
	r = o->json ? rules_to_json(rs, true, &text) : rules_to_xml(rs, &text);
	if (r) {
		ctl_say("out of memory");
		return CTL_FAILED;
	}
	puts(buf_str(&text));
	return CTL_OK;
}

static int read_file(const struct ctl_opts *o, const char *file, struct rule_set **ret_rs)
{
	struct rules_error e;
	char shown[CTL_SHOWN];
	int r = ctl_rules_read(file, o->strict ? CTL_STRICT : CTL_GIVEN, ret_rs, &e);

	for (size_t i = 0; !r && i < rules_warning_count(*ret_rs); i++)
		ctl_say("%s: warning: %s", ctl_shown(file, shown), rules_warning(*ret_rs, i));
	return r;
}

/* Some servers keep less than they take. */
static int compare_kept(const char *bucket, const struct rule_set *put, const struct rule_set *kept)
{
	auto_with(buf_free) struct buf a, b;
	char shown[CTL_SHOWN];
	int r = 0;

	buf_init(&a, BUF_LIMIT_DOC);
	buf_init(&b, BUF_LIMIT_DOC);
	for (size_t i = 0; !r && i < rules_count(kept); i++) {
		buf_reset(&a);
		buf_reset(&b);
		r = i < rules_count(put) ? rules_describe(rules_get(put, i), &a) : 0;
		r = r ? r : rules_describe(rules_get(kept, i), &b);
		if (!r && strcmp(buf_str(&a), buf_str(&b)) != 0)
			ctl_say("%s: warning: kept as \"%s\"", bucket,
				ctl_shown(buf_str(&b), shown));
	}
	return r;
}

static int put_rules(struct ctl_client *c, const struct rule_set *rs)
{
	auto_with(ctl_rules_unref) struct rule_set *kept = NULL;
	auto_with(buf_free) struct buf xml, back;
	struct s3_error e = { 0 };
	struct rules_error re;
	int r;

	buf_init(&xml, BUF_LIMIT_DOC);
	buf_init(&back, BUF_LIMIT_DOC);
	r = rules_to_xml(rs, &xml);
	if (!r)
		r = bucket_replication_put(c->source, buf_str(&xml), &e);
	if (r) {
		ctl_say_s3(c->bucket, r, &e);
		return r;
	}
	/* AWS may take a while to show it. */
	if (bucket_replication_get(c->source, &back, &e))
		return 0;
	r = ctl_rules_parse(c->bucket, buf_str(&back), back.len, CTL_STORED, &kept, &re);
	return r ? r : compare_kept(c->bucket, rs, kept);
}

int ctl_rules_put(const struct ctl_opts *o, const char *file, const char *at)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	auto_with(ctl_rules_unref) struct rule_set *rs = NULL;

	if (read_file(o, file, &rs) || ctl_rules_client(o, at, &c) || check_buckets(&c, rs) ||
	    put_rules(&c, rs))
		return CTL_FAILED;
	printf("bucket %s has %zu rule%s now; a mount with rules=bucket takes them at"
	       " 'crrctl rules reload'\n",
	       c.bucket, rules_count(rs), rules_count(rs) == 1 ? "" : "s");
	return CTL_OK;
}

int ctl_rules_delete(const struct ctl_opts *o, const char *at)
{
	auto_with(ctl_client_free) struct ctl_client c = { 0 };
	struct s3_error e = { 0 };
	int r = ctl_rules_client(o, at, &c);

	if (r)
		return CTL_FAILED;
	r = bucket_replication_delete(c.source, &e);
	if (r) {
		ctl_say_s3(c.bucket, r, &e);
		return CTL_FAILED;
	}
	printf("bucket %s has no replication configuration any more\n", c.bucket);
	return CTL_OK;
}
