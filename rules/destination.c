/* destination.c - the Destination of a rule, and the ARNs in it. */
#include <errno.h>
#include <string.h>

#include "base/codec.h"

#include "rules/rules_i.h"

#define BUCKET_MIN 3
#define BUCKET_MAX 255 /* 63 now; buckets made in us-east-1 before 2018 may have longer names */

bool rules_arn_split(const char *s, struct arn *ret_arn)
{
	struct arn a;

	if (strncmp(s, "arn:", 4) != 0)
		return false;
	s += 4;
	for (int i = ARN_PARTITION; i < ARN_PARTS; i++) {
		size_t n = i == ARN_RESOURCE ? strlen(s) : strcspn(s, ":");

		a.at[i] = s;
		a.len[i] = n;
		s += n;
		if (i < ARN_RESOURCE && *s++ != ':')
			return false;
	}
	*ret_arn = a;
	return true;
}

bool rules_arn_is(const struct arn *a, enum arn_part part, const char *s)
{
	return a->len[part] == strlen(s) && memcmp(a->at[part], s, a->len[part]) == 0;
}

bool rules_arn_account_ok(const struct arn *a)
{
	return a->len[ARN_ACCOUNT] == 12 && strspn(a->at[ARN_ACCOUNT], "0123456789") == 12;
}

const char *rules_arn_foreign(const char *s)
{
	return strncmp(s, "arn:minio:", 10) == 0
		       ? "; this is one of MinIO's, whose target's place belongs in the file of"
			 " destinations"
		       : "";
}

/* Also the names of before 2018: capitals, underscores, up to 255 (S3 User Guide, "Bucket naming
 * rules"). */
static bool bucket_name_ok(const char *s)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strlen(s);

	return n >= BUCKET_MIN && n <= BUCKET_MAX && strspn(s, plain) == n && s[0] != '.' &&
	       !strstr(s, "..");
}

static int read_bucket(struct rule_full *r, const struct doc_node *dest, const char *partition,
		       struct rules_error *err)
{
	static const char code[] = "InvalidArgument";
	const struct doc_node *n = doc_child(dest, "Bucket");
	struct arn a;

	if (!n->text[0])
		return rules_fail(err, n, code, "Destination bucket cannot be null or empty");
	if (!rules_arn_split(n->text, &a) || !rules_arn_is(&a, ARN_SERVICE, "s3") ||
	    a.len[ARN_REGION] > 0 || a.len[ARN_ACCOUNT] > 0) {
		rules_fail(err, n, code, "Invalid bucket ARN");
		return rules_hint(err, "a destination is arn:aws:s3:::<bucket>%s",
				  rules_arn_foreign(n->text));
	}
	if (!rules_arn_is(&a, ARN_PARTITION, partition)) {
		rules_fail(err, n, code, "Invalid bucket ARN");
		return rules_hint(err, "Role is in partition '%s'; the bucket must be, too",
				  partition);
	}
	if (!bucket_name_ok(a.at[ARN_RESOURCE]))
		return rules_fail(err, n, code, "The specified bucket is not valid.");
	r->rule.dest_arn = n->text;
	r->rule.dest_bucket = a.at[ARN_RESOURCE];
	return 0;
}

static int read_storage_class(struct rule_full *r, const struct doc_node *dest,
			      struct rules_error *err)
{
	/* All of the API's enumeration but FSX_OPENZFS, which its text excludes for replication. */
	static const char *const classes[] = {
		"STANDARD",
		"REDUCED_REDUNDANCY",
		"STANDARD_IA",
		"ONEZONE_IA",
		"INTELLIGENT_TIERING",
		"GLACIER",
		"DEEP_ARCHIVE",
		"OUTPOSTS",
		"GLACIER_IR",
		"SNOW",
		"EXPRESS_ONEZONE",
		"FSX_ONTAP",
	};
	const struct doc_node *n = doc_child(dest, "StorageClass");
	char shown[64];

	if (!n)
		return 0;
	for (size_t i = 0; i < array_size(classes); i++) {
		if (strcmp(n->text, classes[i]) == 0) {
			r->rule.storage_class = n->text;
			return 0;
		}
	}
	return rules_malformed(err, n, "'%s' is no storage class for replicas",
			       printable(n->text, shown, sizeof(shown)));
}

static int read_owner(struct rule_full *r, const struct doc_node *dest, struct rules_error *err)
{
	const struct doc_node *n = doc_child(dest, "AccessControlTranslation");
	const struct doc_node *account = doc_child(dest, "Account");
	const char *owner;

	if (n) {
		owner = doc_text(n, "Owner");
		if (!owner || strcmp(owner, "Destination") != 0)
			return rules_malformed(
				err, n,
				"AccessControlTranslation needs Owner, and only Destination");
		if (!account || !account->text[0])
			return rules_fail(err, n, "InvalidRequest",
					  "Account must be specified if the Owner in"
					  " AccessControlTranslation has a value");
	}
	if (account && !account->text[0])
		return rules_fail(
			err, account, "InvalidArgument",
			"The Account element is empty. It must contain a valid account ID.");
	r->rule.account = account ? account->text : NULL;
	r->rule.owner_override = n != NULL;
	return 0;
}

