/*
 * PutBucketReplication: what AWS refuses, with its codes, in its order: the source's versioning,
 * the rules one by one, then the destinations. (S3 User Guide, "Replication configuration file
 * elements"; API Reference, PutBucketReplication; messages as clients have reported them.)
 */
#include "s3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/tree.h>

#define THIS_SCHEMA                                                                                \
	" for this version of Cross Region Replication configuration schema. Please"               \
	" refer to S3 Developer Guide for more information."
#define MAX_RULES 1000

struct rules {
	struct req *r;
	bool v1;
	char *ids[MAX_RULES], *priorities[MAX_RULES], *buckets[MAX_RULES], *prefixes[MAX_RULES];
	size_t nids, npriorities, nbuckets, nprefixes;
};

static bool one_of(const char *s, const char *a, const char *b)
{
	return s && (!strcmp(s, a) || !strcmp(s, b));
}

/* Takes text; false if it is in the list already. */
static bool remember(char **list, size_t *n, char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], text)) {
			free(text);
			return false;
		}
	list[(*n)++] = text;
	return true;
}

static int invalid(struct rules *s, const char *why)
{
	return req_fail(s->r, "InvalidRequest", why);
}

static int bad_argument(struct rules *s, const char *name, const char *value, const char *why)
{
	return req_fail_x(s->r, "InvalidArgument", why, "ArgumentName", name, "ArgumentValue",
			  value, NULL);
}

/* The element's Status must be one of the two; absent is fine. */
static bool status_good(xmlNode *parent, const char *name)
{
	xmlNode *n = xml_child(parent, name);
	char *status = xml_text(n, "Status");
	bool ok = !n || one_of(status, "Enabled", "Disabled");

	free(status);
	return ok;
}

static bool status_enabled(xmlNode *n)
{
	char *status = xml_text(n, "Status");
	bool enabled = str_eq(status, "Enabled");

	free(status);
	return enabled;
}

/* ---- the filter ---- */

static int count_children(xmlNode *n, const char *name)
{
	int count = 0;

	for (xmlNode *c = xml_child(n, name); c; c = xml_next(c, name))
		count++;
	return count;
}

static int check_tags(struct rules *s, xmlNode *parent)
{
	char *keys[64];
	size_t n = 0;
	int rc = 0;

	for (xmlNode *t = xml_child(parent, "Tag"); t && !rc; t = xml_next(t, "Tag")) {
		char *key = xml_text(t, "Key"), *value = xml_text(t, "Value");
		if (n == 64 || !key || !*key || !value)
			rc = xml_bad(s->r);
		else if (!remember(keys, &n, x_strdup(key)))
			rc = invalid(s, "Duplicate Tag Keys are not allowed.");
		free(key);
		free(value);
	}
	while (n)
		free(keys[--n]);
	return rc;
}

/* Prefix, Tag or And, one of them; And with at least two things in it. */
static int check_filter(struct rules *s, xmlNode *filter)
{
	xmlNode *one = xml_child(filter, NULL), *and = xml_child(filter, "And");

	if (!one)
		return 0;
	bool known = !strcmp((const char *)one->name, "Prefix") ||
		     !strcmp((const char *)one->name, "Tag") || and;
	if (!known || xml_next(one, NULL) || (and&&count_children(and, NULL) < 2))
		return xml_bad(s->r);
	return check_tags(s, and? and : filter);
}

static int check_prefix(struct rules *s, xmlNode *rule)
{
	xmlNode *filter = xml_child(rule, "Filter"), *and = xml_child(filter, "And");
	char *prefix = xml_text(filter ? (and? and : filter) : rule, "Prefix");
	bool too_long = prefix && strlen(prefix) > 1024;

	if (prefix && s->v1 && !too_long)
		s->prefixes[s->nprefixes++] = prefix;
	else
		free(prefix);
	return too_long ? bad_argument(s, "Prefix", NULL,
				       "Rule prefix cannot be longer than maximum allowed key"
				       " length of 1024")
			: 0;
}

