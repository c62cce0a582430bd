/*
 * validate.c - from a tidy document to rules, with S3's checks in S3's order.
 *
 * Order and words: S3 API Reference (PutBucketReplication, "Error responses"), errors that S3's
 * clients have reported in public, and servers that copy its answers; reference/replication.md
 * section 1.5 says which is which. Whatever needs the network (the source's versioning, whether
 * destinations exist, who the caller is) is asked elsewhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#include "rules/rules_i.h"

#define ID_MAX	      255
#define PREFIX_MAX    1024
#define TAG_KEY_MAX   128
#define TAG_VALUE_MAX 256

#define SCHEMA_VERSION_TAIL                                                                        \
	" for this version of Cross Region Replication configuration schema."                      \
	" Please refer to S3 Developer Guide for more information."

struct reader {
	struct rule_set *rs;
	struct rules_error *err;
	const struct doc_node *v1_because; /* the first rule without Filter makes it all V1 */
	char partition[32];
};

bool rules_status_ok(const char *s)
{
	return s && (strcmp(s, "Enabled") == 0 || strcmp(s, "Disabled") == 0);
}

static int read_role(struct reader *rd, const struct doc_node *conf)
{
	static const char code[] = "InvalidArgument";
	const struct doc_node *n = doc_child(conf, "Role");
	bool kept = n && n->text[0];
	struct arn a;

	if (!n && !rd->rs->stored)
		return rules_malformed(rd->err, conf, "no Role");
	if (!doc_child(conf, "Rule"))
		return rules_malformed(rd->err, conf, "no Rule");
	if (!kept && rd->rs->stored) {
		memcpy(rd->partition, "aws", sizeof("aws"));
		return 0;
	}
	if (!rules_arn_split(n->text, &a) || strncmp(a.at[ARN_PARTITION], "aws", 3) != 0 ||
	    a.len[ARN_PARTITION] >= sizeof(rd->partition) ||
	    !rules_arn_is(&a, ARN_SERVICE, "iam") || a.len[ARN_REGION] > 0 ||
	    !rules_arn_account_ok(&a) || a.len[ARN_RESOURCE] == 0) {
		rules_fail(rd->err, n, code, "Invalid Role specified in replication configuration");
		return rules_hint(rd->err, "a role is arn:aws:iam::<12 digits>:role/<name>%s",
				  rules_arn_foreign(n->text));
	}
	if (strncmp(a.at[ARN_RESOURCE], "role/", 5) != 0 || a.len[ARN_RESOURCE] == 5)
		return rules_fail(rd->err, n, code, "The relative id should start with role");
	memcpy(rd->partition, a.at[ARN_PARTITION], a.len[ARN_PARTITION]);
	rd->partition[a.len[ARN_PARTITION]] = '\0';
	rd->rs->role = n->text;
	return 0;
}

static int read_basics(struct reader *rd, struct rule_full *r)
{
	const struct doc_node *status = doc_child(r->node, "Status");
	const struct doc_node *dest = doc_child(r->node, "Destination");
	const struct doc_node *existing = doc_child(r->node, "ExistingObjectReplication");

	if (!status)
		return rules_malformed(rd->err, r->node, "Rule has no Status");
	if (!rules_status_ok(status->text))
		return rules_malformed(rd->err, status, "Status must be Enabled or Disabled");
	if (!dest)
		return rules_malformed(rd->err, r->node, "Rule has no Destination");
	if (!doc_child(dest, "Bucket"))
		return rules_malformed(rd->err, dest, "Destination has no Bucket");
	if (existing)
		return rules_malformed(rd->err, existing,
				       "S3 refuses ExistingObjectReplication; use a batch job");
	r->rule.enabled = rules_is_enabled(status->text);
	return 0;
}

static int read_prefix(struct reader *rd, struct rule_full *r, const struct doc_node *n)
{
	if (!n)
		return 0;
	if (strlen(n->text) > PREFIX_MAX)
		return rules_fail(
			rd->err, n, "InvalidArgument",
			"Rule prefix cannot be longer than maximum allowed key length of %d",
			PREFIX_MAX);
	r->rule.prefix = n->text;
	r->prefix_given = true;
	return 0;
}

/* Letters beyond ASCII are taken; of ASCII, what the S3 User Guide lists ("object tagging"). */
static bool tag_text_ok(const char *s, size_t most)
{
	if (utf8_length(s) > most)
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (c < 0x80 && !alnum && !strchr(" \t\r\n+-=._:/@", c))
			return false;
	}
	return true;
}

