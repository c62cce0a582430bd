/*
 * rules.h - the ReplicationConfiguration of S3: read it, and say what it wants for one object.
 * Pure: no I/O, no threads. A rule_set never changes after parsing and may be shared by threads.
 * Sources: S3 API Reference (PutBucketReplication), S3 User Guide ("Replication configuration").
 */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "base/base.h"
#include "base/buf.h"
#include "base/kv.h"

struct rule_set; /* immutable, refcounted */

struct rules_error {
	char code[48];	   /* S3's: MalformedXML, InvalidRequest, InvalidArgument, ... */
	char message[400]; /* S3's words where S3 has words for it */
	/* ours: what exactly is wrong, where S3's words do not say; else "" */
	char hint[200];
	int line, col; /* of the element at fault, from 1; 0 = unknown */
};

/* XML or AWS CLI JSON (also wrapped in {"ReplicationConfiguration": ...}), told apart by the first
 * character. Returns new set (one reference). -EINVAL with ret_err (may be NULL) filled; -ENOMEM.
 * Checks in S3's order, all that needs no network; text is borrowed for the call only. */
int rules_parse(const char *text, size_t len, struct rule_set **ret_rs, struct rules_error *ret_err)
	must_check;
/* The same, but what rules_warning would tell is MalformedXML. */
int rules_parse_strict(const char *text, size_t len, struct rule_set **ret_rs,
		       struct rules_error *ret_err) must_check;
/* The same, of what a bucket gave back, or rules_to_xml: some servers (Ceph) keep neither Role, nor
 * DeleteMarkerReplication, nor a Filter that selects everything. The Role is not missed; a rule
 * without the second replicates no delete markers, one without the third but with a Priority is for
 * all objects, and a warning says so. */
int rules_parse_stored(const char *text, size_t len, struct rule_set **ret_rs,
		       struct rules_error *ret_err) must_check;
/* A set without rules, which no text can say: it selects nothing. Returns new; -ENOMEM. */
int rules_none(struct rule_set **ret_rs) must_check;
struct rule_set *rules_ref(struct rule_set *rs);
void rules_unref(struct rule_set *rs); /* NULL is fine */

/* Elements that were not understood and ignored, or stood in the wrong place and were read all the
 * same (mistakes of S3's own examples), for one warning each, at most 100: "line 7: unknown element
 * 'Foo' in Rule ignored". */
size_t rules_warning_count(const struct rule_set *rs);
const char *rules_warning(const struct rule_set *rs, size_t i);

/* What S3 would answer to GetBucketReplication, in AWS's element order; of a set without rules
 * nothing. What was absent stays absent, what was empty stays empty. */
int rules_to_xml(const struct rule_set *rs, struct buf *out) must_check;
/* The same as the AWS CLI has it: wrapped as get-bucket-replication prints it, bare as
 * put-bucket-replication takes it. */
int rules_to_json(const struct rule_set *rs, bool wrapped, struct buf *out) must_check;

/* One rule, as written. All strings borrowed from the set; NULL = absent. */
struct rule {
	const char *id; /* generated when the file had none */
	bool enabled;
	bool v2;		       /* Filter, Priority, DeleteMarkerReplication are V2 */
	int32_t priority;	       /* 0 for V1 */
	const char *prefix;	       /* "" = all */
	const struct kv *tags;	       /* all needed; may be empty */
	bool replicate_delete_markers; /* V1: true; V2: DeleteMarkerReplication = Enabled */
	bool sse_kms;		       /* SseKmsEncryptedObjects = Enabled */
	bool replica_modifications;    /* ReplicaModifications = Enabled */
	const char *dest_arn;	       /* arn:aws:s3:::bucket */
	const char *dest_bucket;       /* the bucket's name in it */
	const char *account;
	const char *storage_class;
	bool owner_override; /* AccessControlTranslation/Owner = Destination */
	const char *kms_key_id;
	bool metrics;
	/* 15 with ReplicationTime or Metrics/EventThreshold, else 0 */
	int32_t threshold_minutes;
};

