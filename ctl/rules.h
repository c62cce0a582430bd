/* rules.h - what the files of "crrctl rules" share. */
#ifndef CTL_RULES_H
#define CTL_RULES_H

#include "base/json.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "rules/rules.h"

enum ctl_form { CTL_GIVEN, CTL_STRICT, CTL_STORED }; /* rules_parse, _strict, _stored */

/* What is wrong, where, in one line on stderr: "FILE:LINE:COL: CODE: message (hint)". */
void ctl_say_rules(const char *name, const struct rules_error *e);
/* All say on stderr what is wrong. */
int ctl_rules_parse(const char *name, const char *text, size_t n, enum ctl_form form,
		    struct rule_set **ret_rs, struct rules_error *ret_e) must_check;
int ctl_rules_read(const char *file, enum ctl_form form, struct rule_set **ret_rs,
		   struct rules_error *ret_e) must_check;
/* The rules in force of a mount; with rules=none a set without rules. */
int ctl_rules_in_force(struct store *s, struct rule_set **ret_rs) must_check;
/* 0: arn is NULL, a destination of the rules in force, or of rows in the queue. */
int ctl_rules_know_dest(struct store *s, const char *arn) must_check;
/* "s3://BUCKET", a path, or NULL (the only mount): the clients for it. */
int ctl_rules_client(const struct ctl_opts *o, const char *at, struct ctl_client *ret_c) must_check;

/*
 * rules_bucket.c: the checks of PutBucketReplication that ask the buckets, with S3's codes and
 * words. 0; -EINVAL when S3 would refuse; else the server's own answer. ret_e is filled whenever it
 * is not 0.
 */
int ctl_rules_source(struct ctl_client *c, struct rules_error *ret_e) must_check;
/* The server's own answer, or why there was none; returns err. */
int ctl_rules_answered(struct rules_error *ret_e, struct s3_client *c, int err,
		       const struct s3_error *s3);
int ctl_rules_dest(struct ctl_client *c, const char *arn, struct rules_error *ret_e) must_check;
/* The pieces of it: the client of an ARN, which is not the source itself; what a question that was
 * refused means; that versions are not kept (how: a tail for the hint). The last two return an
 * error. */
int ctl_rules_find_dest(struct ctl_client *c, const char *arn, struct dest **ret_d,
			struct rules_error *ret_e) must_check;
int ctl_rules_no_dest(struct rules_error *ret_e, struct s3_client *to, int err,
		      const struct s3_error *e);
int ctl_rules_unversioned(struct rules_error *ret_e, struct s3_client *to, const char *how);

/* rules_probe.c: tries every destination, and prints what it can do. j NULL: for people. -EINVAL
 * when replication cannot work, which has been said. */
int ctl_rules_probe(const struct ctl_opts *o, const char *at, const struct rule_set *rs,
		    struct json_out *j) must_check;

int ctl_rules_check(const struct ctl_opts *o, const char *file, const char *at);
int ctl_rules_get(const struct ctl_opts *o, const char *at);
int ctl_rules_put(const struct ctl_opts *o, const char *file, const char *at);
int ctl_rules_delete(const struct ctl_opts *o, const char *at);
int ctl_rules_explain(const struct ctl_opts *o, const char *path);

static inline void ctl_rules_unref(struct rule_set **rs)
{
	rules_unref(*rs);
}

#endif
