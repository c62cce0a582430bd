/*
 * lint.c - what a valid set says that people hardly mean: rules that can never act, and beliefs
 * about prefixes and classes that S3 does not share (S3 User Guide, "Replication configuration",
 * "Object tagging", "Restoring an archived object").
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#include "rules/rules_i.h"

#define TAGS_OF_OBJECT 10 /* most that S3 lets an object have */

struct linter {
	const struct rule_set *rs;
	struct rules_remark *remarks;
	size_t n;
	int error;
};

/* remedy is a plain text; the format makes "what". */
static void remark(struct linter *l, const struct rule_full *r, const char *remedy, const char *fmt,
		   ...) printf_like(4, 5);

static void remark(struct linter *l, const struct rule_full *r, const char *remedy, const char *fmt,
		   ...)
{
	struct rules_remark *grown = reallocarray(l->remarks, l->n + 1, sizeof(*grown)), *at;
	va_list ap;

	if (!grown) {
		l->error = -ENOMEM;
		return;
	}
	l->remarks = grown;
	at = &grown[l->n++];
	*at = (struct rules_remark){ .rule_id = r->rule.id, .line = r->node->line };
	va_start(ap, fmt);
	(void)vsnprintf(at->what, sizeof(at->what), fmt, ap);
	va_end(ap);
	(void)snprintf(at->remedy, sizeof(at->remedy), "%s", remedy);
}

static bool same_filter(const struct rule *a, const struct rule *b)
{
	return strcmp(a->prefix, b->prefix) == 0 && kv_equal(a->tags, b->tags);
}

/* Does a select whatever b selects? */
static bool covers(const struct rule *a, const struct rule *b)
{
	return rules_prefix_matches(a, b->prefix) && !rules_tag_missing(a, b->tags) &&
	       (a->sse_kms || !b->sse_kms);
}

static void lint_shadow(struct linter *l, const struct rule_full *r)
{
	char shown[100];

	for (size_t i = 0; r->rule.enabled && i < l->rs->n; i++) {
		const struct rule *o = &l->rs->rules[i].rule;

		if (!o->enabled || o->priority <= r->rule.priority ||
		    strcmp(o->dest_arn, r->rule.dest_arn) != 0 || !covers(o, &r->rule))
			continue;
		(void)printable(o->id, shown, sizeof(shown));
		remark(l, r, "give it the greater priority, or remove it",
		       "never acts: rule '%s' has %s and the greater priority (%d)%s", shown,
		       same_filter(o, &r->rule) ? "the same filter" : "all that it selects",
		       (int)o->priority,
		       r->rule.replicate_delete_markers && !o->replicate_delete_markers
			       ? ", and replicates no delete markers"
			       : "");
		return;
	}
}

static void lint_prefix(struct linter *l, const struct rule_full *r)
{
	const char *p = r->rule.prefix;
	size_t n = strlen(p);

	if (p[0] == '/')
		remark(l, r, "take the slash away, unless the keys really begin with one",
		       "Prefix begins with '/', and keys hardly ever do");
	if (strstr(p, "//"))
		remark(l, r, "write one slash, unless the keys really have two",
		       "Prefix has '//', which no path in a mount has");
	if (strpbrk(p, "*?"))
		remark(l, r, "end the prefix before it",
		       "Prefix has '*' or '?', which mean only themselves");
	if (n && (strchr(" \t\r\n", p[0]) || strchr(" \t\r\n", p[n - 1])))
		remark(l, r, "take the blanks away, unless the keys really have them",
		       "Prefix begins or ends with a blank, and it counts");
}

static void lint_tags(struct linter *l, const struct rule_full *r)
{
	if (r->tags.n > TAGS_OF_OBJECT)
		remark(l, r, "ask for fewer tags",
		       "never acts: it needs %zu tags, and an object has at most %d", r->tags.n,
		       TAGS_OF_OBJECT);
	for (size_t i = 0; i < r->tags.n; i++)
		if (strncmp(r->tags.items[i].name, "aws:", 4) == 0)
			remark(l, r, "use a tag of your own",
			       "tag '%.100s' can only be set by AWS itself", r->tags.items[i].name);
}

static void lint_destination(struct linter *l, const struct rule_full *r)
{
	const char *class = r->rule.storage_class;

	if (r->rule.account && !r->rule.owner_override)
		remark(l, r, "add AccessControlTranslation with Owner Destination, if it should",
		       "Account without AccessControlTranslation: the replica's owner stays as it"
		       " is");
	if (class && (strcmp(class, "GLACIER") == 0 || strcmp(class, "DEEP_ARCHIVE") == 0))
		remark(l, r, "use GLACIER_IR, if replicas must be readable at once",
		       "replicas of class %s can be read only after hours of restoring", class);
	if (r->kms_status && !r->rule.sse_kms)
		remark(l, r, "set SseKmsEncryptedObjects to Enabled, or remove it and the key",
		       "ReplicaKmsKeyID is not used: SseKmsEncryptedObjects is Disabled");
}

static void lint_rule(struct linter *l, const struct rule_full *r)
{
	if (!r->rule.enabled)
		remark(l, r, "set Status to Enabled, or remove it", "never acts: it is disabled");
	lint_shadow(l, r);
	lint_prefix(l, r);
	lint_tags(l, r);
	lint_destination(l, r);
	if (r->rule.replica_modifications)
		remark(l, r, "see to it that the destination has such a rule for the way back",
		       "ReplicaModifications works only when the rules of bucket '%.64s' have it,"
		       " too",
		       r->rule.dest_bucket);
}

int rules_lint(const struct rule_set *rs, struct rules_remark **ret_remarks, size_t *ret_n)
{
	struct linter l = { .rs = rs };

	for (size_t i = 0; i < rs->n; i++)
		lint_rule(&l, &rs->rules[i]);
	if (l.error) {
		free(l.remarks);
		return l.error;
	}
	*ret_remarks = l.remarks;
	*ret_n = l.n;
	return 0;
}