static int read_tags(struct reader *rd, struct rule_full *r, const struct doc_node *first)
{
	for (const struct doc_node *t = first; t; t = doc_next_same(t)) {
		const struct doc_node *key = doc_child(t, "Key"), *value = doc_child(t, "Value");

		if (!key || !value)
			return rules_malformed(rd->err, t, "Tag has no %s", key ? "Value" : "Key");
		if (kv_get(&r->tags, key->text))
			return rules_fail(rd->err, key, "InvalidRequest",
					  "Duplicate Tag Keys are not allowed.");
		if (kv_set(&r->tags, key->text, value->text) < 0)
			return -ENOMEM;
	}
	for (const struct doc_node *t = first; t; t = doc_next_same(t)) {
		const struct doc_node *key = doc_child(t, "Key"), *value = doc_child(t, "Value");

		if (!key->text[0] || !tag_text_ok(key->text, TAG_KEY_MAX))
			return rules_fail(rd->err, key, "InvalidTag",
					  "The TagKey you have provided is invalid");
		if (!tag_text_ok(value->text, TAG_VALUE_MAX))
			return rules_fail(rd->err, value, "InvalidTag",
					  "The TagValue you have provided is invalid");
	}
	return 0;
}

static int read_filter_members(struct reader *rd, struct rule_full *r, const struct doc_node *f)
{
	const struct doc_node *prefix = doc_child(f, "Prefix"), *tag = doc_child(f, "Tag");
	const struct doc_node *and = doc_child(f, "And");
	int e;

	if (!f->first) {
		r->filter = FILTER_ALL;
		return 0;
	}
	if (and) {
		r->filter = FILTER_AND;
		if (doc_count(and, "Prefix") + doc_count(and, "Tag") < 2)
			return rules_malformed(rd->err, and, "And needs two conditions or more");
		if (prefix || tag)
			return rules_malformed(
				rd->err, f,
				"Filter holds one of Prefix, Tag and And; put all into And");
		prefix = doc_child(and, "Prefix");
		tag = doc_child(and, "Tag");
	} else {
		r->filter = prefix ? FILTER_PREFIX : FILTER_TAG;
		if (prefix && tag)
			return rules_malformed(
				rd->err, f,
				"Filter holds one of Prefix, Tag and And; put both into And");
	}
	e = read_prefix(rd, r, prefix);
	return e < 0 ? e : read_tags(rd, r, tag);
}

/* Ceph drops a filter that selects everything, and gives a rule of version 2 its Priority back. It
 * also drops the Prefix of version 1, whose Priority is 0 then: that rule must not become "all". */
static bool dropped_filter(const struct rule_set *rs, const struct doc_node *rule)
{
	const char *priority = doc_text(rule, "Priority");
	int64_t v;

	return rs->stored && !doc_child(rule, "Filter") && !doc_child(rule, "Prefix") && priority &&
	       parse_i64(priority, &v) == 0 && v > 0;
}

static int read_filter(struct reader *rd, struct rule_full *r)
{
	const struct doc_node *filter = doc_child(r->node, "Filter");
	const struct doc_node *prefix = doc_child(r->node, "Prefix");

	r->rule.prefix = "";
	if (dropped_filter(rd->rs, r->node)) {
		r->filter = FILTER_ALL;
		return rules_warn(rd->rs, r->node, "the bucket does not say Filter: all objects");
	}
	if (!filter && !prefix)
		return rules_malformed(rd->err, r->node, "Rule has neither Filter nor Prefix");
	if (filter && prefix)
		return rules_malformed(rd->err, prefix,
				       "Rule has both Filter and Prefix; Prefix belongs in Filter");
	if (filter)
		return read_filter_members(rd, r, filter);
	r->filter = FILTER_V1;
	return read_prefix(rd, r, prefix);
}

static int not_in_v1(struct reader *rd, const struct doc_node *n)
{
	rules_fail(rd->err, n, "InvalidRequest", "%s cannot be used" SCHEMA_VERSION_TAIL, n->name);
	return rules_hint(rd->err,
			  "the rule at line %d has no Filter, which makes it all version 1",
			  rd->v1_because->line);
}

