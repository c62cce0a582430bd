/*
 * dest.h - the destinations: where each ARN is, and how it is doing.
 *
 *  state   meaning                                  leaves to
 *  open    jobs may be claimed, up to a number      paused (3 failures in a row of the destination
 *          at once                                  as a whole: no answer, 5xx, throttling,
 *                                                   credentials that ran out)
 *  paused  until a time, with the reason            probing (the time has come)
 *  probing one job may be claimed                   open (it went well), paused (longer)
 */
#ifndef QUEUE_DEST_H
#define QUEUE_DEST_H

#include "s3/caps.h"
#include "s3/client.h"

/* What close(2) and fsync(2) have seen done when they return: bytes and promise are durable here;
 * the source has the version; every destination that the rules select has it. */
enum durability { DURABILITY_STAGED, DURABILITY_SOURCE, DURABILITY_REPLICAS };

/* "staged" or "A", "source" or "B", "replicas" or "C". */
int durability_parse(const char *word, enum durability *ret_d) must_check;

struct dest; /* one destination; lives as long as its set */
struct dest_set;

struct dest_set_conf {
	const char *file; /* destinations.conf; NULL = none */
	/* an ARN without a section: the source's endpoint and credentials; cred is not taken */
	const struct s3_client_conf *source;
	const struct cred_conf *source_cred; /* to make a credential source of its own */
	unsigned at_once;		     /* jobs at once per destination; 0 = 16 */
	/* for tests: what all destinations send through; NULL = as the source's */
	http_attempt_fn *attempt;
	void *attempt_arg;
};

/* Reads the file; makes no request. -EINVAL with file, line and words in why. Sections that no rule
 * names are kept: rules may be reloaded. */
int dest_set_new(const struct dest_set_conf *conf, struct dest_set **ret_d, char *why,
		 size_t why_len) must_check;
void dest_set_free(struct dest_set *ds);
void dest_set_abort(struct dest_set *ds); /* every request to any destination ends soon */
/* The destination of an ARN, made at first use. Borrowed from the set. */
int dest_get(struct dest_set *ds, const char *arn, struct dest **ret_d, char *why, size_t why_len)
	must_check;

/* The rules of which the file says something; NULL after the last. */
const char *dest_set_rule(const struct dest_set *ds, size_t i);
/* What it says of a rule, by its ID; false: nothing. */
bool dest_set_durability(const struct dest_set *ds, const char *rule_id, enum durability *ret_d);

const char *dest_arn(const struct dest *d);
const char *dest_bucket(const struct dest *d);
struct s3_client *dest_client(const struct dest *d); /* borrowed */

/* Its section of the file: a bucket without versioning is good enough; a storage class that it does
 * not have becomes its default. */
bool dest_unversioned_ok(const struct dest *d);
bool dest_class_fallback(const struct dest *d);

/* What its server can do. False: nobody has learnt it yet, and all is unknown. */
bool dest_get_caps(struct dest *d, struct s3_caps *ret_c);
void dest_set_caps(struct dest *d, const struct s3_caps *c);
/* True: not known, and the caller shall learn it, then call dest_end_caps (NULL: in vain). Waits
 * while another does. */
bool dest_begin_caps(struct dest *d);
void dest_end_caps(struct dest *d, const struct s3_caps *c);
/* It has told that it takes no ACLs; true the first time. */
bool dest_lost_acl(struct dest *d);

/* May another job be claimed now? Takes a place when it says yes; give it back with dest_note. now
 * is wall ms. */
bool dest_admit(struct dest *d, int64_t now_ms);
/* How the job went: 0 or the -errno with its error (may be NULL). -ECANCELED says nothing about the
 * destination. true when the state changed (to be written down and logged). */
bool dest_note(struct dest *d, int err, const struct s3_error *e, int64_t now_ms);

struct dest_health {
	bool paused;
	int64_t until_ms; /* wall; when the next probe is due */
	int64_t since_ms;
	char why[256];
};
void dest_get_health(struct dest *d, struct dest_health *ret_h);
/* The earliest time at which a paused destination may be probed; CLOCK_NEVER when none is paused.
 * */
int64_t dest_set_next_probe(struct dest_set *ds);
void dest_set_each(struct dest_set *ds, void (*fn)(void *arg, struct dest *d), void *arg);

#endif
