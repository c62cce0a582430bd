/*
 * write.c - a rule_set as GetBucketReplication would give it: what was put, generated IDs, elements
 * in the order of the API's model. One walk for both forms: where JSON has an array, XML repeats
 * the element.
 */
#include "base/json.h"
#include "base/xml.h"

#include "rules/rules_i.h"

struct writer {
	struct buf *b;	   /* borrowed */
	bool json;	   /* else XML */
	struct json_out j; /* writes into b */
};

/* The root of JSON has no name. */
static void group_open(struct writer *w, const char *name)
{
	if (w->json)
		json_open(&w->j, name, '{');
	else if (name)
		buf_addf(w->b, "<%s>", name);
}

static void group_close(struct writer *w, const char *name)
{
	if (w->json)
		json_close(&w->j, '}');
	else if (name)
		buf_addf(w->b, "</%s>", name);
}

/* An element that repeats: XML names each item, JSON the whole. */
static void list_open(struct writer *w, const char *name)
{
	if (w->json)
		json_open(&w->j, name, '[');
}

static void list_close(struct writer *w)
{
	if (w->json)
		json_close(&w->j, ']');
}

static void item_open(struct writer *w, const char *name)
{
	group_open(w, w->json ? NULL : name);
}

/* Nothing when text is NULL. */
static void word(struct writer *w, const char *name, const char *text)
{
	if (!text)
		return;
	if (w->json)
		json_str(&w->j, name, text);
	else
		xml_elem(w->b, name, text);
}

static void number(struct writer *w, const char *name, int32_t n)
{
	if (w->json)
		json_i64(&w->j, name, n);
	else
		buf_addf(w->b, "<%s>%d</%s>", name, (int)n, name);
}

/* name with inner in it, or nothing when text is NULL */
static void wrap(struct writer *w, const char *name, const char *inner, const char *text)
{
	if (!text)
		return;
	group_open(w, name);
	word(w, inner, text);
	group_close(w, name);
}

static void minutes(struct writer *w, const char *name)
{
	group_open(w, name);
	number(w, "Minutes", RULES_MINUTES);
	group_close(w, name);
}

static void write_tag(struct writer *w, const struct kv_item *tag)
{
	word(w, "Key", tag->name);
	word(w, "Value", tag->value);
}

static void write_and(struct writer *w, const struct rule_full *r, const char *prefix)
{
	group_open(w, "And");
	word(w, "Prefix", prefix);
	list_open(w, "Tags");
	for (size_t i = 0; i < r->tags.n; i++) {
		item_open(w, "Tag");
		write_tag(w, &r->tags.items[i]);
		group_close(w, "Tag");
	}
	list_close(w);
	group_close(w, "And");
}

static void write_filter(struct writer *w, const struct rule_full *r)
{
	const char *prefix = r->prefix_given ? r->rule.prefix : NULL;

	if (r->filter == FILTER_V1) {
		word(w, "Prefix", prefix);
		return;
	}
	group_open(w, "Filter");
	if (r->filter == FILTER_AND) {
		write_and(w, r, prefix);
	} else if (r->filter == FILTER_TAG) {
		group_open(w, "Tag");
		write_tag(w, &r->tags.items[0]);
		group_close(w, "Tag");
	} else {
		word(w, "Prefix", prefix);
	}
	group_close(w, "Filter");
}

static void write_criteria(struct writer *w, const struct rule_full *r)
{
	if (!r->kms_status && !r->modifications_status)
		return;
	group_open(w, "SourceSelectionCriteria");
	wrap(w, "SseKmsEncryptedObjects", "Status", r->kms_status);
	wrap(w, "ReplicaModifications", "Status", r->modifications_status);
	group_close(w, "SourceSelectionCriteria");
}

static void write_destination(struct writer *w, const struct rule_full *r)
{
	group_open(w, "Destination");
	word(w, "Bucket", r->rule.dest_arn);
	word(w, "Account", r->rule.account);
	word(w, "StorageClass", r->rule.storage_class);
	wrap(w, "AccessControlTranslation", "Owner", r->rule.owner_override ? "Destination" : NULL);
	wrap(w, "EncryptionConfiguration", "ReplicaKmsKeyID", r->rule.kms_key_id);
	if (r->time_status) {
		group_open(w, "ReplicationTime");
		word(w, "Status", r->time_status);
		minutes(w, "Time");
		group_close(w, "ReplicationTime");
	}
	if (r->metrics_status) {
		group_open(w, "Metrics");
		word(w, "Status", r->metrics_status);
		if (r->metrics_threshold)
			minutes(w, "EventThreshold");
		group_close(w, "Metrics");
	}
	group_close(w, "Destination");
}

static void write_rule(struct writer *w, const struct rule_full *r)
{
	item_open(w, "Rule");
	word(w, "ID", r->rule.id);
	if (r->rule.v2)
		number(w, "Priority", r->rule.priority);
	write_filter(w, r);
	word(w, "Status", r->rule.enabled ? "Enabled" : "Disabled");
	write_criteria(w, r);
	write_destination(w, r);
	wrap(w, "DeleteMarkerReplication", "Status", r->markers_status);
	group_close(w, "Rule");
}

static void write_members(struct writer *w, const struct rule_set *rs)
{
	word(w, "Role", rs->role);
	list_open(w, "Rules");
	for (size_t i = 0; i < rs->n; i++)
		write_rule(w, &rs->rules[i]);
	list_close(w);
}

int rules_to_xml(const struct rule_set *rs, struct buf *out)
{
	struct writer w = { .b = out };

	if (rs->n == 0)
		return out->error;
	buf_adds(out,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	write_members(&w, rs);
	group_close(&w, "ReplicationConfiguration");
	return out->error;
}

int rules_to_json(const struct rule_set *rs, bool wrapped, struct buf *out)
{
	struct writer w = { .b = out, .json = true };

	if (rs->n == 0)
		return out->error;
	json_start(&w.j, out, true);
	group_open(&w, NULL);
	if (wrapped)
		group_open(&w, "ReplicationConfiguration");
	write_members(&w, rs);
	if (wrapped)
		group_close(&w, "ReplicationConfiguration");
	group_close(&w, NULL);
	return out->error;
}
