/* write.c - a rule_set as GetBucketReplication would give it: what was put, generated IDs, elements
 * in the order of the API's model. */
#include "base/xml.h"

#include "rules/rules_i.h"

static void open_elem(struct buf *b, const char *name)
{
	buf_addf(b, "<%s>", name);
}

static void close_elem(struct buf *b, const char *name)
{
	buf_addf(b, "</%s>", name);
}

/* <name><inner>text</inner></name>, or nothing when text is NULL */
static void wrap(struct buf *b, const char *name, const char *inner, const char *text)
{
	if (!text)
		return;
	open_elem(b, name);
	xml_elem(b, inner, text);
	close_elem(b, name);
}

static void write_tag(struct buf *b, const struct kv_item *tag)
{
	open_elem(b, "Tag");
	xml_elem(b, "Key", tag->name);
	xml_elem(b, "Value", tag->value);
	close_elem(b, "Tag");
}

static void write_filter(struct buf *b, const struct rule_full *r)
{
	const char *prefix = r->prefix_given ? r->rule.prefix : NULL;

	if (r->filter == FILTER_V1) {
		xml_elem(b, "Prefix", prefix);
		return;
	}
	open_elem(b, "Filter");
	if (r->filter == FILTER_AND)
		open_elem(b, "And");
	xml_elem(b, "Prefix", prefix);
	for (size_t i = 0; i < r->tags.n; i++)
		write_tag(b, &r->tags.items[i]);
	if (r->filter == FILTER_AND)
		close_elem(b, "And");
	close_elem(b, "Filter");
}

static void write_criteria(struct buf *b, const struct rule_full *r)
{
	if (!r->kms_status && !r->modifications_status)
		return;
	open_elem(b, "SourceSelectionCriteria");
	wrap(b, "SseKmsEncryptedObjects", "Status", r->kms_status);
	wrap(b, "ReplicaModifications", "Status", r->modifications_status);
	close_elem(b, "SourceSelectionCriteria");
}

static void write_destination(struct buf *b, const struct rule_full *r)
{
	open_elem(b, "Destination");
	xml_elem(b, "Bucket", r->rule.dest_arn);
	xml_elem(b, "Account", r->rule.account);
	xml_elem(b, "StorageClass", r->rule.storage_class);
	wrap(b, "AccessControlTranslation", "Owner", r->rule.owner_override ? "Destination" : NULL);
	wrap(b, "EncryptionConfiguration", "ReplicaKmsKeyID", r->rule.kms_key_id);
	if (r->time_status) {
		open_elem(b, "ReplicationTime");
		xml_elem(b, "Status", r->time_status);
		wrap(b, "Time", "Minutes", "15");
		close_elem(b, "ReplicationTime");
	}
	if (r->metrics_status) {
		open_elem(b, "Metrics");
		xml_elem(b, "Status", r->metrics_status);
		wrap(b, "EventThreshold", "Minutes", r->metrics_threshold ? "15" : NULL);
		close_elem(b, "Metrics");
	}
	close_elem(b, "Destination");
}

static void write_rule(struct buf *b, const struct rule_full *r)
{
	open_elem(b, "Rule");
	xml_elem(b, "ID", r->rule.id);
	if (r->rule.v2)
		buf_addf(b, "<Priority>%d</Priority>", (int)r->rule.priority);
	write_filter(b, r);
	xml_elem(b, "Status", r->rule.enabled ? "Enabled" : "Disabled");
	write_criteria(b, r);
	write_destination(b, r);
	wrap(b, "DeleteMarkerReplication", "Status", r->markers_status);
	close_elem(b, "Rule");
}

int rules_to_xml(const struct rule_set *rs, struct buf *out)
{
	buf_adds(out,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	xml_elem(out, "Role", rs->role);
	for (size_t i = 0; i < rs->n; i++)
		write_rule(out, &rs->rules[i]);
	close_elem(out, "ReplicationConfiguration");
	return out->error;
}