static int check_selection(struct rules *s, xmlNode *rule)
{
	xmlNode *filter = xml_child(rule, "Filter");

	if (!filter == !xml_child(rule, "Prefix"))
		return xml_bad(s->r);
	return filter && check_filter(s, filter) ? -1 : check_prefix(s, rule);
}

/* ---- the rest of a rule ---- */

static int check_needed(struct rules *s, xmlNode *rule)
{
	char *status = xml_text(rule, "Status");
	bool ok = one_of(status, "Enabled", "Disabled") &&
		  xml_child(xml_child(rule, "Destination"), "Bucket") &&
		  !xml_child(rule, "ExistingObjectReplication");

	free(status);
	return ok ? 0 : xml_bad(s->r);
}

static int check_schema(struct rules *s, xmlNode *rule)
{
	if (s->v1 && xml_child(rule, "Priority"))
		return invalid(s, "Priority cannot be used" THIS_SCHEMA);
	if (s->v1 && xml_child(rule, "DeleteMarkerReplication"))
		return invalid(s, "DeleteMarkerReplication cannot be used" THIS_SCHEMA);
	return 0;
}

static int check_id(struct rules *s, xmlNode *rule)
{
	char *id = xml_text(rule, "ID");
	int rc = 0;

	for (const char *p = id; p && *p && !rc; p++)
		if ((unsigned char)*p > 127)
			rc = bad_argument(s, "ID", id, "Rule Id must be ASCII");
	if (!rc && id && strlen(id) > 255)
		rc = bad_argument(s, "ID", id, "Rule Id cannot be greater than 255");
	if (!rc && id && *id && !remember(s->ids, &s->nids, x_strdup(id)))
		rc = bad_argument(s, "ID", id,
				  "Rule Id must be unique. Found same Id for more than one rule");
	free(id);
	return rc;
}

static int check_priority(struct rules *s, xmlNode *rule)
{
	char *text = s->v1 ? NULL : xml_text(rule, "Priority");
	int64_t n;
	int rc = 0;

	if (s->v1)
		return 0;
	if (!text)
		rc = invalid(s, "Priority must be specified" THIS_SCHEMA);
	else if (parse_int(text, 0, INT32_MAX, &n))
		rc = invalid(s, "Priority must be between 0 and 2147483647.");
	else if (!remember(s->priorities, &s->npriorities, x_asprintf("%lld", (long long)n))) {
		char *why = x_asprintf("Found duplicate priority %lld.", (long long)n);
		rc = invalid(s, why);
		free(why);
	}
	free(text);
	return rc;
}

static int check_markers(struct rules *s, xmlNode *rule)
{
	xmlNode *markers = xml_child(rule, "DeleteMarkerReplication");
	xmlNode *filter = xml_child(rule, "Filter"), *and = xml_child(filter, "And");

	if (s->v1)
		return 0;
	if (!markers)
		return invalid(s, "DeleteMarkerReplication must be specified" THIS_SCHEMA);
	if (!status_good(rule, "DeleteMarkerReplication"))
		return xml_bad(s->r);
	if (status_enabled(markers) && xml_child(and? and : filter, "Tag"))
		return invalid(s, "Delete marker replication is not supported if any Tag filter is"
				  " specified. Please refer to S3 Developer Guide for more"
				  " information.");
	return 0;
}

static int check_criteria(struct rules *s, xmlNode *rule)
{
	xmlNode *criteria = xml_child(rule, "SourceSelectionCriteria");

	if (criteria && !xml_child(criteria, NULL))
		return invalid(s, "SourceSelectionCriteria cannot be empty.");
	return status_good(criteria, "SseKmsEncryptedObjects") &&
			       status_good(criteria, "ReplicaModifications")
		       ? 0
		       : xml_bad(s->r);
}

/* ---- the destination, without looking at the bucket ---- */