/* NULL: the bucket did not keep it */
const char *rules_role(const struct rule_set *rs);
size_t rules_count(const struct rule_set *rs);
/* in file order; borrowed */
const struct rule *rules_get(const struct rule_set *rs, size_t i);
/* Distinct destination ARNs, sorted. */
size_t rules_dest_count(const struct rule_set *rs);
const char *rules_dest(const struct rule_set *rs, size_t i);

/* What is known of the object. */
struct rules_facts {
	const char *key;
	const struct kv *tags; /* NULL = none */
	bool delete_marker;    /* this operation is a delete without version id */
	/* it carries somebody's replica mark: replicated by no rule */
	bool is_replica;
	/* x-amz-server-side-encryption; NULL = not encrypted, or not known */
	const char *sse;
};

/*
 * The rule that acts for each destination: of the enabled rules that match, the one with the
 * highest priority (S3 User Guide, "Specifying a filter", "priority"). For a delete marker that
 * winner must also want delete markers. Objects encrypted with KMS keys ("aws:kms",
 * "aws:kms:dsse") match only rules with sse_kms (S3 User Guide, "Replicating encrypted objects");
 * others match regardless. Writes up to max borrowed rules, one per destination, sorted by ARN;
 * returns how many (<= rules_dest_count).
 */
size_t rules_match(const struct rule_set *rs, const struct rules_facts *f,
		   const struct rule **ret_rules, size_t max);

/* Could tags that are not known yet change the answer for this key? (Some enabled rule matches by
 * prefix and has tags, and no rule without tags comes before it; for a plain object or for one that
 * is encrypted with a KMS key.) */
bool rules_tags_matter(const struct rule_set *rs, const char *key);

/* Why a rule acts for an object or not; the first that holds. */
enum rules_why {
	RULES_ACTS,
	RULES_DISABLED,
	RULES_OF_REPLICA, /* the object is a replica */
	RULES_OTHER_PREFIX,
	RULES_OTHER_TAG,    /* tag is missing, or has another value */
	RULES_TAGS_UNKNOWN, /* the rule needs tags, and nobody knows those of the object */
	RULES_OTHER_SSE,    /* encrypted with a KMS key, and the rule does not select that */
	RULES_LOWER,	    /* another rule acts for that destination */
	RULES_MAYBE_LOWER,  /* another rule acts for that destination if it has the tags */
	RULES_NO_MARKERS,   /* it decides, but wants no delete markers */
};

/* All borrowed: from the set, and from the facts. */
struct rules_verdict {
	const struct rule *rule;
	enum rules_why why;
	const char *tag;	  /* RULES_OTHER_TAG: its name ... */
	const char *tag_has;	  /* ... and the value that the object has; NULL = not tagged */
	const struct rule *other; /* RULES_LOWER, RULES_MAYBE_LOWER */
};

/*
 * One verdict per rule, in file order: writes up to max, returns rules_count. Without tags_known
 * f->tags is not read. With them, the rules that act are those of rules_match.
 */
size_t rules_explain(const struct rule_set *rs, const struct rules_facts *f, bool tags_known,
		     struct rules_verdict *ret_v, size_t max);
/* "rule 'tax' (priority 10) -> arn:aws:s3:::copy: acts, class STANDARD_IA", no line end. */
int rules_verdict_text(const struct rules_verdict *v, struct buf *out) must_check;

/* What a valid set says that people hardly mean. */
struct rules_remark {
	const char *rule_id; /* borrowed from the set */
	int line;
	char what[240];	  /* what is odd about it */
	char remedy[240]; /* what to do about it */
};

/* In file order. Returns new array (free), NULL when there is nothing to say. */
int rules_lint(const struct rule_set *rs, struct rules_remark **ret_remarks, size_t *ret_n)
	must_check;

/* Plain words for people: "1. tax: objects under \"Tax/\" -> bucket copy (delete markers too)", no
 * line end. r must be one that rules_get or rules_match gave, not a copy. */
int rules_describe(const struct rule *r, struct buf *out) must_check;

#endif
