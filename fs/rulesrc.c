#include "fs/rulesrc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/crash.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "s3/bucket.h"

#define RULES_LIMIT (2 * 1024 * 1024) /* S3 User Guide: a configuration is at most 2 MB */

struct rulesrc {
	char *from;		  /* fixed; NULL = none */
	bool strict;		  /* fixed */
	struct s3_client *source; /* fixed, borrowed */
	rulesrc_check_fn *check;  /* fixed before the first reload; NULL = none */
	void *check_arg;
	struct lock reloading; /* never taken by a thread that serves files */
	struct cond done;
	bool busy; /* the mark, under reloading */
};

int rulesrc_new(const char *from, bool strict, struct s3_client *source, struct rulesrc **ret_r)
{
	struct rulesrc *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (str_dup(from, &r->from) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->strict = strict;
	r->source = source;
	lock_init(&r->reloading);
	cond_init(&r->done);
	*ret_r = r;
	return 0;
}

void rulesrc_free(struct rulesrc *r)
{
	if (!r)
		return;
	cond_free(&r->done);
	lock_free(&r->reloading);
	free(r->from);
	free(r);
}

void rulesrc_set_check(struct rulesrc *r, rulesrc_check_fn *fn, void *arg)
{
	r->check = fn;
	r->check_arg = arg;
}

bool rulesrc_is_none(const struct rulesrc *r)
{
	return !r->from;
}

static bool is_bucket(const struct rulesrc *r)
{
	return r->from && strcmp(r->from, "bucket") == 0;
}

const char *rulesrc_name(const struct rulesrc *r)
{
	return r->from ? r->from : "none";
}

static int read_file(const char *path, struct buf *text, char *why, size_t why_len)
{
	int err = io_read_file(path, RULES_LIMIT, text);
	char words[64];

	if (err < 0)
		snprintf(why, why_len, "rules %s: %s", path,
			 err == -E2BIG ? "larger than 2 MB"
				       : errno_text(err, words, sizeof(words)));
	return err;
}

static int read_bucket(const struct rulesrc *r, struct buf *text, char *why, size_t why_len)
{
	const char *bucket = s3_client_bucket(r->source);
	struct s3_error e = { 0 };
	int err = bucket_replication_get(r->source, text, &e);
	char words[400];

	if (err == -ENOENT)
		snprintf(why, why_len,
			 "rules=bucket: bucket '%s' has no replication configuration; set one (aws "
			 "s3api "
			 "put-bucket-replication) or give rules=FILE",
			 bucket);
	else if (err < 0)
		snprintf(why, why_len, "rules=bucket: bucket '%s': %s", bucket,
			 s3_error_text(&e, words, sizeof(words)));
	return err;
}

static int parse(const struct rulesrc *r, const char *name, const char *text, size_t len,
		 struct rule_set **ret_rs, char *why, size_t why_len)
{
	struct rules_error e = { .code = "" };
	int err;

	if (is_bucket(r))
		err = rules_parse_stored(text, len, ret_rs, &e);
	else if (r->strict)
		err = rules_parse_strict(text, len, ret_rs, &e);
	else
		err = rules_parse(text, len, ret_rs, &e);

	if (err == -EINVAL)
		snprintf(why, why_len, "%s:%d:%d: %s: %s%s%s%s", name, e.line, e.col, e.code,
			 e.message, *e.hint ? " (" : "", e.hint, *e.hint ? ")" : "");
	else if (err < 0)
		snprintf(why, why_len, "rules %s: out of memory", name);
	return err;
}

int rulesrc_load(struct rulesrc *r, struct rule_set **ret_rs, char *why, size_t why_len)
{
	auto_with(buf_free) struct buf text;
	struct rule_set *rs = NULL;
	char shown[300];
	int err;

	buf_init(&text, RULES_LIMIT);
	if (!r->from)
		return rules_none(ret_rs);
	err = is_bucket(r) ? read_bucket(r, &text, why, why_len)
			   : read_file(r->from, &text, why, why_len);
	if (err == 0)
		err = parse(r, is_bucket(r) ? "rules of the bucket" : r->from, buf_str(&text),
			    text.len, &rs, why, why_len);
	if (err < 0)
		return err;
	for (size_t i = 0; i < rules_warning_count(rs); i++)
		log_warn("rules=%s warning=\"%s\"", rulesrc_name(r),
			 printable(rules_warning(rs, i), shown, sizeof(shown)));
	*ret_rs = rs;
	return 0;
}

int rulesrc_publish(struct rulesrc *r, struct rule_set *rs, struct store *s)
{
	auto_with(buf_free) struct buf xml;
	int err;

	buf_init(&xml, BUF_LIMIT_DOC);
	err = rules_to_xml(rs, &xml);
	if (err == 0)
		err = store_put_info(s, "rules", buf_str(&xml));
	return err < 0 ? err : store_put_info(s, "rules_source", rulesrc_name(r));
}

static int put_into_force(struct rulesrc *r, struct rule_set *rs, struct repl *repl,
			  struct dest_set *dests, struct store *s, char *why, size_t why_len)
{
	int err;

	for (size_t i = 0; i < rules_dest_count(rs); i++) {
		struct dest *d;

		err = dest_get(dests, rules_dest(rs, i), &d, why, why_len);
		if (err < 0)
			return err;
	}
	crash_point("rules.loaded");
	err = rulesrc_publish(r, rs, s);
	if (err < 0) {
		snprintf(why, why_len, "the rules could not be written to the state directory");
		return err;
	}
	crash_point("rules.published");
	repl_set_rules(repl, rs);
	crash_point("rules.in_force");
	return 0;
}

static int reload(struct rulesrc *r, struct repl *repl, struct dest_set *dests, struct store *s,
		  char *why, size_t why_len)
{
	struct rule_set *rs = NULL;
	char shown[900];
	int err = rulesrc_load(r, &rs, why, why_len);

	if (err == 0 && r->check)
		err = r->check(r->check_arg, rs, why, why_len);
	if (err == 0)
		err = put_into_force(r, rs, repl, dests, s, why, why_len);
	if (err < 0)
		log_error("rules=%s reload=refused kept=old why=\"%s\"", rulesrc_name(r),
			  printable(why, shown, sizeof(shown)));
	else
		log_info("rules=%s reload=ok count=%zu", rulesrc_name(r), rules_count(rs));
	rules_unref(rs);
	return err;
}

int rulesrc_reload(struct rulesrc *r, struct repl *repl, struct dest_set *dests, struct store *s,
		   char *why, size_t why_len)
{
	int err;

	lock_take(&r->reloading);
	while (r->busy)
		cond_wait(&r->done, &r->reloading);
	r->busy = true;
	lock_drop(&r->reloading);
	snprintf(why, why_len, "out of memory");
	err = reload(r, repl, dests, s, why, why_len);
	lock_take(&r->reloading);
	r->busy = false;
	cond_signal(&r->done);
	lock_drop(&r->reloading);
	return err;
}