static int check_arn(struct rules *s, xmlNode *dest)
{
	char *arn = xml_text(dest, "Bucket");
	int rc = 0;

	if (!*arn)
		rc = bad_argument(s, "Bucket", arn, "Destination bucket cannot be null or empty");
	else if (!starts_with(arn, "arn:aws:s3:::") || !arn[13] || strchr(arn + 13, '/'))
		rc = bad_argument(s, "Bucket", arn, "Invalid bucket ARN");
	else if (!strcmp(arn + 13, s->r->bucket))
		rc = invalid(s, "Destination bucket cannot be the same as the source bucket.");
	else
		remember(s->buckets, &s->nbuckets, x_strdup(arn + 13));
	free(arn);
	return rc;
}

static int check_class(struct rules *s, xmlNode *dest)
{
	char *class = xml_text(dest, "StorageClass");
	bool ok = !class || class_valid(class);

	free(class);
	return ok ? 0 : xml_bad(s->r);
}

static int check_owner(struct rules *s, xmlNode *dest)
{
	xmlNode *translation = xml_child(dest, "AccessControlTranslation");
	char *owner = xml_text(translation, "Owner"), *account = xml_text(dest, "Account");
	int rc = 0;

	if (translation && !str_eq(owner, "Destination"))
		rc = xml_bad(s->r);
	else if (translation && !account)
		rc = invalid(s, "Account must be specified if the Owner in AccessControlTranslation"
				" has a value");
	else if (account && strspn(account, "0123456789") != strlen(account))
		rc = bad_argument(s, "Account", account, "Invalid account id");
	free(owner);
	free(account);
	return rc;
}

static int check_encryption(struct rules *s, xmlNode *rule, xmlNode *dest)
{
	xmlNode *criteria = xml_child(rule, "SourceSelectionCriteria");
	bool selected = xml_child(criteria, "SseKmsEncryptedObjects");
	char *key = xml_text(xml_child(dest, "EncryptionConfiguration"), "ReplicaKmsKeyID");
	int rc = 0;

	if (xml_child(dest, "EncryptionConfiguration") && !selected)
		rc = invalid(s,
			     "SseKmsEncryptedObjects must be specified if EncryptionConfiguration"
			     " is present.");
	else if (selected && !key)
		rc = invalid(s, "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is"
				" present.");
	else if (key && !starts_with(key, "arn:aws:kms:"))
		rc = bad_argument(s, "ReplicaKmsKeyID", key, "Invalid ReplicaKmsKeyID ARN.");
	free(key);
	return rc;
}

static bool is_15(xmlNode *time)
{
	char *minutes = xml_text(time, "Minutes");
	bool ok = str_eq(minutes, "15");

	free(minutes);
	return ok;
}

static int check_time(struct rules *s, xmlNode *dest)
{
	xmlNode *rtc = xml_child(dest, "ReplicationTime"), *metrics = xml_child(dest, "Metrics");
	xmlNode *time = xml_child(rtc, "Time"), *threshold = xml_child(metrics, "EventThreshold");
	bool timed = rtc && status_enabled(rtc);

	if (!status_good(dest, "ReplicationTime") || !status_good(dest, "Metrics") ||
	    (rtc && !time))
		return xml_bad(s->r);
	if (rtc && !metrics)
		return invalid(s, "Replication destination must contain both ReplicationTime and"
				  " Metrics or neither.");
	if (rtc && timed != status_enabled(metrics))
		return invalid(s, "ReplicationTime and Metrics must have the same status.");
	if (rtc && !is_15(time))
		return bad_argument(s, "Minutes", NULL, "Invalid time minute value");
	if (timed && !threshold)
		return bad_argument(s, "EventThreshold", NULL,
				    "ReplicationMetrics must contain an event threshold");
	if (threshold && !is_15(threshold))
		return bad_argument(s, "Minutes", NULL, "Invalid event threshold minute value");
	if (threshold && !timed)
		return bad_argument(s, "EventThreshold", NULL,
				    "Metrics cannot contain an event threshold when ReplicationTime"
				    " is not specified or Disabled.");
	return 0;
}