static bool kms_arn_ok(const char *s, const char *partition)
{
	const char *what;
	size_t n;
	struct arn a;

	if (!rules_arn_split(s, &a) || !rules_arn_is(&a, ARN_PARTITION, partition) ||
	    !rules_arn_is(&a, ARN_SERVICE, "kms") || a.len[ARN_REGION] == 0 ||
	    !rules_arn_account_ok(&a))
		return false;
	what = a.at[ARN_RESOURCE];
	n = a.len[ARN_RESOURCE];
	return ((strncmp(what, "key/", 4) == 0) || (strncmp(what, "alias/", 6) == 0)) &&
	       what[n - 1] != '/';
}

static int read_encryption(struct rule_full *r, const struct doc_node *dest, const char *partition,
			   struct rules_error *err)
{
	const struct doc_node *n = doc_child(dest, "EncryptionConfiguration");
	const struct doc_node *key = n ? doc_child(n, "ReplicaKmsKeyID") : NULL;
	bool key_given = key && key->text[0];

	if (n && !r->kms_status)
		return rules_fail(err, n, "InvalidRequest",
				  "SseKmsEncryptedObjects must be specified if"
				  " EncryptionConfiguration is present.");
	if (r->kms_status && !key_given)
		return rules_fail(err, n ? n : dest, "InvalidRequest",
				  "ReplicaKmsKeyID must be specified if"
				  " SseKmsEncryptedObjects tag is present.");
	if (!key_given)
		return 0;
	if (!kms_arn_ok(key->text, partition))
		return rules_fail(err, key, "InvalidArgument", "Invalid ReplicaKmsKeyID ARN.");
	r->rule.kms_key_id = key->text;
	return 0;
}

static bool minutes_ok(const char *s)
{
	int64_t v;

	return s && parse_i64(s, &v) == 0 && v == RULES_MINUTES;
}

/* Status of both, and that both or only Metrics are there. */
static int read_time_status(struct rule_full *r, const struct doc_node *time,
			    const struct doc_node *metrics, struct rules_error *err)
{
	const struct doc_node *value;

	if (metrics && !rules_status_ok(doc_text(metrics, "Status")))
		return rules_malformed(err, metrics, "Metrics needs Status, Enabled or Disabled");
	r->metrics_status = metrics ? doc_text(metrics, "Status") : NULL;
	if (!time)
		return 0;
	value = doc_child(time, "Time");
	if (!rules_status_ok(doc_text(time, "Status")))
		return rules_malformed(err, time,
				       "ReplicationTime needs Status, Enabled or Disabled");
	if (!value)
		return rules_malformed(err, time, "ReplicationTime has no Time");
	if (!metrics)
		return rules_fail(err, time, "InvalidRequest",
				  "Replication destination must contain both ReplicationTime and"
				  " Metrics or neither.");
	if (!minutes_ok(doc_text(value, "Minutes")))
		return rules_fail(err, value, "InvalidArgument", "Invalid time minute value");
	r->time_status = doc_text(time, "Status");
	return 0;
}

static int read_time(struct rule_full *r, const struct doc_node *dest, struct rules_error *err)
{
	const struct doc_node *time = doc_child(dest, "ReplicationTime"),
			      *metrics = doc_child(dest, "Metrics");
	const struct doc_node *threshold = metrics ? doc_child(metrics, "EventThreshold") : NULL;
	const char *minutes = threshold ? doc_text(threshold, "Minutes") : NULL;
	int e;

	e = read_time_status(r, time, metrics, err);
	if (e < 0)
		return e;
	if (rules_is_enabled(r->time_status)) {
		if (!minutes)
			return rules_fail(err, metrics, "InvalidArgument",
					  "ReplicationMetrics must contain an event threshold");
		if (!minutes_ok(minutes))
			return rules_fail(err, threshold, "InvalidArgument",
					  "Invalid event threshold minute value");
	} else if (threshold) {
		return rules_fail(err, threshold, "InvalidArgument",
				  "Metrics cannot contain an event threshold when ReplicationTime"
				  " is not specified or Disabled");
	}
	if (r->time_status && r->metrics_status && strcmp(r->time_status, r->metrics_status) != 0)
		return rules_fail(
			err, metrics, "InvalidRequest",
			"ReplicationTime and ReplicationMetrics must have the same status.");
	r->metrics_threshold = threshold != NULL;
	r->rule.metrics = rules_is_enabled(r->metrics_status);
	r->rule.threshold_minutes = rules_is_enabled(r->time_status) ? RULES_MINUTES : 0;
	return 0;
}

int rules_read_destination(struct rule_full *r, const struct doc_node *dest, const char *partition,
			   struct rules_error *err)
{
	int e;

	e = read_bucket(r, dest, partition, err);
	if (e < 0)
		return e;
	e = read_storage_class(r, dest, err);
	if (e < 0)
		return e;
	e = read_owner(r, dest, err);
	if (e < 0)
		return e;
	e = read_encryption(r, dest, partition, err);
	if (e < 0)
		return e;
	return read_time(r, dest, err);
}