/* S3 User Guide, "Replication configuration", "Backward compatibility": what came with V2. */
static int check_v1_members(struct reader *rd, const struct rule_full *r)
{
	static const struct {
		const char *parent, *name;
	} later[] = {
		{ "SourceSelectionCriteria", "ReplicaModifications" },
		{ "Destination", "ReplicationTime" },
		{ "Destination", "Metrics" },
	};

	for (size_t i = 0; i < array_size(later); i++) {
		const struct doc_node *in = doc_child(r->node, later[i].parent);
		const struct doc_node *n = in ? doc_child(in, later[i].name) : NULL;

		if (n)
			return not_in_v1(rd, n);
	}
	return 0;
}

/* The whole configuration is V1 as soon as one rule has no Filter. */
static int check_version(struct reader *rd, struct rule_full *r)
{
	static const char *const names[] = { "Priority", "DeleteMarkerReplication" };
	const struct doc_node *because = rd->v1_because;

	for (size_t i = 0; i < array_size(names); i++) {
		const struct doc_node *n = doc_child(r->node, names[i]);

		if (because && n)
			return not_in_v1(rd, n);
		if (!because && !n && i == 1 && rd->rs->stored)
			return rules_warn(
				rd->rs, r->node,
				"the bucket does not say %s: no delete markers are replicated",
				names[i]);
		if (!because && !n)
			return rules_fail(rd->err, r->node, "InvalidRequest",
					  "%s must be specified" SCHEMA_VERSION_TAIL, names[i]);
	}
	if (because && r->filter != FILTER_V1)
		return rules_malformed(
			rd->err, doc_child(r->node, "Filter"),
			"the rule at line %d has no Filter; the two kinds cannot be mixed",
			because->line);
	return because ? check_v1_members(rd, r) : 0;
}

static int read_id(struct reader *rd, struct rule_full *r)
{
	static const char code[] = "InvalidArgument";
	const struct doc_node *n = doc_child(r->node, "ID");

	if (!n || !n->text[0])
		return 0;
	if (strlen(n->text) > ID_MAX)
		return rules_fail(rd->err, n, code, "Rule Id cannot be greater than %d", ID_MAX);
	for (const char *p = n->text; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return rules_fail(rd->err, n, code,
					  "Rule ID must not contain non-ASCII characters.");
	for (const struct rule_full *o = rd->rs->rules; o < r; o++) {
		if (o->rule.id && strcmp(o->rule.id, n->text) == 0) {
			rules_fail(rd->err, n, code, "Rule Id must be unique");
			return rules_hint(rd->err, "the rule at line %d has it already",
					  o->node->line);
		}
	}
	r->rule.id = n->text;
	return 0;
}

static int read_priority(struct reader *rd, struct rule_full *r)
{
	static const char code[] = "InvalidRequest";
	const struct doc_node *n = doc_child(r->node, "Priority");
	int64_t v;

	if (!n)
		return 0;
	if (parse_i64(n->text, &v) < 0 || v < 0 || v > INT32_MAX)
		return rules_fail(rd->err, n, code, "Priority must be between 0 and 2147483647.");
	for (const struct rule_full *o = rd->rs->rules; o < r; o++) {
		if (o->rule.priority == v) {
			rules_fail(rd->err, n, code, "Found duplicate priority %d.", (int)v);
			return rules_hint(rd->err, "the rule at line %d has it already",
					  o->node->line);
		}
	}
	r->rule.priority = (int32_t)v;
	return 0;
}

static int read_markers(struct reader *rd, struct rule_full *r)
{
	const struct doc_node *n = doc_child(r->node, "DeleteMarkerReplication");

	r->rule.replicate_delete_markers = !r->rule.v2;
	if (!n)
		return 0;
	r->markers_status = doc_text(n, "Status");
	if (!rules_status_ok(r->markers_status))
		return rules_malformed(rd->err, n,
				       "DeleteMarkerReplication needs Status, Enabled or Disabled");
	r->rule.replicate_delete_markers = rules_is_enabled(r->markers_status);
	if (r->rule.replicate_delete_markers && r->tags.n > 0)
		return rules_fail(
			rd->err, n, "InvalidRequest",
			"Delete marker replication is not supported if any Tag filter is specified."
			" Please refer to S3 Developer Guide for more information.");
	return 0;
}

static int read_criterion(struct reader *rd, const struct doc_node *criteria, const char *name,
			  const char **ret_status)
{
	const struct doc_node *n = doc_child(criteria, name);

	if (!n)
		return 0;
	if (!rules_status_ok(doc_text(n, "Status")))
		return rules_malformed(rd->err, n, "%s needs Status, Enabled or Disabled", name);
	*ret_status = doc_text(n, "Status");
	return 0;
}

static int read_criteria(struct reader *rd, struct rule_full *r)
{
	const struct doc_node *n = doc_child(r->node, "SourceSelectionCriteria");
	int e;

	if (!n)
		return 0;
	if (!n->first)
		return rules_fail(rd->err, n, "InvalidRequest",
				  "SourceSelectionCriteria cannot be empty.");
	e = read_criterion(rd, n, "SseKmsEncryptedObjects", &r->kms_status);
	if (e < 0)
		return e;
	e = read_criterion(rd, n, "ReplicaModifications", &r->modifications_status);
	if (e < 0)
		return e;
	r->rule.sse_kms = rules_is_enabled(r->kms_status);
	r->rule.replica_modifications = rules_is_enabled(r->modifications_status);
	return 0;
}

static int read_rule(struct reader *rd, struct rule_full *r)
{
	static int (*const steps[])(struct reader *, struct rule_full *) = {
		read_basics,   read_filter,  check_version, read_id,
		read_priority, read_markers, read_criteria,
	};

	r->rule.tags = &r->tags;
	r->rule.v2 = !rd->v1_because;
	for (size_t i = 0; i < array_size(steps); i++) {
		int e = steps[i](rd, r);

		if (e < 0)
			return e;
	}
	return rules_read_destination(r, doc_child(r->node, "Destination"), rd->partition, rd->err);
}

/* V1 has no priorities, so one destination and no two rules for one key. */
static int check_v1(struct reader *rd)
{
	const struct rule_full *rules = rd->rs->rules;
	size_t n = rd->rs->n;

	for (size_t i = 1; i < n; i++) {
		if (strcmp(rules[i].rule.dest_arn, rules[0].rule.dest_arn) != 0)
			return rules_fail(
				rd->err,
				doc_child(doc_child(rules[i].node, "Destination"), "Bucket"),
				"InvalidRequest",
				"Number of distinct destination bucket ARNs cannot exceed 1");
	}
	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			const char *a = rules[j].rule.prefix, *b = rules[i].rule.prefix;

			if (strncmp(a, b, min_of(strlen(a), strlen(b))) == 0)
				return rules_fail(rd->err, doc_child(rules[i].node, "Prefix"),
						  "InvalidRequest",
						  "Found overlapping prefixes '%s' and '%s'", a, b);
		}
	}
	return 0;
}