static int check_rule(struct rules *s, xmlNode *rule)
{
	xmlNode *dest = xml_child(rule, "Destination");

	if (check_needed(s, rule) || check_selection(s, rule) || check_schema(s, rule) ||
	    check_id(s, rule) || check_priority(s, rule) || check_markers(s, rule) ||
	    check_criteria(s, rule))
		return -1;
	return check_arn(s, dest) || check_class(s, dest) || check_owner(s, dest) ||
			       check_encryption(s, rule, dest) || check_time(s, dest)
		       ? -1
		       : 0;
}

/* ---- the whole ---- */

static int check_role(struct rules *s, xmlNode *root)
{
	char *role = xml_text(root, "Role");
	const char *account = role && starts_with(role, "arn:aws:iam::") ? role + 13 : "";
	size_t digits = strspn(account, "0123456789");
	int rc = 0;

	if (!role)
		rc = xml_bad(s->r);
	else if (!digits || account[digits] != ':')
		rc = bad_argument(s, "Role", role,
				  "Invalid Role specified in replication configuration");
	else if (!starts_with(account + digits, ":role/"))
		rc = bad_argument(s, "Role", role, "The relative id should start with role");
	free(role);
	return rc;
}

/* A bucket that is not here is believed to be elsewhere, unless --check-destinations. */
static int check_bucket(struct rules *s, const char *name)
{
	struct bucket b;

	db_lock();
	bool missing = bucket_find(name, &b);
	db_unlock();
	if (missing)
		return conf.check_destinations ? invalid(s, "Destination bucket must exist.") : 0;
	if (b.versioning != VERSIONING_ENABLED)
		return invalid(s, "Destination bucket must have versioning enabled.");
	return 0;
}

static int check_overlap(struct rules *s)
{
	if (s->v1 && s->nbuckets > 1)
		return invalid(s, "Number of distinct destination bucket ARNs cannot exceed 1");
	for (size_t i = 0; i < s->nprefixes; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = s->prefixes[k], *b = s->prefixes[i];
			if (!starts_with(a, b) && !starts_with(b, a))
				continue;
			char *why = x_asprintf("Found overlapping prefixes '%s' and '%s'", a, b);
			invalid(s, why);
			free(why);
			return -1;
		}
	return 0;
}

static int check_rules(struct rules *s, xmlNode *root)
{
	int n = count_children(root, "Rule"), rc = 0;

	if (count_children(root, NULL) != n + 1 || !n)
		return xml_bad(s->r);
	if (check_role(s, root))
		return -1;
	if (s->r->b.versioning != VERSIONING_ENABLED)
		return invalid(s, "Versioning must be 'Enabled' on the bucket to apply a"
				  " replication configuration");
	if (n > MAX_RULES)
		return invalid(s, "Number of defined replication rules cannot exceed 1000");
	for (xmlNode *rule = xml_child(root, "Rule"); rule; rule = xml_next(rule, "Rule"))
		s->v1 = s->v1 || !xml_child(rule, "Filter");
	for (xmlNode *rule = xml_child(root, "Rule"); rule && !rc; rule = xml_next(rule, "Rule"))
		rc = check_rule(s, rule);
	if (!rc)
		rc = check_overlap(s);
	for (size_t i = 0; i < s->nbuckets && !rc; i++)
		rc = check_bucket(s, s->buckets[i]);
	return rc;
}

static void free_list(char **list, size_t n)
{
	while (n)
		free(list[--n]);
}

int op_put_replication(struct req *r)
{
	if (body_needs_digest(r))
		return -1;
	xmlDoc *doc = xml_parse(r, "ReplicationConfiguration");
	if (!doc)
		return -1;
	struct rules *s = x_calloc(1, sizeof(*s));
	s->r = r;
	int rc = check_rules(s, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	free_list(s->ids, s->nids);
	free_list(s->priorities, s->npriorities);
	free_list(s->buckets, s->nbuckets);
	free_list(s->prefixes, s->nprefixes);
	free(s);
	return rc ? -1 : op_put_conf(r);
}
