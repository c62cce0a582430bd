/* rules_i.h - what the files of rules/ share. Not for other folders. */
#ifndef RULES_RULES_I_H
#define RULES_RULES_I_H

#include <stdatomic.h>

#include "base/doc.h"

#include "rules/rules.h"

#define RULES_MAX	1000
#define RULES_MAX_BYTES (2 * MIB)
#define RULES_MINUTES	15 /* the only value S3 takes */

enum rule_filter { FILTER_V1, FILTER_ALL, FILTER_PREFIX, FILTER_TAG, FILTER_AND };

/* A rule with what only the writer needs. Strings are borrowed from the set's document;
 * NULL = the element was absent. */
struct rule_full {
	struct rule rule; /* first: a borrowed struct rule leads back to its rule_full */
	size_t index;	  /* from 0, in file order */
	char own_id[48];  /* where rule.id points when it was generated */
	struct kv tags;
	enum rule_filter filter;
	bool prefix_given;
	const char *markers_status;
	const char *kms_status;
	const char *modifications_status;
	const char *time_status;
	const char *metrics_status;
	bool metrics_threshold;
	const struct doc_node *node; /* for messages */
};

struct rules_dest {
	const char *arn;
	struct rule_full *const *rules; /* into by_dest: greatest priority first */
	size_t n;
};

struct rule_set {
	atomic_uint refs;
	struct doc_node *doc; /* holds the strings; does not change once tidied */
	bool stored;	      /* by a server that may not keep all of it */
	bool strict;	      /* what would be a warning is an error */
	const char *role;
	struct rule_full *rules; /* in file order */
	size_t n;
	struct rule_full **by_dest; /* sorted by ARN, then priority downwards */
	struct rules_dest *dests;   /* sorted by ARN */
	size_t n_dests;
	char **warnings;
	size_t n_warnings;
};

/* Fill err (may be NULL) for the place of at (may be NULL) and return -EINVAL. */
int rules_fail(struct rules_error *err, const struct doc_node *at, const char *code,
	       const char *fmt, ...) printf_like(4, 5);
/* MalformedXML in S3's words; the format is the hint. */
int rules_malformed(struct rules_error *err, const struct doc_node *at, const char *fmt, ...)
	printf_like(3, 4);
/* Adds a hint to what rules_fail filled; returns -EINVAL. */
int rules_hint(struct rules_error *err, const char *fmt, ...) printf_like(2, 3);
/* Keeps the first 100. 0 or -ENOMEM. */
int rules_warn(struct rule_set *rs, const struct doc_node *at, const char *fmt, ...)
	printf_like(3, 4) must_check;

/*
 * schema.c: brings rs->doc into the one shape that validate.c reads: known elements only, each once
 * unless it may repeat, XML's names, no nulls, words and numbers without blanks around. Finds the
 * ReplicationConfiguration in it.
 */
int rules_tidy(struct rule_set *rs, bool json, const struct doc_node **ret_conf,
	       struct rules_error *err) must_check;
/* validate.c: fills role and rules from a tidy document, in S3's order of checks. */
int rules_read(struct rule_set *rs, const struct doc_node *conf, struct rules_error *err)
	must_check;
/* destination.c: the Destination of one rule. partition is that of the Role's ARN. */
int rules_read_destination(struct rule_full *r, const struct doc_node *dest, const char *partition,
			   struct rules_error *err) must_check;
/* match.c: fills by_dest and dests. 0 or -ENOMEM. */
int rules_index(struct rule_set *rs) must_check;
/* The criteria, one by one. */
bool rules_prefix_matches(const struct rule *r, const char *key);
const struct kv_item *rules_tag_missing(const struct rule *r,
					const struct kv *tags); /* the first */
bool rules_sse_matches(const struct rule *r, const struct rules_facts *f);

/* arn:partition:service:region:account:resource; spans into the text it was split from. */
enum arn_part { ARN_PARTITION = 1, ARN_SERVICE, ARN_REGION, ARN_ACCOUNT, ARN_RESOURCE, ARN_PARTS };
struct arn {
	const char *at[ARN_PARTS];
	size_t len[ARN_PARTS];
};
bool rules_arn_split(const char *s, struct arn *ret_arn);
bool rules_arn_is(const struct arn *a, enum arn_part part, const char *s);
bool rules_arn_account_ok(const struct arn *a); /* twelve digits */
/* More words for a hint, when it is an ARN that other servers use; else "". */
const char *rules_arn_foreign(const char *s);
/* "Enabled" or "Disabled"; NULL is neither. */
bool rules_status_ok(const char *s);
static inline bool rules_is_enabled(const char *status)
{
	return status && status[0] == 'E';
}

#endif