static bool id_taken(const struct rule_set *rs, const char *id)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->rules[i].rule.id && strcmp(rs->rules[i].rule.id, id) == 0)
			return true;
	return false;
}

/* From the place in the file, so that reading it again gives the same. */
static void generate_ids(struct rule_set *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		struct rule_full *r = &rs->rules[i];

		if (r->rule.id)
			continue;
		(void)snprintf(r->own_id, sizeof(r->own_id), "rule-%zu", i + 1);
		for (unsigned k = 2; id_taken(rs, r->own_id); k++)
			(void)snprintf(r->own_id, sizeof(r->own_id), "rule-%zu.%u", i + 1, k);
		r->rule.id = r->own_id;
	}
}

int rules_read(struct rule_set *rs, const struct doc_node *conf, struct rules_error *err)
{
	struct reader rd = { .rs = rs, .err = err };
	const struct doc_node *first = doc_child(conf, "Rule");
	size_t n = doc_count(conf, "Rule");
	int e;

	e = read_role(&rd, conf);
	if (e < 0)
		return e;
	if (n > RULES_MAX)
		return rules_fail(err, conf, "InvalidRequest",
				  "Number of defined replication rules cannot exceed %d",
				  RULES_MAX);
	for (const struct doc_node *c = first; c && !rd.v1_because; c = doc_next_same(c))
		if (!doc_child(c, "Filter") && !dropped_filter(rs, c))
			rd.v1_because = c;
	rs->rules = calloc(n, sizeof(*rs->rules));
	if (!rs->rules)
		return -ENOMEM;
	for (const struct doc_node *c = first; c; c = doc_next_same(c)) {
		struct rule_full *r = &rs->rules[rs->n];

		r->node = c;
		r->index = rs->n++;
		e = read_rule(&rd, r);
		if (e < 0)
			return e;
	}
	if (rd.v1_because) {
		e = check_v1(&rd);
		if (e < 0)
			return e;
	}
	generate_ids(rs);
	return 0;
}
