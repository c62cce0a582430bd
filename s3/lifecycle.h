/*
 * lifecycle.h - what a bucket's lifecycle configuration lacks now that its versions are kept. Pure.
 * In a versioned bucket Expiration only makes a version noncurrent: the space comes back by
 * NoncurrentVersionExpiration alone (S3 User Guide, "Replication and lifecycle rules", and
 * "Lifecycle configuration elements").
 */
#ifndef S3_LIFECYCLE_H
#define S3_LIFECYCLE_H

#include "base/buf.h"

enum lifecycle_gap_kind {
	GAP_EXPIRATION, /* Expiration without NoncurrentVersionExpiration */
	GAP_TRANSITION, /* Transition without NoncurrentVersionTransition */
	GAP_UPLOADS,	/* no AbortIncompleteMultipartUpload for the whole bucket */
};

struct lifecycle_gap {
	enum lifecycle_gap_kind kind;
	char *rule; /* id of the rule that has it; "" = it has none, or GAP_UPLOADS */
	char *what; /* for people: which objects: "objects under 'logs/'" */
};

struct lifecycle_gaps {
	struct lifecycle_gap *items;
	size_t n;
};

void lifecycle_gaps_free(struct lifecycle_gaps *g); /* empties it; all-zero is empty */
bool lifecycle_has_gap(const struct lifecycle_gaps *g, enum lifecycle_gap_kind kind);

#define LIFECYCLE_WHY 300

/* xml "" = the bucket has no configuration. In the order of the rules, GAP_UPLOADS last. -EINVAL
 * with words of at most LIFECYCLE_WHY bytes in why. ret_g must be empty. */
int lifecycle_find_gaps(const char *xml, size_t n, struct lifecycle_gaps *ret_g, char *why)
	must_check;

/* The days of the rules that lifecycle_extend adds; 0 = no such rule. */
struct lifecycle_days {
	unsigned noncurrent; /* after a version became noncurrent */
	unsigned uploads;    /* after an upload was begun */
};

/* Appends the configuration with a rule more for each GAP_EXPIRATION and for GAP_UPLOADS. A rule
 * that is there stays byte for byte, and the new one has its filter in the same form (Prefix, or
 * Filter). Without such a gap: the same text. *ret_rules: the new rules alone, as XML for people.
 */
int lifecycle_extend(const char *xml, size_t n, const struct lifecycle_days *days, struct buf *out,
		     struct buf *ret_rules, char *why) must_check;

#endif
